"""`--detach` in a lab: the terminal is gone, and the state machine carries canaries under load.

One lab, its clock twenty times as fast: a function that starts cold takes two real seconds.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from deployer.topology import stack_name

from .chaos import Lab, is_change, load, newest, standing
from .conftest import Shell, as_sample, lab_up, service_in, shell_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
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


def until(done: Callable[[], object], what: str, patience_s: float = 110.0) -> None:
    end = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < end, f"not {what} within {patience_s:g} s"
        time.sleep(0.1)


def ended(shell: Shell, release: str) -> Any:
    """The record of this release, once it is over."""
    until(lambda: newest(shell)["finished_at"] is not None, f"{release} is over")
    last = newest(shell)
    assert last["release"] == release
    return last


def active(shell: Shell) -> dict[str, Any]:
    """The deployment in progress, as `deployer status` tells it."""
    told: dict[str, Any] = shell.events("status")[0]["active"]
    return told


def detached(shell: Shell, release: str, *options: str) -> str:
    """A canary that is left to the state machine; its id. Nobody of ours runs it."""
    shell.json("lab", "release", release)
    told = shell.json("canary", release, "--detach", *options)
    assert told["status"] == "detached", told
    assert active(shell)["detached"] is True
    return str(told["deployment"])


def execution(shell: Shell, deployment: str) -> dict[str, Any]:
    """What Step Functions tells of it, once it has ended."""
    states = client(shell, "stepfunctions")
    (machine,) = [one["stateMachineArn"] for one in states.list_state_machines()["stateMachines"]]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{deployment}"
    until(
        lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING",
        f"{deployment}'s execution has ended",
    )
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    kinds = Counter(event["type"] for page in pages for event in page["events"])
    return {**states.describe_execution(executionArn=arn), "kinds": kinds}


def test_a_detached_canary_is_promoted_and_loses_no_request(shell: Shell) -> None:
    mark = Lab(shell).mark()
    with load(shell) as seen:
        deployment = detached(shell, "d1", "--bake", "1h")
        until(lambda: "promote" in active(shell)["possible"], "it bakes", 120.0)
        assert shell.json("promote")["status"] == "asked"
        until(lambda: standing(shell).serves == ("d1",), "d1 has everything")
        until(lambda: "promote" in active(shell)["possible"], "it bakes")
        shell.json("promote")
        last = ended(shell, "d1")
    assert last["status"] == "shipped"
    assert seen.report["failed"] == 0
    assert (standing(shell).serves, standing(shell).size) == (("d1",), SERVING)
    found = execution(shell, deployment)
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["stands"] == "shipped"
    ticks = found["kinds"]["TaskSucceeded"]
    assert found["kinds"]["WaitStateEntered"] == ticks - 1
    assert found["kinds"]["TaskFailed"] == 0
    changes = [
        row["caller"]
        for row in Lab(shell).calls(mark)
        if is_change(row["action"]) and row["service"] in ("elbv2", "autoscaling", "ec2")
    ]
    assert changes
    assert all(caller.startswith(RUNNER) for caller in changes)


def test_a_detached_canary_is_aborted_and_loses_no_request(shell: Shell) -> None:
    before = standing(shell).serves
    with load(shell) as seen:
        deployment = detached(shell, "d2", "--bake", "1h")
        until(lambda: "promote" in active(shell)["possible"], "it bakes", 120.0)
        assert "hears it within a minute" in shell.json("abort")["reason"]
        last = ended(shell, "d2")
    assert last["status"] == "rolled_back"
    assert seen.report["failed"] == 0
    assert (standing(shell).serves, standing(shell).size) == (before, SERVING)
    found = execution(shell, deployment)
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["stands"].startswith("rolled_back: aborted by ")
