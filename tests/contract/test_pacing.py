"""Every attempt of real clients waits for its token: pages, retries, and all clients together."""

import os
from collections import Counter
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from deployer.aws import pacing
from deployer.aws.bucket import Limit
from deployer.aws.pacing import CHANGING, LONGEST_WAIT_S, READING, Pacing, bucket_of
from deployer.aws.session import Aws
from deployer.process.clock import ScaledClock, WallClock

from .conftest import ManualClock

DOCUMENTED = Limit(burst=40, per_s=10.0)  # aws-facts 4.1
RULES = (
    '<R xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeRulesResult>'
    "<Rules/>{marker}</DescribeRulesResult></R>"
)
REFUSAL = "<R><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></R>"


class Raw(BytesIO):
    """What botocore reads a body from."""

    def stream(self, **_options: object) -> list[bytes]:
        return [self.read()]


class Wire:
    """Stands where the network would: remembers when each attempt left, and answers it."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.left: list[tuple[str, float]] = []
        self.pages = 1
        self.refuse_every = 0

    def send(self, request: Any, event_name: str, **_event: object) -> Any:
        self.left.append((event_name.rpartition(".")[2], self.clock.now()))
        if self.refuse_every and len(self.left) % self.refuse_every == 0:
            return self.answer(request, 400, REFUSAL)
        more = len(self.left) % self.pages > 0
        return self.answer(
            request,
            200,
            RULES.format(marker=f"<NextMarker>{len(self.left)}</NextMarker>" if more else ""),
        )

    def answer(self, request: Any, status: int, body: str) -> AWSResponse:
        headers: Any = {"Content-Type": "text/xml"}
        return AWSResponse(request.url, status, headers, Raw(body.encode()))


@pytest.fixture
def wire(clock: ManualClock) -> Wire:
    return Wire(clock)


@pytest.fixture
def aws(clock: ManualClock, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    between_retries = SimpleNamespace(sleep=lambda _: None)  # the worst: its backoff takes no time
    monkeypatch.setattr("botocore.endpoint.time", between_retries)
    made = Aws("us-east-1", Pacing(clock))
    made._session.events.register_last("before-send", wire.send)
    return made


def exceeded(left: list[float], limit: Limit) -> list[tuple[float, float]]:
    """Spans in which more calls left than the limit allows."""
    return [
        (began, ended)
        for first, began in enumerate(left)
        for last, ended in enumerate(left[first:], first)
        if last - first + 1 > limit.burst + limit.per_s * (ended - began) + 1e-3
    ]


@pytest.mark.parametrize("pages", [1, 7])
@pytest.mark.parametrize("refuse_every", [0, 3])
def test_looking_without_pause_stays_inside_the_documented_bucket(
    aws: Aws, wire: Wire, pages: int, refuse_every: int
) -> None:
    """No interval between looks, any number of pages, every third attempt throttled."""
    wire.pages, wire.refuse_every = pages, refuse_every
    for _ in range(100 // pages):
        for _page in aws.elbv2.get_paginator("describe_rules").paginate(ListenerArn="l"):
            pass
    left = [at for _, at in wire.left]
    assert len(left) >= 98
    assert exceeded(left, READING) == []
    assert exceeded(left, DOCUMENTED) == []
    assert READING.burst * 2 <= DOCUMENTED.burst
    assert READING.per_s * 2 <= DOCUMENTED.per_s


def test_without_pacing_the_same_would_leave_all_at_once(wire: Wire, aws: Aws) -> None:
    """The test above can fail: the wire alone takes no time."""
    aws._session.events.unregister("before-send", aws._pacing._before)
    for _ in range(100):
        aws.elbv2.describe_rules(ListenerArn="l")
    assert exceeded([at for _, at in wire.left], DOCUMENTED)


def test_all_clients_share_the_buckets(wire: Wire, aws: Aws) -> None:
    clients = [aws.elbv2, aws._session.client("elbv2")]
    for number in range(2 * READING.burst):
        clients[number % 2].describe_rules(ListenerArn="l")
    assert exceeded([at for _, at in wire.left], READING) == []


def test_what_aws_refuses_empties_the_bucket(wire: Wire, aws: Aws, clock: ManualClock) -> None:
    """Somebody else drinks from it: the next attempts come one by one."""
    wire.refuse_every = 2
    aws.elbv2.describe_rules(ListenerArn="l")  # answered
    assert clock.slept == []
    aws.elbv2.describe_rules(ListenerArn="l")  # refused, and answered at the second attempt
    assert [name for name, _ in wire.left] == ["DescribeRules"] * 3
    assert clock.slept[-1] <= 1 / READING.per_s
    assert clock.slept[-1] > 0


def test_each_service_and_kind_has_a_bucket_of_its_own() -> None:
    elbv2, scaling = "before-send.elastic-load-balancing-v2", "response-received.auto-scaling"
    assert bucket_of(f"{elbv2}.DescribeTargetHealth") == bucket_of(f"{elbv2}.DescribeRules")
    assert bucket_of(f"{elbv2}.ModifyRule") == ("elastic-load-balancing-v2", CHANGING)
    assert bucket_of(f"{scaling}.DescribeAutoScalingGroups") == ("auto-scaling", READING)
    assert bucket_of("before-send.ec2.ModifyLaunchTemplate") == ("ec2", CHANGING)
    assert bucket_of("before-send.dynamodb.UpdateItem") is None
    assert max(1 / limit.per_s for limit in (READING, CHANGING)) == LONGEST_WAIT_S


def test_the_names_of_the_services_are_botocores(aws: Aws) -> None:
    names = Counter(
        client.meta.service_model.service_id.hyphenize()
        for client in (aws.elbv2, aws.autoscaling, aws.ec2)
    )
    assert set(names) == pacing.PACED


def test_a_process_has_one_pacing_for_a_region_and_clock() -> None:
    wall, lab = WallClock(), ScaledClock(0.0, 20.0)
    assert pacing.shared("eu-west-1", wall) is pacing.shared("eu-west-1", WallClock())
    assert Aws("eu-west-1")._pacing is pacing.shared("eu-west-1", wall)
    assert pacing.shared("eu-west-1", lab) is not pacing.shared("eu-west-1", wall)
    assert pacing.shared("us-east-1", wall) is not pacing.shared("eu-west-1", wall)
