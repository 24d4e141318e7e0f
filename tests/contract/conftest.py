"""The adapters meet the lab's API over HTTP, as they meet AWS; no process is started.

Set-up calls go through `admin`, so that `calls` holds what the adapters themselves have asked for.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.config import Config

from deployer.aws import permissions
from deployer.aws.pacing import Pacing
from deployer.aws.published import Published, PublishedSlot, PublishedSlots
from deployer.aws.session import Aws
from deployer.lab import actions, inprocess, server
from deployer.lab.autoscaling.component import Fleet
from deployer.lab.context import REGION, Context
from deployer.lab.iam.needed import needed
from deployer.process.clock import ScaledClock

_numbers = itertools.count(1)


class ManualClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, duration_s: float) -> None:
        self.slept.append(duration_s)
        self.time += duration_s


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    server.reset()
    made = Context(
        directory=tmp_path_factory.mktemp("lab"),
        network=79,
        endpoint=f"http://localhost:{server.reserve_port()}",
        clock=ScaledClock(1_700_000_000.0, 1.0),
    )
    actions.install(made)
    fleet = Fleet(made)
    running = server.serve(made)
    yield made
    running.close()
    fleet.close()
    server.release_ports()
    server.reset()


@pytest.fixture(scope="module")
def calls() -> set[str]:
    """IAM actions that the module's adapters have called."""
    return set()


@pytest.fixture(scope="module")
def aws(context: Context, calls: set[str]) -> Iterator[Aws]:
    made = connected(context, calls)
    yield made
    undeclared = calls - {need.action for need in permissions.SUPERVISES | permissions.TELLS}
    assert not undeclared, f"declare in the adapter's NEEDS: {sorted(undeclared)}"


@pytest.fixture(scope="module")
def hasty(context: Context, calls: set[str]) -> Aws:
    """The same without botocore's retries: an error reaches the adapter at once."""
    return connected(context, calls, Config(retries={"mode": "standard", "total_max_attempts": 1}))


@pytest.fixture
def admin(context: Context) -> Callable[[str], Any]:
    """Clients for setting things up: `admin("ec2")`."""
    return lambda service: inprocess.client(context, service)


@pytest.fixture
def faults(context: Context) -> Iterator[Any]:
    """The lab's fault injection, clear before and after."""
    yield actions.faults()
    actions.faults().clear()


@pytest.fixture
def fresh() -> str:
    """A name that no other test uses."""
    return f"t{next(_numbers)}"


def connected(context: Context, calls: set[str], config: Config | None = None) -> Aws:
    """An Aws whose clients talk to the lab and note the IAM actions that they use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "lab")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
        patch.setenv("AWS_ENDPOINT_URL", context.endpoint)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        made = Aws(REGION, Pacing(ManualClock()))
        made._session.events.register("provide-client-params.*.*", noting(calls))
        for service in (
            "autoscaling",
            "cloudformation",
            "cloudwatch",
            "dynamodb",
            "ec2",
            "elbv2",
            "events",
            "s3",
            "secretsmanager",
            "sns",
            "ssm",
            "sts",
        ):
            made.__dict__[service] = made._session.client(service, config=config or made._config)
        made.__dict__["sns_once"] = made.sns
    return made


def noting(calls: set[str]) -> Callable[..., None]:
    def note(model: Any, params: Mapping[str, Any], **_event: object) -> None:
        calls.update(iam_actions(model.service_model.service_name, model.name, params))

    return note


class Nowhere:
    """Facts for `needed`: which group, which template does not matter here."""

    account, region = "123456789012", REGION

    def group_arn(self, name: str) -> str:
        return name

    def group_of(self, instance: str) -> str:
        return instance

    def template_id(self, name: str) -> str:
        return name

    def tags(self, _arn: str) -> Mapping[str, str]:
        return {}


def iam_actions(service: str, operation: str, params: Mapping[str, Any]) -> set[str]:
    """What IAM asks for when this call is made; `service` as boto3 names it.

    Raises:
        Unsupported: the lab does not know; the message says where to tell it.
    """
    return {ask.action for ask in needed(service, operation, params, Nowhere())}


def published(**changes: Any) -> Published:
    """Identifiers of an environment that needs not exist."""
    slots = {
        colour: PublishedSlot(
            f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{colour}/1",
            f"shop-{colour}",
            f"lt-{colour}",
        )
        for colour in ("blue", "green")
    }
    known: dict[str, Any] = {
        "version": 1,
        "listener": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shop/1/2",
        "test_listener": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shop/1/3",
        "load_balancer": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/1",
        "url": "http://shop:80",
        "test_url": "http://shop:8080",
        "slots": PublishedSlots(**slots),
        "journal_table": "journal",
        "artifact_bucket": "artifacts",
    }
    return Published(**{**known, **changes})


def records_table(context: Context, name: str) -> None:
    """A table with the keys of a journal."""
    from deployer.lab import inprocess

    inprocess.client(context, "dynamodb").create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
