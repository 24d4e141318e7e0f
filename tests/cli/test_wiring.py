"""Where adapters meet the engine, with AWS played by moto in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto.backends
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from deployer.cli.main import cli
from deployer.errors import AccessProblem, NotFound, NotPossibleNow, SettingsInvalid
from deployer.model import Release
from deployer.news import Kind
from deployer.operations.notices import Notice
from deployer.operations.notifying import SILENT
from deployer.process.clock import ScaledClock, WallClock
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.topology import REPORTS_VARIABLE, topology_parameter
from deployer.wiring.intents import intent_of
from deployer.wiring.services import connect
from tests.cli.stage import SETTINGS

PUBLISHED = {
    "version": 1,
    "listener": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shop/1/2",
    "test_listener": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shop/1/3",
    "load_balancer": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/1",
    "url": "http://shop.example:80",
    "test_url": "http://shop.example:8080",
    "slots": {
        slot: {
            "target_group": f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{slot}/1",
            "group": f"shop-sim-{slot}",
            "launch_template": f"lt-{slot}",
        }
        for slot in ("blue", "green")
    },
    "journal_table": "shop-sim-journal",
    "artifact_bucket": "shop-sim-artifacts",
}

TOPIC = "arn:aws:sns:us-east-1:123456789012:told"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto, and credentials that are nobody's."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def settings(folder: Path, *lines: str) -> Settings:
    """The sample's, with lines added to [environments.sim]."""
    path = folder / "deployer.toml"
    extra = "\n".join(lines)
    path.write_text(SETTINGS.replace("[environments.sim]", f"[environments.sim]\n{extra}"))
    return load(path, "sim")


def publish(**changes: Any) -> None:
    boto3.client("ssm", "us-east-1").put_parameter(
        Name=topology_parameter("shop", "sim"), Type="String", Value=json.dumps(PUBLISHED | changes)
    )


def deployer(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli, ["--config", str(folder / "deployer.toml"), *arguments], prog_name="deployer"
    )


@pytest.mark.usefixtures("aws")
def test_everything_is_wired(tmp_path: Path) -> None:
    publish()
    services = connect(settings(tmp_path, 'stickiness = "1h"'), {"USER": "alice"})
    assert (services.service, services.environment) == ("shop", "sim")
    assert services.sticks_s == 3600
    assert services.url == "http://shop.example:80"
    assert (services.poll_s, services.lease_s) == (5.0, 60.0)
    assert services.owner.startswith(services.caller)
    assert isinstance(services.clock, WallClock)
    runner = services.runner(services.clock, lambda *_: None)
    assert runner.owner == services.owner
    assert services.lease().expires_at > services.clock.now()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("published", "variable", "told"),
    [("", "", None), (TOPIC, "", TOPIC), ("", TOPIC, TOPIC), (TOPIC, f"{TOPIC}-2", f"{TOPIC}-2")],
)
def test_reports_go_to_the_environments_topic_or_to_the_one_that_is_named(
    tmp_path: Path, published: str, variable: str, told: str | None
) -> None:
    publish(topic=published)
    for name in (TOPIC, f"{TOPIC}-2"):
        boto3.client("sns", "us-east-1").create_topic(Name=name.rpartition(":")[2])
    boto3.client("dynamodb", "us-east-1").create_table(
        TableName=str(PUBLISHED["journal_table"]),
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
    services = connect(settings(tmp_path), {"USER": "alice", REPORTS_VARIABLE: variable})
    assert (services.outbox is SILENT) is (told is None)
    services.outbox.tell(
        Notice(
            "d1.stuck", (Kind.STUCK,), services.clock.now(), services.place, "a subject", "words"
        )
    )
    assert services.outbox.close() == (["topic: a subject"] if told else ())
    assert services.outbox.troubles() in ([], ())
    assert heard() == ([told] if told else [])


def heard() -> list[str]:
    """Topics that were told something, as moto keeps it."""
    (backend,) = [each["us-east-1"] for each in moto.backends.get_backend("sns").values()]
    return [arn for arn, topic in backend.topics.items() if topic.sent_notifications]


@pytest.mark.usefixtures("aws")
def test_the_labs_clock_comes_from_the_environment(tmp_path: Path) -> None:
    publish()
    lab = {"DEPLOYER_CLOCK": "1000.0@20", "AWS_ENDPOINT_URL": "http://localhost:7"}
    services = connect(settings(tmp_path), lab)
    assert services.clock == ScaledClock(1000.0, 20.0)
    assert services.scale == 20.0


def test_the_labs_clock_is_not_used_on_aws(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="lab's clock, but AWS_ENDPOINT_URL leads to no lab"):
        connect(settings(tmp_path), {"DEPLOYER_CLOCK": "1000.0@20"})


@pytest.mark.usefixtures("aws")
def test_another_process_is_another_owner(tmp_path: Path) -> None:
    publish()
    chosen = settings(tmp_path)
    assert connect(chosen).owner != connect(chosen).owner


@pytest.mark.usefixtures("aws")
def test_a_missing_stack_names_account_region_and_command(tmp_path: Path) -> None:
    settings(tmp_path)
    done = deployer(tmp_path, "canary", "v2")
    assert done.exit_code == 2
    assert "in account 123456789012, Region us-east-1" in done.stderr
    assert "`cdk deploy shop-sim-service`" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("aws")
def test_the_wrong_region_is_where_the_stack_is_not(tmp_path: Path) -> None:
    publish()
    settings(tmp_path)
    text = (tmp_path / "deployer.toml").read_text()
    (tmp_path / "deployer.toml").write_text(text.replace("us-east-1", "eu-west-1"))
    done = deployer(tmp_path, "status")
    assert done.exit_code == 2
    assert "Region eu-west-1" in done.stderr


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("published", [True, False])
def test_credentials_of_another_account_are_refused(tmp_path: Path, *, published: bool) -> None:
    if published:
        publish()
    with pytest.raises(AccessProblem, match="of account 123456789012, but deployer"):
        connect(settings(tmp_path, 'account = "999999999999"'))


@pytest.mark.usefixtures("aws")
def test_a_release_is_looked_for_in_the_bucket(tmp_path: Path) -> None:
    publish()
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="shop-sim-artifacts")
    s3.put_object(Bucket="shop-sim-artifacts", Key="shop/v1.tar.gz", Body=b"x")
    find = connect(settings(tmp_path)).find_release
    assert find("v1") == Release("v1", "s3://shop-sim-artifacts/shop/v1.tar.gz")
    with pytest.raises(NotFound, match=r"no release v9: .*there is: v1"):
        find("v9")


