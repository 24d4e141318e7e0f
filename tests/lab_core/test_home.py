"""The lab's folder: one lab in it at a time, nothing left of the last, nobody else's touched."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.errors import NotPossibleNow
from deployer.lab import home

pytestmark = pytest.mark.alone

HOLDER = """
import sys, time
from pathlib import Path
from deployer.lab import home
with home.take(Path(sys.argv[1])):
    print("taken", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_lab(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        yield process


def test_one_lab_a_folder(tmp_path: Path) -> None:
    assert not home.running(tmp_path)
    with another_lab(tmp_path) as process:
        assert home.running(tmp_path)
        with pytest.raises(NotPossibleNow, match="a lab runs in"):
            home.take(tmp_path)
        assert home.stop(tmp_path)
        process.wait(10)
    assert not home.running(tmp_path)
    assert not home.stop(tmp_path)


def test_a_lab_starts_while_others_look(tmp_path: Path) -> None:
    home.take(tmp_path).close()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.0005):
            home.running(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            home.take(tmp_path).close()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_two_who_look_at_once_see_no_lab(tmp_path: Path) -> None:
    home.take(tmp_path).close()
    with (tmp_path / "lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # as `running` does, held
        assert not home.running(tmp_path)
        assert not home.stop(tmp_path)


def test_a_new_lab_begins_anew_and_touches_nothing_else(tmp_path: Path) -> None:
    left = ["state.json", "audit.jsonl", "audit.before.jsonl", "balancer/rds/x.json",
            "balancer/envoy.log", "instances/i-0123/app.log"]  # fmt: skip
    others = ["templates-1/manifest.json", "instances/mine.txt", "balancer/notes", "audit.txt"]
    for name in left + others:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    home.take(tmp_path).close()
    assert [name for name in left if (tmp_path / name).exists()] == []
    assert [name for name in others if not (tmp_path / name).exists()] == []
