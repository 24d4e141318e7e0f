"""What the stack publishes, credentials and Regions."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import botocore.exceptions as boto
import msgspec
import pytest
from botocore.stub import Stubber

from deployer.aws import published as publishing
from deployer.aws import session
from deployer.aws.session import CONNECT_S, READ_S, TOTAL_ATTEMPTS, Aws
from deployer.errors import AccessProblem, CloudUnavailable, NotFound, NotPossibleNow
from deployer.lab.chaos import Fault, Kind
from deployer.model import Slot
from deployer.topology import topology_parameter
from tests.contract.conftest import published

Admin = Callable[[str], Any]


def test_what_the_stack_wrote_is_read_in_one_call(aws: Aws, admin: Admin, fresh: str) -> None:
    known = published()
    admin("ssm").put_parameter(
        Name=topology_parameter("shop", fresh),
        Value=msgspec.json.encode(known).decode(),
        Type="String",
    )
    found = publishing.read(aws, "shop", fresh)
    assert found == known
    assert found.slots[Slot.GREEN].group == "shop-green"


def test_the_format_is_the_one_that_the_stacks_write() -> None:
    slot = {"target_group": "arn:tg", "group": "g", "launch_template": "lt-1"}
    document = {
        "version": 1,
        "listener": "arn:l",
        "test_listener": "arn:t",
        "load_balancer": "arn:lb",
        "url": "http://shop:80",
        "test_url": "http://shop:8080",
        "slots": {"blue": slot, "green": {**slot, "group": "h"}},
        "journal_table": "journal",
        "artifact_bucket": "artifacts",
        "added_later": True,
    }
    found = publishing.parse(json.dumps(document), "/p", "shop-prod-service")
    assert (found.slots[Slot.BLUE].group, found.slots[Slot.GREEN].group) == ("g", "h")


def test_an_environment_without_a_stack_says_what_to_deploy(aws: Aws, fresh: str) -> None:
    with pytest.raises(NotFound) as told:
        publishing.read(aws, "shop", fresh)
    message = str(told.value)
    for part in (fresh, "123456789012", "us-east-1", f"cdk deploy shop-{fresh}-service"):
        assert part in message


def test_a_hint_that_cannot_be_had_hides_no_error(aws: Aws, fresh: str) -> None:
    with Stubber(aws.sts) as stub:
        stub.add_client_error("get_caller_identity", "Throttling")
        with pytest.raises(NotFound, match="this account"):
            publishing.read(aws, "shop", fresh)


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "{}",
        "[]",
        msgspec.json.encode({**msgspec.to_builtins(published()), "version": 2}).decode(),
        msgspec.json.encode({**msgspec.to_builtins(published()), "slots": {}}).decode(),
        msgspec.json.encode({**msgspec.to_builtins(published()), "url": 7}).decode(),
    ],
)
def test_anything_else_is_refused_with_the_command_that_mends_it(text: str) -> None:
    with pytest.raises(NotPossibleNow, match="cdk deploy shop-prod-service"):
        publishing.parse(text, "/p", "shop-prod-service")


def test_a_region_that_does_not_answer_is_the_callers_to_mend(aws: Aws) -> None:
    def unreachable(**_event: object) -> None:
        raise boto.EndpointConnectionError(endpoint_url="https://ssm.us-east-9.amazonaws.com")

    aws.ssm.meta.events.register("before-call.ssm.GetParameter", unreachable)
    with pytest.raises(AccessProblem, match=r"us-east-9.*`region`"):
        publishing.read(aws, "shop", "prod")
    aws.ssm.meta.events.unregister("before-call.ssm.GetParameter", unreachable)


def test_an_outage_is_not(hasty: Aws, faults: Any) -> None:
    faults.add(Fault(Kind.ERROR, "ssm", "GetParameter", times=1))
    with pytest.raises(CloudUnavailable, match="ssm:GetParameter"):
        publishing.read(hasty, "shop", "prod")


def test_a_missing_permission_is_named(aws: Aws) -> None:
    with Stubber(aws.ssm) as stub:
        stub.add_client_error("get_parameter", "AccessDeniedException")
        with pytest.raises(AccessProblem, match="ssm:GetParameter"):
            publishing.read(aws, "shop", "prod")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A machine without credentials, Region and instance role."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("nobody")
def test_no_credentials_say_where_they_come_from() -> None:
    with pytest.raises(AccessProblem, match="no usable AWS credentials"):
        publishing.read(Aws("us-east-1"), "shop", "prod")


@pytest.mark.usefixtures("nobody")
def test_no_region_names_the_setting() -> None:
    with pytest.raises(AccessProblem, match="`region`"):
        publishing.read(Aws(None), "shop", "prod")


@pytest.mark.usefixtures("nobody")
def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with pytest.raises(AccessProblem, match="nope"):
        publishing.read(Aws("us-east-1"), "shop", "prod")


@pytest.mark.usefixtures("nobody")
def test_a_region_that_is_no_name_of_one_is_refused() -> None:
    with pytest.raises(AccessProblem, match="Region"):
        publishing.read(Aws("no such region"), "shop", "prod")


@pytest.mark.usefixtures("nobody")
def test_every_client_is_made_for_the_region() -> None:
    aws = Aws("eu-west-1")
    for client in (
        aws.autoscaling,
        aws.cloudwatch,
        aws.dynamodb,
        aws.ec2,
        aws.elbv2,
        aws.s3,
        aws.ssm,
        aws.sts,
    ):
        assert client.meta.region_name == "eu-west-1"


def test_retries_and_timeouts_are_set_explicitly(aws: Aws) -> None:
    config: Any = aws.elbv2.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS}
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_S, READ_S)
    assert config.user_agent_extra == f"deployer/{session.installed_version()}"


def test_importing_the_adapters_does_not_import_boto3() -> None:
    code = (
        "import sys, deployer.aws.environment, deployer.aws.permissions, deployer.aws.dynamodb;"
        "sys.exit('boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
