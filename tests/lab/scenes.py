"""What is played in tests/lab/test_scenes.py: the settings, the releases, and how each must end."""

from dataclasses import dataclass
from typing import Any

from .conftest import Shell, as_sample

RPS = 300  # real seconds, hence 300 in a virtual minute, too: the clock is sixty times as fast
USUAL = ("--latency", "20ms", "--spread", "0.5")


def settings(max_time: str) -> str:
    """An adaptive canary, with short waits after what is to be seen."""
    return as_sample(f"""
[environments.lab.canary]
hold_back_for = "2m"
final_bake = "1m"
linger = "1m"
route_deadline = "10m"

[environments.lab.analysis]
max_time = "{max_time}"
min_requests = 20
metrics_delay = "70s"

[environments.lab.probe]
path = "/health"
deadline = "10m"

[environments.lab.provision]
deadline = "20m"
""")


@dataclass(frozen=True)
class Scene:
    """One bad release: what it does to its users, and how it is found out.

    words: in the reason, one of them at least.
    metric: by which it is condemned; "" where it never comes to a verdict.
    most:  requests that it may have failed before it was gone.
    """

    release: str
    how: tuple[str, ...]
    words: tuple[str, ...]
    metric: str = ""
    most: int = 0

    def pack(self, shell: Shell) -> None:
        """Put it into the lab's S3."""
        shell.json("lab", "release", self.release, *self.how)


FAILURES, SLOW = "failures", "slow"
TWICE_AS_SLOW = Scene(
    "twice-as-slow", ("--latency", "40ms", "--spread", "0.5"), (SLOW,), metric=SLOW
)
ALL = Scene("all", ("--error-rate", "1", *USUAL), (FAILURES,), FAILURES, 400)
OTHERS = (
    Scene("fifth", ("--error-rate", "0.2", *USUAL), (FAILURES,), FAILURES, 200),
    Scene("twentieth", ("--error-rate", "0.05", *USUAL), (FAILURES,), FAILURES, 150),
    Scene("hundredth", ("--error-rate", "0.01", *USUAL), (FAILURES,), FAILURES, 100),
    Scene("crashing", ("--crash-after", "20s", *USUAL), ("probes", "healthy")),
    # Long enough to get users: then there is nobody to answer them, or too few.
    Scene("dying", ("--crash-after", "4m", *USUAL), ("healthy", FAILURES), most=200),
)
COLD = ("--cold", "2m", "--cold-latency", "150ms", "--cold-error-rate", "0.02")


def evidence(record: Any, metric: str) -> list[Any]:
    """What was known of one metric, minute by minute, as `show` tells it."""
    return [
        {**minute, **minute["metrics"][metric]}
        for minute in record["evidence"]["minutes"]
        if metric in minute["metrics"]
    ]
