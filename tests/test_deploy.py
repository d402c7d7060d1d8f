"""What lies in deploy/ can be read by what reads it, and names what is there."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from lowrank.__main__ import main

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def instructions(word: str) -> list[str]:
    """The arguments of a Dockerfile's instructions of that name, lines joined."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


def test_what_the_image_is_made_of_is_there():
    made_of = [source for given in instructions("COPY") for source in shlex.split(given)[:-1]]
    assert {"app.py", "lowrank", "pages"} <= set(made_of)
    assert [source for source in made_of if not (ROOT / source).exists()] == []


def test_what_is_started_is_a_command_of_ours(capsys):
    started = [*instructions("CMD"), (DEPLOY / "lowrank.service").read_text(encoding="utf-8")]
    for text in started:
        (options,) = re.findall(r"lowrank class ([^\"\n]*)", text)
        given = options.replace("$WORKERS", "2").split()
        with pytest.raises(SystemExit) as ended:
            main(["class", *given, "--help"])
        assert ended.value.code == 0
        assert all(word in capsys.readouterr().out for word in [given[0]])


def test_the_services_are_built_from_the_dockerfile_and_keep_a_volume():
    (service,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values()
    context = (DEPLOY / service["build"]["context"]).resolve()
    assert (context / service["build"]["dockerfile"]) == DEPLOY / "Dockerfile"
    assert service["ports"] == [f"{instructions('EXPOSE')[0]}:{instructions('EXPOSE')[0]}"]
    assert service["volumes"] == [f"kept:{instructions('VOLUME')[0]}"]


def test_a_space_shows_the_port_that_the_image_serves():
    front = (DEPLOY / "space.md").read_text(encoding="utf-8").split("---")[1]
    told = yaml.safe_load(front)
    assert told["sdk"] == "docker"
    assert told["app_port"] == int(instructions("EXPOSE")[0])
    assert told["colorFrom"] in told["colorTo"] + " red yellow green blue indigo purple pink gray"
    assert len(told["short_description"]) <= 60


def test_systemd_takes_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "lowrank.service").read_text(encoding="utf-8")
    here = tmp_path / "lowrank.service"  # of a program that this machine has
    here.write_text(unit.replace("/opt/lowrank/bin/lowrank", "/bin/true"), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(here)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "lowrank.service" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
