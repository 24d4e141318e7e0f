"""Children that die with us, even when we are killed with SIGKILL and can run no handler.

`start` runs `python -I -S leash.py PARENT_PID ARGV...`; that small program asks the kernel to be
killed when its parent ends (prctl(2), PR_SET_PDEATHSIG: kept over execve), makes sure that the
parent is still there, and becomes ARGV. Never preexec_fn: it is unsafe in a program with threads.

"Parent" means the *thread* that made the child. So one thread makes all children and lives as
long as the interpreter. The kernel's promise is about our own children only: what they start in
turn is marked in its environment and ended by `undertaker`, a process that waits for our end.

Linux only: macOS has no such signal, and no loopback network 127.0.0.0/8 either.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import NoReturn

PR_SET_PDEATHSIG = 1
VARIABLE = "DEPLOYER_LEASH"  # in the environment of all that we start, and of what they start
# Python ignores these, and an ignored signal stays ignored over execve.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def start(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start `argv`; its output is appended to `log`; it is killed when this process ends.

    The child leads a session of its own, so that Ctrl-C reaches us alone and we end it in order.
    Its pid is that of `argv` itself. A program that cannot be run ends with status 127 and one
    line in `log`.

    Raises:
        OSError: `cwd` or `log` cannot be used, or this is not Linux.
    """
    if sys.platform != "linux":
        raise OSError(
            f"the lab runs on Linux only (this is {sys.platform}): see deployer/lab/leash.py"
        )
    return _spawner(os.getpid()).submit(_spawn, argv, env, cwd, log).result()


@cache
def _spawner(_pid: int) -> ThreadPoolExecutor:
    """The one thread that makes children; a forked process gets one of its own."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="leash")


@cache
def _mark(pid: int) -> str:
    """What tells our descendants apart; from now on an undertaker waits for our end."""
    mark = f"{pid}-{token_hex(8)}"
    undertaker = str(Path(__file__).with_name("undertaker.py"))
    waits, _ours = os.pipe()  # ours is never closed, and inherited by nobody
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", undertaker, f"{VARIABLE}={mark}"],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, waits, 0)],
        setsid=True,
    )
    os.close(waits)
    return mark


def _spawn(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path
) -> subprocess.Popen[bytes]:
    mark = {VARIABLE: _mark(os.getpid())}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv],
            env={**env, **mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def become(parent_pid: int, argv: Sequence[str]) -> NoReturn:
    """Tie this process to its parent, then turn into `argv`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit(f"leash: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent_pid:  # it ended before prctl: no signal will come
        sys.exit("leash: the parent is gone")
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606  # becoming the child is the purpose
    except OSError as problem:
        print(f"leash: {argv[0]}: {problem.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(127)


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
