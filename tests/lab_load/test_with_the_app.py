"""The load client and the example application together: nothing is lost, nobody is mixed up."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.lab.load.runner import Load, run
from deployer.lab.load.target import Schedule

pytestmark = pytest.mark.alone

SOURCE = Path(__file__).parents[2] / "examples" / "app" / "app.py"
App = tuple[subprocess.Popen[str], str]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[[str], App]]:
    """`app("v1")` -> (process, URL)."""
    running: list[subprocess.Popen[str]] = []
    shutil.copy(SOURCE, tmp_path)

    def begin(release: str) -> App:
        child = subprocess.Popen(
            [sys.executable, "-I", "app.py"],
            cwd=tmp_path,
            env={"HOST": "127.0.0.1", "PORT": "0", "RELEASE": release, "PATH": os.defpath},
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(child)
        assert child.stdout is not None
        return child, f"http://127.0.0.1:{child.stdout.readline().rpartition(':')[2].strip()}/"

    yield begin
    for child in running:
        child.kill()
        child.communicate()


def test_two_applications_under_load_lose_nothing(app: Callable[[str], App]) -> None:
    _, blue = app("v1")
    _, green = app("v2")
    with Load(blue, Schedule(250, 2)) as load:
        second = run(green, 250, 2)
    first = load.report
    for report, release in ((first, "v1"), (second, "v2")):
        assert (report.failed, report.skipped) == (0, 0)
        assert report.releases.keys() == {release}
        assert report.connections < 100
    assert second.requests == 500


def test_an_application_that_is_told_to_end_resets_nobody(app: Callable[[str], App]) -> None:
    """Once it listens no more, new connections are refused; what was sent before is answered."""
    child, url = app("v1")
    timer = threading.Timer(0.5, child.send_signal, (signal.SIGTERM,))
    timer.start()
    report = run(url, 200, 1.0)
    assert child.wait(10) == 0
    assert report.ok > 0
    assert report.failures.keys() == {"connect"}


def test_an_application_that_is_killed_resets_what_it_had(app: Callable[[str], App]) -> None:
    child, url = app("v1")
    timer = threading.Timer(0.3, child.kill)
    timer.start()
    report = run(url, 200, 0.8)
    assert report.ok > 0
    assert report.failures["connect"] > 0
    assert report.failures.keys() <= {"connect", "reset"}
    assert report.requests == report.ok + report.failed == 160
