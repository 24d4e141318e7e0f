"""The commands of the documentation, as they stand there, in one lab: README first, then page by page."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import amazon
from tests.documents.reading import Block, consoles
from tests.downloads import Unreachable

from .conftest import ROOT, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(900)]

RUN = "run in the lab"
README = "README.md"
# Whoever comes to another page is the deployer again.
DEPLOYER = 'eval "$(deployer lab env)"'
ADMIN = 'eval "$(deployer lab env --role admin)"'
# What a page takes for granted when it begins: releases of its own, and users.
BEFORE = {
    "docs/operating.md": (
        "deployer lab release v12",
        "deployer lab release v13 --error-rate 0.3",
        "deployer lab load --rps 200 --duration 10m &",
    ),
    "docs/cost.md": ("deployer lab release v42",),
    # Whoever publishes or hands out a role is not the deployer.
    "docs/schema-changes.md": (ADMIN,),
    "docs/security.md": (ADMIN,),
    "docs/teardown.md": (ADMIN,),
}
# What goes on until somebody presses Ctrl-C: two seconds after it has told where it is.
ENDLESS = "until-told"
UNTIL_TOLD = """#!{python}
import signal, subprocess, sys, time
running = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
for line in running.stdout:
    print(line, end="")
    if "http://" in line:
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        break
print(running.stdout.read())
sys.exit(running.wait())
"""


def blocks() -> list[Block]:
    """README's, then the others, which find its lab still up."""
    marked = [block for block in consoles() if block.mark == RUN]
    return sorted(marked, key=lambda block: (block.page != README, block.page, block.line))


@dataclass(frozen=True)
class Line:
    """One command; `status`: what the page says that it ends with."""

    where: str
    typed: str
    status: int = 0

    def script(self) -> str:
        """Runs it in the shell that ran the others, and stops at what the page does not say."""
        failed = f"the status of {self.where}: {self.typed}"
        ran = self.typed
        if ran.startswith("deployer dashboard"):
            ran = f"{ENDLESS} {ran}"
        return (
            f"echo {shlex.quote('$ ' + self.typed)}\n{ran}\nended=$?\n"
            f"[ $ended -eq {self.status} ] || {{ echo {shlex.quote(failed)} is $ended; exit 1; }}\n"
        )


def lines() -> Iterator[Line]:
    down = []
    begun: set[str] = set()
    for block in blocks():
        if block.page not in begun:
            begun.add(block.page)
            before = () if block.page == README else (DEPLOYER, *BEFORE.get(block.page, ()))
            yield from (Line(block.page, each) for each in before)
        for typed in block.commands:
            _, _, said = typed.partition("exit status ")
            line = Line(f"{block.page}:{block.line}", typed, int(said[:1] or 0))
            if typed.startswith("deployer lab down"):
                down.append(line)
            else:
                yield line
    yield from down


def test_every_command_that_can_run_in_the_lab_does_what_its_page_says(tmp_path: Path) -> None:
    try:
        programs = amazon.installed(tmp_path / "bin")
    except Unreachable as error:
        pytest.skip(f"no real AWS CLI: {error}")
    service = tmp_path / "service"  # as a checkout; commands write into it
    service.mkdir()
    shell = shell_for(tmp_path / "lab", service_in(service, (ROOT / "deployer.toml").read_text()))
    program = programs / "deployer"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m deployer.cli.main "$@"\n')
    program.chmod(0o755)
    endless = programs / ENDLESS
    endless.write_text(UNTIL_TOLD.format(python=sys.executable))
    endless.chmod(0o755)
    variables = {
        **shell.variables,
        "PATH": os.pathsep.join((str(programs), shell.variables["PATH"])),
        "PYTHONPATH": str(ROOT),
        "BROWSER": "true",  # what `--open` opens
    }
    script = "".join(each.script() for each in lines())
    told = tmp_path / "told"  # no pipe: who is still there in the background would hold it open
    try:
        with told.open("w") as screen:
            done = subprocess.run(
                ["bash", "-u"], input=script, cwd=service, env=variables, text=True, check=False,
                stdout=screen, stderr=subprocess.STDOUT, timeout=840,
            )  # fmt: skip
    finally:
        shell.run("lab", "down")
    said = told.read_text()
    assert done.returncode == 0, said[-6000:]
    for each in lines():
        assert f"$ {each.typed}" in said
