"""What the lab itself costs and how quickly it follows, measured from outside through its API.

Method
------
A lab of its own (in a temporary folder, clock x 20) is started as a user would: `deployer lab up
--detach`, once to fill the template cache and once more for the figure. Four instances of the
example service run in each slot, put there by boto3 as the deployer would put them: a version of
the slot's launch template with the release's tags, made the default, and the group's size. One
rule forwards `/*` to both target groups.

ready            seconds from starting the command to its return, templates cached: processes,
                 Envoy, all stacks created. Target: 5 s.
weights          one client asks as fast as it can on one kept-alive connection while the weights
                 jump between 100:0 and 0:100, `JUMPS` times. Of each jump: milliseconds from the
                 *call's start* until the last request that still went to the old slot was sent;
                 the call itself is in it. After that, none may go back. Target: p99 of 50 ms.
load             1,000 requests/s for `LOAD_S` seconds by the lab's open-loop client, as a process
                 of its own, while the weights change 50 times over 0, 1, 10, 50, 90, 99 and 100 %.
                 Target: no failure, nothing skipped.
memory           of the lab, Envoy and the eight instances right after the load: PSS (memory that
                 processes share is counted once) and RSS (counted for each). Target: 700 MiB.

The run fails if a request is lost, or one goes back to a slot of weight 0. The other targets are
printed beside the figures, not asserted: they are meant for two idle cores.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployer.cli import lab_reach
from deployer.lab import home

ROOT = Path(__file__).parents[1]
SCALE, EACH = 20, 4
JUMPS, BETWEEN_S = 200, 0.03
RPS, LOAD_S, CHANGES = 1000, 26, 50
SHARES = (1, 10, 50, 90, 99, 100, 0)
TAGS = ("deployer:release", "deployer:artifact")
PATIENCE_S = 60.0


def main() -> None:
    """Print the four figures."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        with running(folder):
            pass  # templates are cached now
        with running(folder) as (state, ready_s):
            print(f"lab, clock x {SCALE}, {2 * EACH} instances")
            print(f"  ready                  {ready_s:8.2f} s    (target 5)")
            serving = Serving(state)
            show_jumps(jumps(serving, state.url))
            show_load(load(serving, state.url))
            show_memory(memory(state.pid))


@contextmanager
def running(folder: Path) -> Iterator[tuple[home.State, float]]:
    """A lab, and the seconds that it took to be ready."""
    began = time.perf_counter()
    deployer(folder, "lab", "up", "--detach", "--scale", str(SCALE))
    try:
        yield home.find(folder), time.perf_counter() - began
    finally:
        home.stop(folder)


