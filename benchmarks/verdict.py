"""From the verdict to the last request that the bad release answered, with real traffic in the lab.

Method
------
A lab of its own, clock x 20, default settings but short bakes. v1 serves; then v3, which fails a fifth
of its requests, is shipped by each strategy that moves traffic: canary with half of the traffic,
and blue/green. One client asks all the while on a kept-alive connection, as fast as it can. The
deployer runs as a process of its own and prints an event for everything that happens; both clocks are
the machine's.

From each run, wall milliseconds since the event that tells of the verdict (`retreat`) was read:

written     until the event that says that the journal holds the old weights, and they are being sent.
felt        until the last request that v3 answered had been sent. After that, none may be v3's.

As a ratio: `felt` over the poll (5 s of the lab's clock, 250 ms of the wall's). Below 1 the way back does
not wait for a look: it begins in the same moment. Target: 1. The run fails if a request is v3's after
the deployment has ended, or one is lost that v3 did not fail itself.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.lab import ROOT, SCALE, running
from deployer.lab import home
from deployer.settings.reading import load

RUNS = {
    "canary": ("--weights", "50", "--bake", "10m"),
    "blue-green": ("--bake", "10m"),
}


@dataclass
class Client:
    """Asks without pause until `ended`; what it was told, in order."""

    url: str
    answers: list[tuple[float, str, int]] = field(default_factory=list)  # sent, release, status
    ended: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        while not self.ended.is_set():
            sent = time.perf_counter()
            connection.request("GET", "/")
            response = connection.getresponse()
            response.read()
            release = response.headers.get("X-Release", "nobody")
            self.answers.append((sent, release, response.status))
        connection.close()


def main() -> None:
    """Print the figures, a strategy at a time."""
    poll_s = load(ROOT / "deployer.toml", "lab").journal.poll_s / SCALE
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as (state, _):
        kept = {k: v for k, v in os.environ.items() if k not in home.SHADOWING}
        variables = kept | home.environment(state) | {home.FOLDER_VARIABLE: directory}
        for words in (("v1",), ("v3", "--error-rate", "0.2")):
            assert events(variables, "lab", "release", *words)
        assert ended(events(variables, "canary", "v1")) == "shipped"
        print(f"lab, clock x {SCALE}: v3 fails a fifth of its requests")
        for strategy, flags in RUNS.items():
            show(strategy, *measure(variables, state.url, strategy, flags), poll_s)


def measure(
    variables: dict[str, str], url: str, strategy: str, flags: tuple[str, ...]
) -> tuple[float, float, int]:
    """Seconds from the verdict to the write and to the last request of v3's, and how many it had."""
    client = Client(url)
    asking = threading.Thread(target=client.ask)
    asking.start()
    try:
        told = events(variables, strategy, "v3", *flags)
        time.sleep(0.5)
    finally:
        client.ended.set()
        asking.join()
    assert ended(told) == "rolled_back", told[-1]
    verdict = next(at for at, event in told if event["event"] == "retreat")
    written = next(
        at
        for at, event in told
        if at >= verdict and event["event"] == "change" and "send" in event["note"]
    )
    lost = [status for _, release, status in client.answers if status >= 500 and release != "v3"]
    assert not lost, lost
    bad = [sent for sent, release, _ in client.answers if release == "v3"]
    assert bad[-1] < told[-1][0]
    return written - verdict, max(0.0, bad[-1] - verdict), len(bad)


Told = list[tuple[float, dict[str, Any]]]


def events(variables: dict[str, str], *arguments: str) -> Told:
    """What our own command line says, and when it was read."""
    command = [sys.executable, "-u", "-m", "deployer.cli.main", "--output", "json", *arguments]
    with subprocess.Popen(
        command, env=variables, cwd=ROOT, text=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        return [(time.perf_counter(), json.loads(line)) for line in process.stdout]


def ended(told: Told) -> str:
    return str(told[-1][1]["status"])


def show(strategy: str, written_s: float, felt_s: float, bad: int, poll_s: float) -> None:
    """Print one strategy's figures."""
    print(
        f"  {strategy:12} verdict to weights written {1000 * written_s:6.0f} ms, "
        f"to the last request of v3's {1000 * felt_s:6.0f} ms "
        f"= {felt_s / poll_s:.2f} polls (target 1); v3 answered {bad}"
    )