def test_the_settings_become_the_intent(tmp_path: Path) -> None:
    intent = intent_of(settings(tmp_path, "instances = 3"), Release("v2"), "canary")
    assert intent.weights == (50, 500)
    assert (intent.bake_s, intent.final_bake_s, intent.linger_s) == (120.0, 60.0, 300.0)
    assert (intent.size, intent.delay_s) == (3, 60.0)
    assert intent.rule.tolerance == 0.01
    assert {type(share) for share in intent.weights} == {int}
    assert type(intent.bake_s) is type(intent.limits.route_s) is float


@pytest.mark.parametrize(
    ("fleet", "floor"),
    [
        ("", 0),
        ("[fleet]\nscale_on_cpu = 50", 3),
        ("[fleet]\nscale_on_requests = 600", 3),
        ("[fleet]\nwarm_pool = 1", 0),
    ],
)
def test_only_groups_that_scale_need_a_floor(tmp_path: Path, fleet: str, floor: int) -> None:
    settings(tmp_path, "instances = 3")
    path = tmp_path / "deployer.toml"
    path.write_text(f"{path.read_text()}\n{fleet}\n")
    found = load(path, "sim")
    assert intent_of(found, Release("v2"), "canary").floor == floor


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("meaning", "rings"), [("ok", []), ("ringing", ["fatal"])])
def test_alarms_are_read_as_the_settings_say(
    tmp_path: Path, meaning: str, rings: list[str]
) -> None:
    publish()
    boto3.client("cloudwatch", "us-east-1").put_metric_alarm(
        AlarmName="fatal", Namespace="shop", MetricName="Fatals", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=5.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    boto3.client("cloudwatch", "us-east-1").set_alarm_state(
        AlarmName="fatal", StateValue="INSUFFICIENT_DATA", StateReason="nothing yet"
    )
    path = tmp_path / "deployer.toml"
    path.write_text(
        SETTINGS.replace("[analysis]", f'[analysis]\nalarms_without_data = "{meaning}"')
    )
    services = connect(load(path, "sim"))
    assert list(services.alarms.ringing(["fatal"])) == rings


@pytest.mark.usefixtures("aws")
def test_the_surroundings_are_those_of_the_published_groups(tmp_path: Path) -> None:
    publish()
    services = connect(settings(tmp_path))
    with pytest.raises(NotFound, match="Auto Scaling group shop-sim-blue is gone"):
        services.look_around()


@pytest.mark.usefixtures("aws")
def test_without_a_runner_stack_nobody_is_asked_for_its_state_machine(tmp_path: Path) -> None:
    """The deployer's role may not even look for one that the settings do not want."""
    publish()
    found = settings(tmp_path, "runner.enabled = false")
    with pytest.raises(NotPossibleNow, match=r"\[runner\] enabled = true"):
        connect(found).machine.require()
