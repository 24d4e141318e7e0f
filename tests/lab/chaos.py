"""A deployer that is killed again and again, under load, and what is left of it and of its users."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import boto3

from .conftest import ROOT, Shell

CHANGES = {
    "service": "elbv2,ec2,autoscaling",
    "action": "Create*,Modify*,Update*,Terminate*,Suspend*,Resume*",
}
WRITES = {"service": "dynamodb", "action": "UpdateItem,TransactWriteItems"}
MOST_LIVES = 80
SETTINGS = """
[service]
name = "shop"

[environments.lab]
account = "123456789012"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-03c3da4cfa8e8943a"
max_instances = 6
protected = false

[canary]
weights = [50]
bake = "1m"
final_bake = "1m"
linger = "1m"
route_deadline = "1h"
retire_deadline = "1h"

[blue_green]
bake = "1m"
window = "1m"

[rolling]
bake = "1m"
surge = "1"

[analysis]
min_requests = 10
metrics_delay = "40s"
max_time = "3m"

[probe]
path = "/health"
deadline = "1h"

[provision]
deadline = "1h"

[journal]
lease = "LEASE"
poll = "5s"
on_interrupt = "ON_INTERRUPT"
"""


def settings(lease: str = "1m", on_interrupt: str = "pause") -> str:
    """A deployer.toml with short bakes and long deadlines."""
    return SETTINGS.replace("LEASE", lease).replace("ON_INTERRUPT", on_interrupt)


class Load:
    """What users saw, once the load has ended."""

    report: Any = None

    @property
    def told(self) -> str:
        """The whole report: pytest would cut it short just where the causes are."""
        return json.dumps(self.report)

    @property
    def lost(self) -> int:
        """Requests that failed through no fault of a release that answers errors."""
        rows = self.report["releases"].values()
        own = sum(int(row["failures"].get("http_500", 0)) for row in rows)
        return int(self.report["failed"]) - own


@contextmanager
def load(shell: Shell, rps: int = 60) -> Iterator[Load]:
    """Users, meanwhile."""
    seen = Load()
    process = subprocess.Popen(
        shell.command("--output", "json", "lab", "load", "--rps", str(rps), "--duration", "900s"),
        env=dict(shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    assert "Sending" in process.stderr.readline()  # an interrupt before that leaves no report
    try:
        yield seen
    finally:
        process.send_signal(signal.SIGINT)  # the report still comes
        out, said = process.communicate(timeout=60)
        assert out, f"no report of the load (exit status {process.returncode}): {said}"
        seen.report = json.loads(out)


@dataclass(frozen=True)
class Lab:
    """The lab's own paths: faults, and the log of calls."""

    shell: Shell

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        url = f"{self.shell.variables['AWS_ENDPOINT_URL']}/_lab/{path}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  loopback
            return json.load(answer)

    def add(self, **fault: Any) -> None:
        """One more rule, as docs/lab/chaos.md describes it."""
        self._ask("POST", "faults", fault)

    def clear(self) -> None:
        self._ask("DELETE", "faults")

    def rules(self) -> list[Any]:
        rules: list[Any] = self._ask("GET", "faults")
        return rules

    def calls(self, since: int = 0, service: str = "*", action: str = "*") -> list[Any]:
        """Logged calls from outside, numbered above `since`."""
        found = self._ask("GET", f"calls?service={service}&action={action}")
        return [row for row in found if row["number"] > since and row["source"] != "lab"]

    def mark(self) -> int:
        """The number of the newest call."""
        return max((row["number"] for row in self.calls()), default=0)


@dataclass
class Story:
    """One deployment with all its deaths.

    kills:  how often its process was killed.
    result: the last line of the process that ended it.
    took_s: wall seconds.
    calls:  all calls from outside meanwhile.
    """

    kills: int = 0
    result: Any = None
    took_s: float = 0.0
    calls: list[Any] = field(default_factory=list)

    @property
    def struck(self) -> set[tuple[str, str]]:
        """(action, parameters) of every change at which it was killed, before or after."""
        return {what(r) for r in self.calls if r["fault"] in ("kill", "kill_after")}

    @property
    def changes(self) -> list[Any]:
        """Every change that took effect, in order."""
        wanted = CHANGES["service"].split(",")
        return [
            row
            for row in self.calls
            if row["service"] in wanted and row["outcome"] == "ok" and is_change(row["action"])
        ]


