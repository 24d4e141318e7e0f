"""The runner stack in a lab: whatever becomes of the process that deploys, the cloud carries it on.

One lab, its clock thirty times as fast: the schedule calls the supervisor each virtual minute, and the
state machine calls its ticks, each function in a process of its own, under its own role. What is waited
for is read from the journal in this process: a command each time would keep a processor busy.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deployer.aws.permissions import SUPERVISES
from deployer.engine import control
from deployer.journal import Ask, Journal, name_of
from deployer.operations.notices import Place, notices
from deployer.operations.spans import spans as told_as
from deployer.operations.spans import trace_of
from deployer.plan import Deployment, Status
from deployer.process.clock import from_environment
from deployer.settings.reading import load as settings_from
from deployer.topology import stack_name
from deployer.wiring.services import SUPERVISOR, connect
from tests.sources.serving import Served, saying, serving

from .chaos import Lab, is_change, load, standing
from .conftest import ROOT, Shell, admin, as_sample, lab_up, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
# Deadlines are long: a busy machine is slow, and the clock of the lab is not. Nor is metrics' delay cut
# short: whoever looks once a minute, always at the same second of it, finds late data late each time.
SETTINGS = """
[environments.lab.canary]
weights = [50]
bake = "1m"
final_bake = "1m"
linger = "1m"
route_deadline = "1h"
retire_deadline = "1h"
[environments.lab.analysis]
min_requests = 10
metrics_delay = "2m"
max_time = "3m"
[environments.lab.probe]
path = "/health"
deadline = "1h"
[environments.lab.provision]
deadline = "1h"
[environments.lab.journal]
lease = "1m"
poll = "5s"
"""
SERVING = (2, 2, 0, ())
RUNNER = stack_name("shop", "lab", "runner")  # its roles' names begin so


TELEMETRY = """
[environments.lab.telemetry]
otlp = "{url}"
pushgateway = "{url}"
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Served]:
    """OpenTelemetry's and Prometheus' at once: it takes whatever it gets."""
    with serving(saying("")) as served:
        yield served


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, collector: Served) -> Iterator[Shell]:
    """v1 serves in a lab with the runner stack."""
    text = as_sample(SETTINGS + TELEMETRY.format(url=collector.url))
    assert "[environments.lab.runner]\nenabled = false" in text
    wanted = text.replace("enabled = false", "enabled = true", 1)
    config = service_in(tmp_path_factory.mktemp("service"), wanted)
    outside = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(outside, "--scale", "30"):
        made = Shell({**outside.variables, **outside.json("lab", "env")})
        made.json("lab", "release", "v1")
        assert made.json("canary", "v1")["status"] == "shipped"
        yield made


@pytest.fixture(scope="module")
def journal(shell: Shell) -> Iterator[Journal]:
    """The environment's, read as the shell's commands read it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell.variables.items():
            if name.startswith(("AWS_", "DEPLOYER_")):
                patch.setenv(name, value)
        yield connect(settings_from(Path(shell.variables["DEPLOYER_CONFIG"]), "lab")).journal


@pytest.fixture
def heard(shell: Shell) -> Iterator[Callable[[], list[str]]]:
    """What the environment's topic has told since: subjects."""
    sns, sqs = admin(shell, "sns"), admin(shell, "sqs")
    (topic,) = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def subjects() -> list[str]:
        found: list[str] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(each["Body"])["Subject"] for each in messages]
        return found

    yield subjects
    sqs.delete_queue(QueueUrl=url)


def now(shell: Shell) -> float:
    return from_environment(shell.variables).now()


def until(done: Callable[[], object], what: str, patience_s: float = 110.0) -> None:
    end = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < end, f"not {what} within {patience_s:g} s"
        time.sleep(0.1)


