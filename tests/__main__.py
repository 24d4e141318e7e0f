"""`make test`: every test but the long ones, in about the time of those that must have the machine to
themselves.

Tests with real processes (marked `lab`, `cdk` or `alone`) live in real time and wait most of it: four
files at a time, each in one process, so that what a file has started is shared by its tests. All others
need nothing but a processor: they run on every core meanwhile, with lower priority. Which of the two
a test belongs to, only its marks say; that files without any are not even read by the four is what
saves most of the minute that reading all of them takes each.

`make test-long` runs those marked `long`: minutes of real processes that show for one more strategy or
fault what a test of `make test` shows already, in the lab or by simulation. With these alone both
would take longer than anybody waits for.

Both parts are pytest as you would start it; the second speaks when the first has ended. The exit
status is that of the first part that failed. Ctrl-C reaches both.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

REAL = "(lab or cdk or alone) and not long"
PURE = "not (lab or cdk or alone or long)"
LONG = "long"
LOWER_PRIORITY = 10
# With it a second of work may take ten: the limit of a test that hangs, in seconds.
PATIENCE = ("--timeout", "300")
FILES = ("-n", "4", "--dist", "loadfile")
WORKERS = ("-n", str(os.cpu_count() or 2), "--dist", "worksteal")
MARK = re.compile(r"\bmark\.(lab|cdk|alone|long)\b")
PYTEST = (sys.executable, "-m", "pytest", "-q")


def main(arguments: Sequence[str]) -> int:
    """Run both parts, or what is `long`; all further `arguments` go to pytest, such as `-x`."""
    if arguments[:1] == ["long"]:
        long = [*PYTEST, "-m", LONG, *FILES, *where(arguments[1:])]
        return subprocess.run(long, check=False).returncode
    with tempfile.TemporaryFile() as said:
        real = subprocess.Popen(
            [*PYTEST, "-m", REAL, *FILES, *where(arguments)],
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            pure = subprocess.run(
                [
                    "nice",
                    "-n",
                    str(LOWER_PRIORITY),
                    *PYTEST,
                    "-m",
                    PURE,
                    *WORKERS,
                    *PATIENCE,
                    *arguments,
                ],
                check=False,
            ).returncode
            sys.stdout.write("With real processes, at the same time:\n")
            status = real.wait()
        finally:
            real.wait()  # after Ctrl-C it is ending too: nothing of it may stay behind
            said.seek(0)
            sys.stdout.buffer.write(said.read())
            sys.stdout.flush()
    return pure or status


def where(arguments: Sequence[str]) -> list[str]:
    """The same arguments, and files that may have tests with real processes, unless they name some."""
    named = any(Path(each.partition("::")[0]).exists() for each in arguments)
    return [*arguments, *([] if named else map(str, marked()))]


def marked() -> list[Path]:
    """Files with such a mark; tests/conftest.py refuses one that is given elsewhere."""
    return sorted(
        path
        for path in Path(__file__).parent.rglob("test_*.py")
        if MARK.search(path.read_text(encoding="utf-8"))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