def is_change(action: str) -> bool:
    return action.startswith(("Create", "Modify", "Update", "Terminate", "Suspend", "Resume"))


def what(row: Mapping[str, Any]) -> tuple[str, str]:
    """What was asked for; botocore gives some calls a token of their own."""
    asked = {key: value for key, value in row["parameters"].items() if key != "ClientToken"}
    return row["action"], json.dumps(asked, sort_keys=True)


def through_deaths(
    shell: Shell, command: Sequence[str], deaths: Sequence[Mapping[str, Any]]
) -> Story:
    """Deploy; each process dies as the next of `deaths` says, over and over; the next one resumes."""
    lab, story, began = Lab(shell), Story(), time.monotonic()
    mark, dying = lab.mark(), cycle(deaths)
    arguments = list(command)
    while story.kills < MOST_LIVES:
        if not lab.rules() and not repeats(lab.calls(mark)):
            lab.add(**next(dying))
        done = shell.run("--output", "json", *arguments)
        if done.returncode == -signal.SIGKILL:
            story.kills += 1
            arguments = ["resume"]
            continue
        story.result = json.loads(done.stdout.strip().splitlines()[-1])
        if done.returncode != 2:
            break
        if "nothing is being deployed" in story.result["reason"]:
            last = newest(shell)  # killed before it began, or after it ended
            if last["release"] == command[1]:
                story.result = last
                break
            arguments = list(command)
    lab.clear()
    story.took_s = time.monotonic() - began
    story.calls = lab.calls(mark)
    return story


def repeats(calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last two that died after a change died after the same one.

    To resume a group's processes is repeated until a process has lived to write down that it was
    done: who never lets one live waits for ever.
    """
    deaths = [what(row) for row in calls if row["fault"] == "kill_after"]
    return len(deaths) > 1 and deaths[-1] == deaths[-2]


def newest(shell: Shell) -> Any:
    """The last deployment, as `history` tells it."""
    rows = [row for row in shell.events("history", "--limit", "1") if row["event"] != "result"]
    return rows[0] if rows else {"release": None, "status": None}


@dataclass(frozen=True)
class Standing:
    """The end state, by role and not by colour: what must be the same however one came there.

    serves: releases of the slot that has all of the traffic; None: no slot has.
    size, idle: (instances that are healthy, desired, minimum, suspended processes) of that slot and
            of the other one.
    boots:  what that slot starts from now on.
    """

    serves: tuple[str, ...] | None
    boots: str | None
    size: tuple[object, ...]
    idle: tuple[object, ...]


def standing(shell: Shell) -> Standing:
    """How things stand now."""
    found = next(event for event in shell.events("status") if event["event"] == "status")
    live = next((slot for slot, share in found["weights"].items() if share == 100), None)
    suspended = suspensions(shell)
    sizes = {
        slot: (row["healthy"], row["desired"], row["min"], suspended[slot])
        for slot, row in found["slots"].items()
    }
    if live is None:
        return Standing(None, None, (), ())
    idle = "green" if live == "blue" else "blue"
    row = found["slots"][live]
    return Standing(tuple(row["releases"]), row["boots"], sizes[live], sizes[idle])


def suspensions(shell: Shell) -> dict[str, tuple[str, ...]]:
    """The processes of each slot's group that do not run."""
    client = boto3.client(
        "autoscaling", endpoint_url=shell.variables["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="lab", aws_secret_access_key="lab",
    )  # fmt: skip
    groups = client.describe_auto_scaling_groups()["AutoScalingGroups"]
    client.close()
    return {
        slot: tuple(each["ProcessName"] for each in group.get("SuspendedProcesses", ()))
        for group in groups
        for slot in ("blue", "green")
        if slot in group["AutoScalingGroupName"].lower()
    }
