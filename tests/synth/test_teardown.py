"""What may be torn down says so on every resource; nothing else does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.topology import CLASS_TAG, EPHEMERAL, EXPIRES_TAG, SERVICE_TAG
from tests.synth.conftest import PARTS, Templates


def tagged(value: Any, key: str) -> Iterator[str]:
    """The values of the tag `key` anywhere below `value`."""
    if isinstance(value, list):
        for each in value:
            yield from tagged(each, key)
    elif isinstance(value, dict):
        if value.get("Key") == key:
            yield value["Value"]
        for each in value.values():
            yield from tagged(each, key)


@pytest.mark.parametrize("part", PARTS)
def test_what_carries_the_services_name_is_ephemeral_too(shapes: Templates, part: str) -> None:
    for name, resource in shapes.template(part, "warm")["Resources"].items():
        ours = list(tagged(resource, SERVICE_TAG))
        assert list(tagged(resource, CLASS_TAG)) == [EPHEMERAL] * len(ours), name
        assert list(tagged(resource, EXPIRES_TAG)) == ["2027-01-31T18:00Z"] * len(ours), name


def test_the_stacks_themselves_are_tagged(shapes: Templates) -> None:
    manifest = json.loads((shapes.directory / "manifest.json").read_text())["artifacts"]
    for part in PARTS:
        tags = manifest[f"shop-warm-{part}"]["properties"]["tags"]
        assert tags[CLASS_TAG] == EPHEMERAL


@pytest.mark.parametrize("part", ["control", "service", "monitoring"])
@pytest.mark.parametrize("environment", ["secure", "adopted"])
def test_nothing_else_is(shapes: Templates, part: str, environment: str) -> None:
    template = shapes.template(part, environment)
    assert not [*tagged(template, CLASS_TAG), *tagged(template, EXPIRES_TAG)]


@pytest.fixture(scope="session")
def teardown(shapes: Templates) -> dict[str, Any]:
    """The template of what tears down, in the Region of the one ephemeral environment."""
    path = shapes.directory / "shop-us-east-1-teardown.template.json"
    loaded: dict[str, Any] = json.loads(path.read_text())["Resources"]
    return loaded


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources.values() if each["Type"] == f"AWS::{kind}"]


READS = ("Describe", "Get", "List", "Query", "BatchGet")


def test_there_is_one_for_the_region_of_ephemeral_environments_only(shapes: Templates) -> None:
    made = [path.name for path in shapes.directory.glob("*-teardown.template.json")]
    assert made == ["shop-us-east-1-teardown.template.json"]


def test_without_an_ephemeral_environment_there_is_none(templates: Templates) -> None:
    assert not list(templates.directory.glob("*-teardown.template.json"))


def test_the_function_knows_whom_it_is_for(teardown: dict[str, Any]) -> None:
    (function,) = of_type(teardown, "Lambda::Function")
    assert function["Environment"]["Variables"] == {"DEPLOYER_ENVIRONMENTS": "warm"}
    assert function["Handler"] == "deployer.functions.teardown.handler"
    assert function["Timeout"] == 300


def test_a_failed_run_is_tried_once_more_and_then_buried_where_an_alarm_looks(
    teardown: dict[str, Any],
) -> None:
    (schedule,) = of_type(teardown, "Scheduler::Schedule")
    target = schedule["Target"]
    assert schedule["ScheduleExpression"] == "rate(60 minutes)"
    assert target["RetryPolicy"] == {
        "MaximumRetryAttempts": 1,
        "MaximumEventAgeInSeconds": 900,
    }
    (queue,) = (name for name, each in teardown.items() if each["Type"] == "AWS::SQS::Queue")
    buried = {"Fn::GetAtt": [queue, "Arn"]}
    (function,) = of_type(teardown, "Lambda::Function")
    (asynchronous,) = of_type(teardown, "Lambda::EventInvokeConfig")
    (alarm,) = of_type(teardown, "CloudWatch::Alarm")
    assert target["DeadLetterConfig"]["Arn"] == function["DeadLetterConfig"]["TargetArn"] == buried
    assert asynchronous["MaximumRetryAttempts"] == 1
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": [queue, "QueueName"]}
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (0, "notBreaching")


def statements_of(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [
        statement
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy" and {"Ref": role} in each["Properties"]["Roles"]
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_whatever_changes_an_environment_is_bound_to_the_tag_of_what_it_changes(
    teardown: dict[str, Any],
) -> None:
    """Every statement of the function's role: it reads, or is held to the tag, or is the stack's own."""
    for statement in statements_of(teardown, teardown_role(teardown)):
        actions = statement["Action"]
        actions = [actions] if isinstance(actions, str) else actions
        changes = [a for a in actions if not a.partition(":")[2].startswith(READS)]
        if not changes or of_the_stack_itself(statement["Resource"]):
            continue
        held = statement["Condition"]["StringEquals"]
        # What is not there before the call can only be held to what the call says of it.
        kind = "Request" if "elasticloadbalancing:CreateAction" in held else "Resource"
        assert held[f"aws:{kind}Tag/{CLASS_TAG}"] == EPHEMERAL, changes
        assert held[f"aws:{kind}Tag/{SERVICE_TAG}"] == "shop", changes
        if "elasticloadbalancing:CreateRule" in changes:
            assert held[f"aws:RequestTag/{CLASS_TAG}"] == EPHEMERAL


def teardown_role(resources: dict[str, Any]) -> str:
    (function,) = of_type(resources, "Lambda::Function")
    return str(function["Role"]["Fn::GetAtt"][0])


def of_the_stack_itself(resource: Any) -> bool:
    """Its log, book, topic, queue, schedules' role; and the one-shot schedules of its group."""
    text = json.dumps(resource)
    return "Fn::GetAtt" in text or '"Ref": "Topic' in text or "schedule/shop-teardown/*" in text


def test_nothing_is_granted_on_everything_but_reading(teardown: dict[str, Any]) -> None:
    for statement in statements_of(teardown, teardown_role(teardown)):
        if statement["Resource"] == "*":
            actions = statement["Action"]
            assert all(a.partition(":")[2].startswith(READS) for a in actions), actions