def begun(shell: Shell, release: str) -> "subprocess.Popen[str]":
    """A canary by the command line that has its first users."""
    shell.json("lab", "release", release)
    process = subprocess.Popen(
        shell.command("--output", "json", "canary", release),
        env=dict(shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step_done" and "route" in event["note"]:
            return process
    raise AssertionError("it ended before it had users")


def by_the_runner(shell: Shell, since: int, service: str = "*", action: str = "*") -> list[Any]:
    """What the stack's roles have called."""
    calls = Lab(shell).calls(since, service, action)
    return [row for row in calls if row["caller"].startswith(RUNNER)]


def ended(journal: Journal, release: str) -> Deployment:
    """The record of this release, once it is over."""
    until(lambda: journal.active("lab") is None, f"{release} is over")
    last = journal.history("lab", 1)[0]
    assert last.first_plan.release.name == release
    return last


def bakes(journal: Journal) -> None:
    """Wait until its bake could be ended by a person: it has users."""

    def waits() -> bool:
        active = journal.active("lab")
        return active is not None and Ask.PROMOTE in control.possible(active.deployment)

    until(waits, "it bakes")


def detached_canary(shell: Shell, release: str) -> str:
    """A canary that is left to the state machine; its id. Nobody of ours runs it."""
    shell.json("lab", "release", release)
    told = shell.json("canary", release, "--detach", "--bake", "1h")
    assert told["status"] == "detached", told
    assert shell.events("status")[0]["active"]["detached"] is True
    return str(told["deployment"])


def execution_of(states: Any, deployment: str) -> str:
    """The ARN of its execution."""
    (machine,) = [one["stateMachineArn"] for one in states.list_state_machines()["stateMachines"]]
    return f"{machine.replace(':stateMachine:', ':execution:')}:{deployment}"


def execution(shell: Shell, deployment: str) -> dict[str, Any]:
    """What Step Functions tells of it, once it has ended."""
    states = admin(shell, "stepfunctions")
    arn = execution_of(states, deployment)
    until(
        lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING",
        f"{deployment}'s execution has ended",
    )
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    kinds = Counter(event["type"] for page in pages for event in page["events"])
    return {**states.describe_execution(executionArn=arn), "kinds": kinds}


@pytest.mark.long  # tests/lab/test_pipeline.py kills a build and has the supervisor carry it on
def test_a_killed_canary_is_carried_on_within_two_minutes_and_no_request_is_lost(
    shell: Shell, journal: Journal
) -> None:
    with load(shell) as seen:
        process = begun(shell, "k1")
        mark, died = Lab(shell).mark(), now(shell)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        last = ended(journal, "k1")
    assert last.status is Status.SHIPPED, last.reason
    taken = by_the_runner(shell, mark, "dynamodb", "UpdateItem")
    assert taken[0]["at"] - died <= 120.0
    assert seen.report["failed"] == 0
    after = standing(shell)
    assert (after.serves, after.size) == (("k1",), SERVING)
    require_granted(shell, "elasticloadbalancing:ModifyRule", "autoscaling:UpdateAutoScalingGroup")


@pytest.mark.long  # tests/lab/test_chaos.py stops a runner for longer than its lease
def test_of_the_supervisor_and_a_slow_runner_one_acts(shell: Shell, journal: Journal) -> None:
    """The runner is stopped until the supervisor has taken over, and wakes up in the middle."""
    with load(shell) as seen:
        process = begun(shell, "s1")
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: held_by(journal, SUPERVISOR), "the supervisor has taken over")
        taken = Lab(shell).mark()
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
        last = ended(journal, "s1")
    result = json.loads(out.strip().splitlines()[-1])
    assert (process.returncode, result["exit_code"]) == (5, 5), result
    assert "supervisor" in result["reason"]
    assert last.status is Status.SHIPPED, last.reason
    changes = changed(shell, taken)
    assert changes
    assert all(caller.startswith(RUNNER) for caller in changes)
    assert seen.report["failed"] == 0


def held_by(journal: Journal, name: str) -> bool:
    """Whether `name`, or a visit of its, holds the environment."""
    active = journal.active("lab")
    return active is not None and name_of(active.lease.owner) == name


def changed(shell: Shell, since: int) -> list[str]:
    """Who has changed anything but the journal since then: a caller for each change."""
    return [
        row["caller"]
        for row in Lab(shell).calls(since)
        if is_change(row["action"]) and row["service"] in ("elbv2", "autoscaling", "ec2")
    ]


def test_a_detached_canary_is_promoted_and_loses_no_request(
    shell: Shell, journal: Journal, collector: Served
) -> None:
    mark = Lab(shell).mark()
    with load(shell) as seen:
        deployment = detached_canary(shell, "d1")
        bakes(journal)
        assert shell.json("promote")["status"] == "asked"
        until(lambda: standing(shell).serves == ("d1",), "d1 has everything")
        bakes(journal)
        shell.json("promote")
        last = ended(journal, "d1")
    assert last.status is Status.SHIPPED, last.reason
    assert seen.report["failed"] == 0
    assert (standing(shell).serves, standing(shell).size) == (("d1",), SERVING)
    found = execution(shell, deployment)
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["stands"] == "shipped"
    ticks = found["kinds"]["TaskSucceeded"]
    assert found["kinds"]["WaitStateEntered"] == ticks - 1
    assert found["kinds"]["TaskFailed"] == 0
    changes = changed(shell, mark)
    assert changes
    assert all(caller.startswith(RUNNER) for caller in changes)
    where = urlsplit(shell.events("report", deployment)[0]["link"]).path
    bucket, _, key = where.removeprefix("/").partition("/")
    page = admin(shell, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert b"figure-weights" in page  # drawn and uploaded by the function
    require_measured(collector, last)


def require_measured(collector: Served, done: Deployment) -> None:
    """Its functions have sent one trace, each span once, and their last gauges say how it ended."""
    place = Place("shop", "lab")
    trace = trace_of(place, done.id).to_bytes(16, "big")
    asked = [request.partition(b"\r\n\r\n") for request in collector.requests]
    spans = [
        span
        for head, _, body in asked
        if head.startswith(b"POST /v1/traces ")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id == trace
    ]
    wanted = [span for notice in notices(place, done) for span in told_as(notice)]
    assert sorted(span.name for span in spans) == sorted(span.name for span in wanted)
    assert len({span.span_id for span in spans}) == len(spans)
    assert len([span for span in spans if not span.parent_span_id]) == 1
    *_, gauges = [body for head, _, body in asked if head.startswith(b"PUT /metrics/")]
    status = 'deployer_deployment_status{environment="lab",service="shop",status="shipped"} 1.0'
    assert status in gauges.decode()
    assert done.id in gauges.decode()


@pytest.mark.long  # the one above is promoted, a person's word as well
def test_a_detached_canary_is_aborted_and_loses_no_request(shell: Shell, journal: Journal) -> None:
    before = standing(shell).serves
    with load(shell) as seen:
        deployment = detached_canary(shell, "d2")
        bakes(journal)
        assert "hears it within a minute" in shell.json("abort")["reason"]
        last = ended(journal, "d2")
    assert last.status is Status.ROLLED_BACK, last.reason
    assert seen.report["failed"] == 0
    assert (standing(shell).serves, standing(shell).size) == (before, SERVING)
    found = execution(shell, deployment)
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["stands"].startswith("rolled_back: aborted by ")


def test_whose_execution_was_stopped_the_supervisor_carries_on_and_tells_of_its_halt_once(
    shell: Shell, journal: Journal, heard: Callable[[], list[str]]
) -> None:
    """A person stops the execution; then somebody moves traffic, so what was taken over halts."""
    deployment = detached_canary(shell, "h1")
    bakes(journal)
    states = admin(shell, "stepfunctions")
    states.stop_execution(executionArn=execution_of(states, deployment))
    until(lambda: held_by(journal, SUPERVISOR), "the supervisor has taken over")
    assert execution(shell, deployment)["status"] == "ABORTED"
    moved(admin(shell, "elbv2"))
    last = ended(journal, "h1")
    assert last.status is Status.HALTED, last.reason
    since = now(shell)
    until(lambda: now(shell) - since > 200.0, "three visits have come")
    assert heard() == ["shop/lab: h1 halted"]
    require_granted(shell, "sns:Publish")
    assert shell.run("rollback").returncode == 0


def moved(elbv2: Any) -> None:
    """Some users to each slot, by hand."""
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    (production,) = [one for one in listeners if one["Port"] == 8080]
    for rule in elbv2.describe_rules(ListenerArn=production["ListenerArn"])["Rules"]:
        if rule["Priority"] == "49000":
            groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
            shares = [
                {"TargetGroupArn": one["TargetGroupArn"], "Weight": weight}
                for one, weight in zip(groups, (700, 300), strict=True)
            ]
            action = {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}
            elbv2.modify_rule(RuleArn=rule["RuleArn"], Actions=[action])
            return
    raise AssertionError("no production rule")


def require_granted(shell: Shell, *wanted: str) -> None:
    """The functions were refused nothing, used nothing undeclared, and has used these; none failed."""
    lab = Lab(shell)
    assert [row for row in by_the_runner(shell, 0) if "Denied" in row["outcome"]] == []
    used = {
        each["action"]
        for role, every in lab._ask("GET", "permissions").items()
        if role.startswith(RUNNER)
        for each in every
    }
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    calls = {"lambda:InvokeFunction"}  # the schedule's own role
    assert used - logs - calls <= {need.action for need in SUPERVISES}
    assert used >= {*wanted, *logs, *calls}
    for function in lab._ask("GET", "functions"):
        assert function["errors"] == 0, function["problems"]
