"""The application starts with the python3 of Amazon Linux 2023, which is older than ours."""

import ast
import shutil
import signal
import subprocess

import pytest

from tests.example_app.conftest import SOURCE, Start

OLDEST = (3, 9)


def test_its_source_is_old_enough() -> None:
    module = ast.parse(SOURCE.read_text(), feature_version=OLDEST)
    imported = [node for node in module.body if isinstance(node, ast.ImportFrom)]
    # Without this, `X | None` in a signature is evaluated, and fails before Python 3.10.
    assert (imported[0].module, imported[0].names[0].name) == ("__future__", "annotations")
    # Before Python 3.11 these are not what asyncio raises when time is up.
    names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    assert not names & {"TimeoutError", "ExceptionGroup", "TaskGroup"}


def works(python: str) -> bool:
    version = "import sys; print(sys.version_info[:2] == (3, 9))"
    done = subprocess.run([python, "-c", version], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "True"


PYTHON = shutil.which("python3.9")


@pytest.mark.skipif(not (PYTHON and works(PYTHON)), reason="there is no Python 3.9 here")
def test_it_serves_and_ends_on_the_oldest(start: Start) -> None:
    shop = start("v1", python=PYTHON, boot_s=0.1).ready()
    assert shop.get("/health")[0] == 200
    shop.child.send_signal(signal.SIGTERM)
    assert shop.child.wait(10) == 0
