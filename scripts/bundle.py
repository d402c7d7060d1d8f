"""One folder with everything that a computer without internet needs: wheels and the model.

python -m scripts.bundle            makes dist/lowrank-bundle, for this Python and this system
python -m scripts.bundle --check    and installs from it into an empty environment, without an index
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from lowrank.readers.default_model import fetch

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "dist" / "lowrank-bundle"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
README = """\
Rank and low-rank explorer, without internet
============================================

For {system} and Python {python}. On each computer, in this folder:

    python3 -m venv explorer
    explorer/bin/python -m pip install --no-index --find-links wheels "lowrank-explorer[app]"
    LOWRANK_CACHE="$PWD/model" explorer/bin/lowrank app

Then open http://localhost:8501. For a class on one server: explorer/bin/lowrank class, which needs
HAProxy or Caddy. The model's licence is Apache 2.0.
"""


def bundle(folder: Path) -> None:
    """Put the wheels and the model there."""
    shutil.rmtree(folder, ignore_errors=True)
    wheels, kept = folder / "wheels", folder / "model"
    wheels.mkdir(parents=True)
    kept.mkdir()
    subprocess.run([*PIP, "wheel", "--no-deps", "-w", str(wheels), str(ROOT)], check=True)
    wheel = next(wheels.glob("*.whl"))
    wanted = ["--only-binary", ":all:", "-d", str(wheels), f"{wheel}[app]"]
    subprocess.run([*PIP, "download", *wanted], check=True)
    model = fetch()
    shutil.copy2(model, kept / model.name)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    said = README.format(system=sys.platform, python=version)
    (folder / "README.txt").write_text(said, encoding="utf-8")


def check(folder: Path) -> None:
    """Install from it with the index off, and ask for the model and every library of the pages."""
    with tempfile.TemporaryDirectory() as work:
        venv.create(work, with_pip=False)
        python = str(Path(work) / ("Scripts" if os.name == "nt" else "bin") / "python")
        wheels = ["--no-index", "--find-links", str(folder / "wheels"), "lowrank-explorer[app]"]
        subprocess.run([*PIP, "--python", python, "install", "--no-compile", *wheels], check=True)
        alone = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
        alone |= {"LOWRANK_CACHE": str(folder / "model"), "PIP_NO_INDEX": "1"}
        for command in (["-m", "lowrank", "fetch"], ["-c", "import lowrank.ui.everything"]):
            subprocess.run([python, *command], cwd=work, env=alone, check=True)


def main() -> None:
    """Make the bundle, and try it if that is asked for."""
    bundle(BUNDLE)
    if "--check" in sys.argv[1:]:
        check(BUNDLE)
    size = sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file())
    print(f"{BUNDLE.relative_to(ROOT)}: {size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
