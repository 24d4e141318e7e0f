"""A leashed child is the program itself, and never outlives the process that started it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.lab import leash

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux only"),
]

PARENT = """
import os, sys, pathlib
from deployer.lab import leash
here = pathlib.Path(sys.argv[1])
child = leash.start(["cat", sys.argv[2]], env=os.environ, cwd=here, log=here / "log")
print(child.pid, flush=True)
sys.stdin.read()
"""

FAMILY = """
import os, sys, pathlib
from deployer.lab import leash
here = pathlib.Path(sys.argv[1])
start = "setsid sleep 60 & echo $!; sleep 60 & echo $!; wait"
leash.start(["sh", "-c", start], env=os.environ, cwd=here, log=here / "log")
sys.stdin.read()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def start(argv: list[str], here: Path, **env: str) -> subprocess.Popen[bytes]:
    return leash.start(argv, env={**os.environ, **env}, cwd=here, log=here / "log")


def test_the_child_has_its_environment_folder_log_and_status(tmp_path: Path) -> None:
    code = "import os; print(os.environ['WORD'], os.getcwd(), os.getpid()); raise SystemExit(7)"
    child = start(python(code), tmp_path, WORD="hello")
    assert child.wait(10) == 7
    assert (tmp_path / "log").read_text() == f"hello {tmp_path} {child.pid}\n"


def test_the_child_gets_signals_and_default_dispositions(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert start(python(code), tmp_path).wait(10) == -signal.SIGTERM
    # Python ignores SIGPIPE; the shell shows what it inherited: an ignored one would not kill it.
    assert start(["sh", "-c", "kill -PIPE $$; exit 3"], tmp_path).wait(10) == -signal.SIGPIPE


def test_a_program_that_is_not_there_is_named_in_the_log(tmp_path: Path) -> None:
    assert start(["no-such-program"], tmp_path).wait(10) == 127
    assert "leash: no-such-program: No such file" in (tmp_path / "log").read_text()


def test_a_leash_whose_parent_is_gone_does_not_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", leash.__file__, "1", "touch", str(tmp_path / "ran")],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"the parent is gone" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_the_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    made: list[subprocess.Popen[bytes]] = []
    asker = threading.Thread(target=lambda: made.append(start(["sleep", "60"], tmp_path)))
    asker.start()
    asker.join()
    with pytest.raises(subprocess.TimeoutExpired):
        made[0].wait(0.3)
    made[0].kill()
    assert made[0].wait(10) == -signal.SIGKILL


def test_a_parent_killed_with_sigkill_takes_its_child_along(tmp_path: Path) -> None:
    # The child (cat) is the only reader of this pipe: writing breaks the moment it is gone.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), str(pipe)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        writer = os.open(pipe, os.O_WRONLY)  # returns once the child reads: it runs
        assert Path(f"/proc/{child_pid}").exists()
        parent.kill()
        assert parent.wait(10) == -signal.SIGKILL
    reader_gone = False
    for _ in range(200):
        try:
            os.write(writer, b".")
        except BrokenPipeError:
            reader_gone = True
            break
        threading.Event().wait(0.02)
    os.close(writer)
    assert reader_gone


def gone(pid: int) -> bool:
    """Whether it has ended; one that nobody has reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def eventually(what: Callable[[], bool]) -> bool:
    """Whether it comes true within ten seconds."""
    pause = threading.Event()
    return any(what() or pause.wait(0.02) for _ in range(500))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_what_a_child_has_started_ends_with_us_too(
    tmp_path: Path, how: signal.Signals | None
) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY, str(tmp_path)], stdin=subprocess.PIPE
    ) as parent:
        assert eventually(lambda: log.exists() and len(log.read_text().split()) == 2)
        grandchildren = [int(word) for word in log.read_text().split()]
        assert not any(map(gone, grandchildren))
        if how:
            parent.send_signal(how)
    assert eventually(lambda: all(map(gone, grandchildren)))
