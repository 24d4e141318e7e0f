"""CPU time of a process and of everything that it has started, from /proc."""

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_UTIME = 11  # of the fields after the name, proc(5): utime, stime, cutime, cstime


def spent_s(pid: int) -> float:
    """Seconds so far, children that have ended included; 0 if the process is gone."""
    ticks, waiting = 0, [pid]
    while waiting:
        one = Path(f"/proc/{waiting.pop()}")
        try:
            fields = (one / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            waiting += [
                int(child)
                for thread in (one / "task").iterdir()
                for child in (thread / "children").read_text(encoding="utf-8").split()
            ]
        except OSError:
            continue  # it has ended since it was named
        ticks += sum(map(int, fields[_UTIME : _UTIME + 4]))
    return ticks / _TICKS_A_SECOND
