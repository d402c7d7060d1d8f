"""All that any page can need, imported before the first visitor is answered.

Two things make a class's first minute fail, or every later one slow. Many script threads that
import the same modules at once can meet one that is only half there; whoever imports this module
waits until it is whole. And Python's collector goes over the hundreds of thousands of objects that
the libraries hold, which never become garbage, again and again; they are taken out of its sight
here, once. For the same reason .streamlit/config.toml keeps Streamlit from collecting after each
run of a page, which with sixty students took a third of its time.

And one thread of linear algebra is enough for a page: of small products, the waiting of two
threads for one another is most of the cost, and other visitors want the other core.
"""

import gc
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from lowrank.spectra.svd import threads

# What pages and libraries load only where they use it.
LATER = (
    "PIL.Image",
    "gguf",
    "huggingface_hub",
    "jinja2.sandbox",
    "pandas",
    "plotly.graph_objects",
    "plotly.subplots",
    "pyarrow",
    "regex",
    "sympy",
    "threadpoolctl",
    "tokenizers",
)
PROGRAMS = ("lowrank.__main__", "lowrank.llama.sandbox")  # run by themselves, never imported


def _load() -> None:
    for library in LATER:
        import_module(library)
    with suppress(ImportError):  # without which no PDF is made, and pages say so
        import_module("typst")
    for module in pkgutil.walk_packages([str(Path(__file__).parents[1])], "lowrank."):
        if module.name not in PROGRAMS and module.name != __name__:
            import_module(module.name)


# Apart, because Streamlit breaks a run off when its visitor leaves or reloads, also in the middle
# of an import: then whoever waits for it gets none.
with ThreadPoolExecutor(1) as apart:
    apart.submit(_load).result()
gc.collect()
gc.freeze()
threads.use(1)
