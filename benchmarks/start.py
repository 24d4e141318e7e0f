"""How long `deployer --help` takes, beside an empty click program and an empty Python.

Method
------
Each is a process of its own with the same interpreter. They take turns, so that whatever else the
machine does hits all of them alike; of RUNS each the median is shown. As a ratio: `deployer --help`
over the empty click program. Target: below 3. The run fails above it.
"""

import statistics
import subprocess
import sys
import time

RUNS = 21
TARGET = 3.0
EMPTY = "import click\n@click.group()\ndef cli(): pass\ncli()"
PROGRAMS = {
    "python, empty": ["-c", "pass"],
    "click, empty --help": ["-c", EMPTY, "--help"],
    "deployer --help": ["-m", "deployer.cli.main", "--help"],
    "deployer canary --help": ["-m", "deployer.cli.main", "canary", "--help"],
}


def took_s(arguments: list[str]) -> float:
    """Seconds of one process, from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, judge."""
    for arguments in PROGRAMS.values():
        took_s(arguments)  # files are in memory, bytecode is written
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS):
        for name, arguments in PROGRAMS.items():
            times[name].append(took_s(arguments))
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, median in medians.items():
        print(f"{name:<24} {1000 * median:6.0f} ms")
    ratio = medians["deployer --help"] / medians["click, empty --help"]
    print(f"deployer --help over an empty click program: {ratio:.2f}; target below {TARGET:g}")
    assert ratio < TARGET, f"--help takes {ratio:.2f} times an empty click program"
