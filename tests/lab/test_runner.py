"""The runner stack in a lab: whatever becomes of the process that deploys, the function carries on.

One lab, its clock forty times as fast: the schedule calls the supervisor each virtual minute, in a
process of its own, under its own role.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from deployer.aws.permissions import SUPERVISES
from deployer.clock import from_environment
from deployer.topology import stack_name

from .chaos import Lab, is_change, load, newest, standing
from .conftest import ROOT, Shell, as_sample, lab_up, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
SETTINGS = """
[environments.lab.canary]
weights = [50]
bake = "1m"
final_bake = "1m"
linger = "1m"
[environments.lab.analysis]
min_requests = 10
metrics_delay = "40s"
[environments.lab.probe]
path = "/health"
[environments.lab.journal]
lease = "1m"
poll = "5s"
"""
SERVING = (2, 2, 0, ())
RUNNER = stack_name("shop", "lab", "runner")  # its roles' names begin so


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """v1 serves in a lab with the runner stack."""
    text = as_sample(SETTINGS)
    assert "[environments.lab.runner]\nenabled = false" in text
    wanted = text.replace("enabled = false", "enabled = true", 1)
    config = service_in(tmp_path_factory.mktemp("service"), wanted)
    outside = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(outside, "--scale", "40"):
        made = Shell({**outside.variables, **outside.json("lab", "env")})
        made.json("lab", "release", "v1")
        assert made.json("canary", "v1")["status"] == "shipped"
        yield made


@pytest.fixture
def heard(shell: Shell) -> Iterator[Callable[[], list[str]]]:
    """What the environment's topic has told since: subjects."""
    sns, sqs = client(shell, "sns"), client(shell, "sqs")
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


def client(shell: Shell, service: str) -> Any:
    """With the administrator's credentials."""
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=shell.variables["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
    )


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


def by_the_function(shell: Shell, since: int) -> list[Any]:
    """What the supervisor has called."""
    calls = Lab(shell).calls(since)
    return [row for row in calls if row["caller"].startswith(RUNNER)]


def ended(shell: Shell, release: str) -> Any:
    """The record of this release, once it is over."""
    until(lambda: newest(shell)["finished_at"] is not None, f"{release} is over")
    last = newest(shell)
    assert last["release"] == release
    return last


def test_a_killed_canary_is_carried_on_within_two_minutes_and_no_request_is_lost(
    shell: Shell,
) -> None:
    with load(shell) as seen:
        process = begun(shell, "k1")
        mark, died = Lab(shell).mark(), now(shell)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        last = ended(shell, "k1")
    assert last["status"] == "shipped"
    taken = [
        row
        for row in by_the_function(shell, mark)
        if row["service"] == "dynamodb" and row["action"] == "UpdateItem"
    ]
    assert taken[0]["at"] - died <= 120.0
    assert seen.report["failed"] == 0
    after = standing(shell)
    assert (after.serves, after.size) == (("k1",), SERVING)
    require_granted(shell, "elasticloadbalancing:ModifyRule", "autoscaling:UpdateAutoScalingGroup")


def test_of_the_supervisor_and_a_slow_runner_one_acts(shell: Shell) -> None:
    """The runner is stopped until the supervisor has taken over, and wakes up in the middle."""
    with load(shell) as seen:
        process = begun(shell, "s1")
        os.kill(process.pid, signal.SIGSTOP)
        mark = Lab(shell).mark()
        until(
            lambda: any(row["action"] == "UpdateItem" for row in by_the_function(shell, mark)),
            "the supervisor has taken over",
        )
        taken = Lab(shell).mark()
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
        last = ended(shell, "s1")
    result = json.loads(out.strip().splitlines()[-1])
    assert (process.returncode, result["exit_code"]) == (5, 5), result
    assert "supervisor" in result["reason"]
    assert last["status"] == "shipped"
    others = [
        row
        for row in Lab(shell).calls(taken)
        if is_change(row["action"]) and row["service"] != "dynamodb"
        and row not in by_the_function(shell, taken)
    ]  # fmt: skip
    assert others == []
    assert seen.report["failed"] == 0


def test_a_halt_is_told_to_the_topic_once(shell: Shell, heard: Callable[[], list[str]]) -> None:
    """Somebody moves traffic in the middle: the deployment that the supervisor carries halts."""
    process = begun(shell, "h1")
    process.send_signal(signal.SIGTERM)
    process.communicate()
    elbv2 = client(shell, "elbv2")
    moved(elbv2)
    last = ended(shell, "h1")
    assert last["status"] == "halted", last
    since = now(shell)
    until(lambda: now(shell) - since > 300.0, "five minutes have passed")  # four visits at least
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
    """The function was refused nothing, used nothing undeclared, and has used these; none failed."""
    lab = Lab(shell)
    assert [row for row in by_the_function(shell, 0) if "Denied" in row["outcome"]] == []
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
