"""Tables of the lab's commands: what the client saw, what runs inside, how the demo went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from deployer.durations import spell


@dataclass(frozen=True, slots=True)
class Ending:
    """How one release of the demo went.

    expected, status: exit statuses of `deployer canary`.
    outcome:          what the expected status means, in words.
    """

    release: str
    outcome: str
    expected: int
    status: int
    took_s: float

    @property
    def as_expected(self) -> bool:
        return self.status == self.expected


def own_failures(release: str, failures: Mapping[str, int]) -> int:
    """Failures that the release itself answered: `http_500` and its like, with its name on them."""
    if release in ("none", "unanswered"):
        return 0
    return sum(count for cause, count in failures.items() if cause.startswith("http_"))


def lost(report: Mapping[str, Any], bad: Sequence[str]) -> dict[str, int]:
    """Failed requests that are ours, by `release: cause`: all but what a bad release answered."""
    ours = {}
    for release, seen in report["releases"].items():
        for cause, count in seen["failures"].items():
            if not (release in bad and cause.startswith("http_")):
                ours[f"{release}: {cause}"] = count
    return ours


def load_table(report: Mapping[str, Any]) -> Table:
    """Requests, failures by cause and latency, per release."""
    title = f"{report['requests']} requests at {report['rps']:g}/s"
    table = Table("release", title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in ("requests", "failed", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column, justify="right")
    table.add_column("failures by cause")
    for release, seen in report["releases"].items():
        latency = seen["latency_ms"]
        percentiles = [_number(latency.get(name)) for name in ("p50", "p95", "p99")]
        table.add_row(
            release, str(seen["requests"]), str(seen["failed"]), *percentiles,
            _causes(seen["failures"]),
        )  # fmt: skip
    return table


def functions_table(functions: Sequence[Mapping[str, Any]]) -> Table:
    """What each function has done, and the newest of what went wrong."""
    table = Table(Column("function", overflow="fold"), box=SIMPLE_HEAD)
    for column in ("invocations", "errors", "throttles", "running"):
        table.add_column(column, justify="right")
    table.add_column("last problem")
    for one in functions:
        problems = one["problems"] or [""]
        counts = [str(one[name]) for name in ("invocations", "errors", "throttles", "running")]
        table.add_row(one["name"], *counts, Text(problems[-1]))
    return table


# What fits a terminal; `--output json` has everything that `Fleet.describe` gives.
SHOWN = ("instance", "release", "lifecycle", "address", "process", "restarts")


def instances_table(instances: Sequence[Mapping[str, Any]]) -> RenderableType:
    """What runs inside the lab; a last line for each instance that has something to complain of."""
    if not instances:
        return Text("No instance runs: release something with `deployer canary v1`.")
    table = Table(*SHOWN, box=SIMPLE_HEAD)
    for instance in instances:
        table.add_row(*(str(instance[key] or "") for key in SHOWN))
    complaints = [Text(f"{i['instance']}: {i['reason']}") for i in instances if i["reason"]]
    return Group(table, *complaints)


def demo_table(endings: Sequence[Ending], report: Mapping[str, Any]) -> RenderableType:
    """The closing table, and the one number that matters."""
    table = Table("release", "outcome", box=SIMPLE_HEAD)
    for column in ("time", "requests served", "failed by the release", "lost by us"):
        table.add_column(column, justify="right")
    bad = [ending.release for ending in endings if ending.expected != 0]
    ours = lost(report, bad)
    for ending in endings:
        seen = report["releases"].get(ending.release, {"requests": 0, "failures": {}})
        own = own_failures(ending.release, seen["failures"]) if ending.release in bad else 0
        outcome = Text(ending.outcome, "green")
        if not ending.as_expected:
            outcome = Text(f"exit {ending.status}, not {ending.expected}", "red")
        table.add_row(
            ending.release, outcome, spell(ending.took_s), str(seen["requests"]), str(own),
            str(sum(n for key, n in ours.items() if key.startswith(f"{ending.release}: "))),
        )  # fmt: skip
    return Group(table, _verdict(report, ours))


def _verdict(report: Mapping[str, Any], ours: Mapping[str, int]) -> Text:
    total = report["requests"]
    if not ours and report["skipped"]:
        return Text(
            f"{total} requests, none lost; but {report['skipped']} more were due and not sent, so "
            "this proves less than it should: try again with fewer (--rps).",
            "bold red",
        )
    if not ours:
        return Text(f"{total} requests, none lost.", "bold green")
    return Text(f"{total} requests, {sum(ours.values())} LOST ({_causes(ours)}).", "bold red")


def _causes(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {cause}" for cause, count in failures.items())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
