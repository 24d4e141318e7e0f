"""Runs a hook's command, and never lets it outlive its runner. A program of its own.

    python hook_guard.py WORDS_FD LIMIT_S GRACE_S PROGRAM [ARGUMENT ...]

The command gets a process group of its own. The group is ended (SIGTERM, and SIGKILL after GRACE_S)
when the command has ended, when LIMIT_S real seconds have passed, or when our standard input ends:
the runner holds the other end of that pipe, so that even its SIGKILL ends the hook. One word about
the end goes to the pipe WORDS_FD: `exit 3`, `signal 9`, `deadline`, `ended` or `missing WHY`.

Standard library only, and nothing of the deployer: it starts in a few milliseconds.
"""

import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

TICK_S = 0.02


def main() -> None:
    """Guard one command."""
    words, limit_s, grace_s, *command = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, heard)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except (OSError, ValueError) as error:
        say(int(words), f"missing {error}")
        return
    word = watched(child, time.monotonic() + float(limit_s))
    finish(child, float(grace_s))
    say(int(words), word)


def heard(_number: int, _frame: FrameType | None) -> None:
    """Our runner decides, by closing the pipe; unlike SIG_IGN, a handler is not inherited."""


def watched(child: "subprocess.Popen[bytes]", until: float) -> str:
    """The word about how it ended, or must end."""
    while child.poll() is None:
        if time.monotonic() >= until:
            return "deadline"
        readable, _, _ = select.select([0], [], [], TICK_S)
        if readable and not os.read(0, 4096):
            return "ended"
    status = child.returncode
    return f"exit {status}" if status >= 0 else f"signal {-status}"


def finish(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """The whole group is gone; those that will not go are killed."""
    until = time.monotonic() + grace_s
    there = reached(child, signal.SIGTERM)
    while there and time.monotonic() < until:
        time.sleep(TICK_S)
        child.poll()
        there = reached(child, 0)
    if there:
        reached(child, signal.SIGKILL)
    child.wait()


def reached(child: "subprocess.Popen[bytes]", number: int) -> bool:
    """Whether anybody in the group could be sent the signal; 0 only asks."""
    try:
        os.killpg(child.pid, number)
    except OSError:
        return False
    return True


def say(descriptor: int, word: str) -> None:
    """The runner may be gone."""
    try:
        os.write(descriptor, word.encode())
    except OSError:
        return


if __name__ == "__main__":
    main()
