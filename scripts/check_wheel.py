"""Show that the wheel is enough: built, installed with its `app` extra in an empty environment, its
command started in an empty folder, and every page opened in Chromium without an error.

python -m scripts.check_wheel      from the checkout's top, with playwright; a minute or two
"""

import os
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack
from pathlib import Path

from scripts.look_at_pages import look
from tests.browser.conftest import free_port, wait_until_healthy

ROOT = Path(__file__).parents[1]


def installed(work: Path) -> Path:
    """The folder of programs of a new environment that holds the wheel and what it asks for."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(work), str(ROOT)], check=True)
    wheel = next(work.glob("*.whl"))
    environment = work / "environment"
    venv.create(environment, with_pip=False)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    install = ["--python", python, "install", "--no-compile", f"{wheel}[app]"]
    subprocess.run([*pip, *install], check=True)
    return programs


def main() -> list[str]:
    """Build, install, serve and walk; what is wrong."""
    with ExitStack() as leaving:
        work = Path(leaving.enter_context(tempfile.TemporaryDirectory()))
        programs, empty = installed(work), work / "empty"
        empty.mkdir()
        # An empty folder and no PYTHONPATH: the checkout is out of reach.
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        where = [programs / "python", "-c", "import lowrank; print(lowrank.__file__)"]
        found = subprocess.check_output(where, cwd=empty, env=bare, text=True).strip()
        if not Path(found).is_relative_to(work):
            return [f"lowrank is imported from {found}"]
        subprocess.run([programs / "lowrank"], cwd=empty, env=bare, check=True)
        # Under the distribution's own name it is the same command: `uvx lowrank-explorer`.
        subprocess.run([programs / "lowrank-explorer", "--help"], cwd=empty, env=bare, check=True)
        port = free_port()
        command = [str(programs / "lowrank"), "app", "--port", str(port)]
        server = subprocess.Popen(command, cwd=empty, env=bare, stdout=subprocess.DEVNULL)
        leaving.callback(server.wait)
        leaving.callback(server.terminate)
        wait_until_healthy(f"http://127.0.0.1:{port}", server, seconds=300)
        return look(f"http://127.0.0.1:{port}")


if __name__ == "__main__":
    sys.exit("\n".join(main()) or 0)
