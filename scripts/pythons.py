"""Run the suite, browser tests apart, on every Python this project supports; print the matrix.

python -m scripts.pythons [--lowest] [PYTEST ARGUMENTS]

Interpreters are taken from PATH and from the folders of pyenv and uv. Each gets an environment in
.venvs/, made by uv where it is installed and by pip elsewhere, with the newest versions of
everything that pyproject.toml allows, or with --lowest, the oldest.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
MINORS = ("3.11", "3.12", "3.13")
MANAGED = (".pyenv/versions/{}.*/bin/python", ".local/share/uv/python/cpython-{}.*/bin/python")
SHOWN = ("numpy", "scipy", "plotly", "streamlit", "huggingface_hub", "tokenizers", "sympy")
SUITE = ["-q", "-n", "0", "-m", "not browser", "--no-header", "-p", "no:cacheprovider"]


def interpreter(minor: str) -> str | None:
    """A Python of this minor version that runs, or None."""
    managed = [str(p) for where in MANAGED for p in sorted(Path.home().glob(where.format(minor)))]
    for program in filter(None, [shutil.which(f"python{minor}"), *reversed(managed)]):
        # pyenv's shims lie on PATH for versions that are not switched on
        asked = [program, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True).stdout.strip() == minor:
            return program
    return None


def lower_bounds() -> list[str]:
    """`name==lowest` for every dependency and extra in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = chain(project["dependencies"], *project["optional-dependencies"].values())
    bounded = (re.match(r"([\w.-]+)>=([\w.]+)", each) for each in asked)
    return sorted({f"{bound[1]}=={bound[2]}" for bound in bounded if bound})


def environment(minor: str, program: str, lowest: bool) -> Path:
    """The Python of an up-to-date environment for this version."""
    folder = ROOT / ".venvs" / (f"{minor}-lowest" if lowest else minor)
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([program, "-m", "venv", str(folder)], check=True)
    install = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    install += ["--upgrade-strategy", "eager"]
    if uv := shutil.which("uv"):  # many times as quick
        install = [uv, "pip", "install", "--python", python]
    install += ["-q", "--upgrade", "-r", ROOT / "requirements-dev.txt"]
    if lowest:
        constraints = folder / "lowest.txt"
        constraints.write_text("\n".join(lower_bounds()) + "\n", encoding="utf-8")
        install += ["-c", constraints]
    subprocess.run(install, check=True)
    return python


def versions(python: Path) -> str:
    """The versions that decide, in one line."""
    program = f"import importlib.metadata as m; print(*(m.version(n) for n in {SHOWN}))"
    said = subprocess.check_output([python, "-c", program], text=True).split()
    return ", ".join(f"{name} {version}" for name, version in zip(SHOWN, said, strict=True))


def main() -> int:
    """One row a Python; 0 if every suite passed and no version was missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lowest", action="store_true", help="the oldest versions allowed")
    parser.add_argument("--only", choices=MINORS, help="one Python alone")
    arguments, chosen = parser.parse_known_args()
    rows, failed = [], False
    for minor in [arguments.only] if arguments.only else MINORS:
        program = interpreter(minor)
        if program is None:
            rows.append((minor, "no such interpreter here", ""))
            failed = True
            continue
        python = environment(minor, program, arguments.lowest)
        done = subprocess.run(
            [python, "-m", "pytest", *SUITE, *chosen], cwd=ROOT, text=True, stdout=subprocess.PIPE
        )
        print(done.stdout, flush=True)
        rows.append((minor, done.stdout.strip().splitlines()[-1], versions(python)))
        failed |= bool(done.returncode)
    for row in rows:
        print(" | ".join(row))
    return failed


if __name__ == "__main__":
    sys.exit(main())