def deployer(folder: Path, *arguments: str) -> None:
    """Our own command line."""
    subprocess.run(
        [sys.executable, "-m", "deployer.cli.main", *arguments],
        env={**os.environ, home.FOLDER_VARIABLE: str(folder), "DEPLOYER_ENV": "lab"},
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


class Serving:
    """Both slots filled, and the rule between them."""

    def __init__(self, state: home.State) -> None:
        self.topology = lab_reach.topology(state)
        self.elbv2 = lab_reach.client(state, "elbv2")
        self._state = state
        for slot, release in (("blue", "v1"), ("green", "v2")):
            self._fill(self.topology["slots"][slot], release)
        self.rule = self._rule()
        self._await_healthy()

    def _fill(self, slot: Mapping[str, str], release: str) -> None:
        from deployer.lab import releases  # noqa: PLC0415  after the first figure was taken

        state = self._state
        body = releases.pack(ROOT / "examples" / "app", releases.Behaviour())
        bucket, service = self.topology["artifact_bucket"], self.topology["service"]
        uri = releases.publish(lab_reach.client(state, "s3"), bucket, service, release, body)
        tags = [
            {"Key": key, "Value": value} for key, value in zip(TAGS, (release, uri), strict=True)
        ]
        ec2, template = lab_reach.client(state, "ec2"), slot["launch_template"]
        version = ec2.create_launch_template_version(
            LaunchTemplateId=template,
            SourceVersion="1",
            LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
        )["LaunchTemplateVersion"]["VersionNumber"]
        ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(version))
        lab_reach.client(state, "autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=slot["group"], MinSize=EACH, DesiredCapacity=EACH
        )

    def _rule(self) -> str:
        made = self.elbv2.create_rule(
            ListenerArn=self.topology["listener"],
            Priority=1,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
            Actions=self._actions(100),
        )
        return str(made["Rules"][0]["RuleArn"])

    def _actions(self, blue: int) -> list[dict[str, Any]]:
        groups = [
            {"TargetGroupArn": self.topology["slots"][slot]["target_group"], "Weight": weight}
            for slot, weight in (("blue", blue), ("green", 100 - blue))
        ]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]

    def weigh(self, blue: int) -> None:
        """Give the blue slot `blue` percent."""
        self.elbv2.modify_rule(RuleArn=self.rule, Actions=self._actions(blue))

    def _await_healthy(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while any(self._healthy(slot) < EACH for slot in self.topology["slots"].values()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {EACH} healthy instances within {PATIENCE_S:g} s")
            time.sleep(0.1)

    def _healthy(self, slot: Mapping[str, str]) -> int:
        found = self.elbv2.describe_target_health(TargetGroupArn=slot["target_group"])
        states = [each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"]]
        return states.count("healthy")


def jumps(serving: Serving, url: str) -> list[float]:
    """Milliseconds, sorted, from each call's start to the last request to the old slot."""
    answers: list[tuple[float, str]] = []  # when it was sent, who answered
    ended = threading.Event()
    client = threading.Thread(target=ask, args=(url, answers, ended))
    client.start()
    serving.weigh(100)
    time.sleep(0.5)
    calls = []
    for number in range(JUMPS):
        calls.append(time.perf_counter())
        serving.weigh(0 if number % 2 == 0 else 100)
        time.sleep(BETWEEN_S + 0.03 * (number % 3))
    ended.set()
    client.join()
    return sorted(follow(calls, answers))


def ask(url: str, answers: list[tuple[float, str]], ended: threading.Event) -> None:
    """One request after the other, on one connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    while not ended.is_set():
        sent = time.perf_counter()
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        answers.append((sent, response.headers["X-Release"]))
    connection.close()


def follow(calls: list[float], answers: list[tuple[float, str]]) -> Iterator[float]:
    """Of each jump, the milliseconds until the last request to the old slot."""
    for number, (start, end) in enumerate(zip(calls, [*calls[1:], float("inf")], strict=True)):
        old = "v1" if number % 2 == 0 else "v2"
        seen = [(sent, release) for sent, release in answers if start <= sent < end]
        first_new = next(index for index, (_, release) in enumerate(seen) if release != old)
        strays = [release for _, release in seen[first_new:] if release == old]
        assert not strays, f"{len(strays)} requests went back to {old}"
        yield 1000 * ((seen[first_new - 1][0] if first_new else start) - start)


def load(serving: Serving, url: str) -> dict[str, Any]:
    """The load client's report over the weight changes."""
    command = [sys.executable, "-m", "deployer.lab.load", f"{url}/", "--rps", str(RPS)]
    with subprocess.Popen(
        [*command, "--duration", str(LOAD_S)], stdout=subprocess.PIPE, text=True
    ) as client:
        time.sleep(0.5)
        for number in range(CHANGES):
            serving.weigh(SHARES[number % len(SHARES)])
            time.sleep((LOAD_S - 2) / CHANGES)
        said, _ = client.communicate(timeout=60)
    report: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    assert report["failed"] == 0, report["failures"]
    return report


def memory(pid: int) -> dict[str, dict[str, float]]:
    """MiB by kind (`Pss`, `Rss`) and process name, of the lab and all that it started."""
    found: dict[str, dict[str, float]] = {"Pss": {}, "Rss": {}}
    for each in [pid, *descendants(pid)]:
        words = Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
        name = Path(words[0].decode()).name if each != pid else "lab"
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            kind = line.partition(":")[0]
            if kind in found:
                found[kind][name] = found[kind].get(name, 0) + int(line.split()[1]) / 1024
    return found


def descendants(pid: int) -> Iterator[int]:
    """Every process below `pid`."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def show_jumps(taken: list[float]) -> None:
    at = {share: taken[min(len(taken) - 1, int(len(taken) * share))] for share in (0.5, 0.99)}
    print(
        f"  weights felt           {at[0.5]:8.1f} ms   p50, {at[0.99]:.1f} p99, {taken[-1]:.1f} "
        f"longest of {len(taken)} (target p99 50)"
    )


def show_load(report: Mapping[str, Any]) -> None:
    latency = report["latency_ms"]
    print(
        f"  load                   {report['requests']:8d} requests at {RPS}/s, {CHANGES} changes: "
        f"{report['failed']} failed, {report['skipped']} not sent; "
        f"p50 {latency['p50']:.1f} ms, p99 {latency['p99']:.1f} ms"
    )


def show_memory(used: Mapping[str, Mapping[str, float]]) -> None:
    parts = ", ".join(f"{name} {mib:.0f}" for name, mib in used["Pss"].items())
    print(
        f"  memory                 {sum(used['Pss'].values()):8.0f} MiB  PSS ({parts}); "
        f"{sum(used['Rss'].values()):.0f} RSS (target 700)"
    )
