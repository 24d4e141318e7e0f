"""The fleet's stack: its book, its function, its machine, and what each may do."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from deployer.aws.permissions import COMMANDS_FLEETS, VISITS_FLEETS
from deployer.topology import LONGEST_FUNCTION_NAME, member_function
from stacks.acknowledged import spelled
from stacks.assembly import application, fleet_of, populate

SETTINGS = """
[service]
name = "shop"

[waves]
order = [["box"], ["us", "ap"]]
""" + "".join(
    f"""
[environments.{name}]
account = "123456789012"
region = "{region}"
zones = ["{region}a", "{region}b"]
image = "ami-0abcdef1234567890"
protected = {protected}
"""
    for name, region, protected in (
        ("box", "eu-west-1", "false"), ("us", "us-east-1", "true"), ("ap", "ap-south-1", "true"),
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("service") / "deployer.toml"
    file.write_text(SETTINGS)
    stack = fleet_of(application(), file)
    assert stack is not None
    assert (stack.region, stack.stack_name) == ("eu-west-1", "shop-fleet")
    found: dict[str, Any] = Template.from_stack(stack).to_json()["Resources"]
    return found


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template.items() if each["Type"] == f"AWS::{kind}"}


def statements(template: dict[str, Any], policy: str) -> dict[str, dict[str, Any]]:
    found = of_type(template, "IAM::Policy")
    (own,) = [each for name, each in found.items() if name[:-8].endswith(policy)]
    return {s["Sid"]: s for s in own["Properties"]["PolicyDocument"]["Statement"] if "Sid" in s}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("policy", "needs"), [("Visits", VISITS_FLEETS), ("Commands", COMMANDS_FLEETS)]
)
def test_each_role_may_do_what_its_adapters_declare(
    template: dict[str, Any], policy: str, needs: frozenset[Any]
) -> None:
    found = statements(template, policy)
    granted = {action for each in found.values() for action in listed(each["Action"])}
    assert granted == {need.action for need in needs}
    assert not any("*" in spelled(arn) for s in found.values() for arn in listed(s["Resource"]))


def test_a_fleet_moves_no_traffic_it_asks_the_functions_beside_its_environments(
    template: dict[str, Any],
) -> None:
    members = statements(template, "Visits")["Members"]
    assert [spelled(arn) for arn in members["Resource"]] == [
        "arn:aws:lambda:ap-south-1:123456789012:function:shop-ap-member",
        "arn:aws:lambda:eu-west-1:123456789012:function:shop-box-member",
        "arn:aws:lambda:us-east-1:123456789012:function:shop-us-member",
    ]
    services = {a.partition(":")[0] for need in COMMANDS_FLEETS for a in [need.action]}
    assert services == {"dynamodb", "lambda", "ssm", "states"}


def test_the_book_is_kept_where_an_environment_is_protected(template: dict[str, Any]) -> None:
    (book,) = of_type(template, "DynamoDB::GlobalTable").values()
    assert book["DeletionPolicy"] == "RetainExceptOnCreate"
    replica = book["Properties"]["Replicas"][0]
    assert replica["DeletionProtectionEnabled"]
    assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def test_the_machine_calls_the_visit_and_goes_on_as_itself(template: dict[str, Any]) -> None:
    (machine,) = of_type(template, "StepFunctions::StateMachine").values()
    assert machine["Properties"]["StateMachineName"] == "shop-fleet"
    (policy,) = [p for n, p in of_type(template, "IAM::Policy").items() if "MachineCalls" in n]
    calls = policy["Properties"]["PolicyDocument"]["Statement"]
    assert {c["Action"]: spelled(c["Resource"])[:6] for c in calls} == {
        "lambda:InvokeFunction": "<Visit",
        "states:StartExecution": "arn:aw",
    }


def test_a_visit_ends_before_its_lease(template: dict[str, Any]) -> None:
    from deployer.operations.fleet_course import FENCE_S
    from deployer.wiring.formation import LEASE_S

    (visit,) = of_type(template, "Lambda::Function").values()
    assert visit["Properties"]["Timeout"] < LEASE_S
    assert visit["Properties"]["Timeout"] >= FENCE_S


def test_narrowed_to_an_environment_it_comes_with_the_first_one(tmp_path: Path) -> None:
    file = tmp_path / "deployer.toml"
    file.write_text(SETTINGS)
    app = application()
    populate(app, file, "us")
    assert app.node.try_find_child("shop-fleet") is None
    assert fleet_of(application(), file, "box") is not None


def test_without_waves_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "deployer.toml"
    start, end = SETTINGS.index("[waves]"), SETTINGS.index("[environments.box]")
    file.write_text(SETTINGS[:start] + SETTINGS[end:])
    assert fleet_of(application(), file) is None


def test_a_members_name_fits_lambda() -> None:
    assert member_function("shop", "prod") == "shop-prod-member"
    longest = member_function("s" * 32, "e" * 32)
    assert len(longest) <= LONGEST_FUNCTION_NAME
    assert longest != member_function("s" * 32, "e" * 31 + "f")


SLACK = """
[[environments.{name}.notify.channels]]
name = "releases"
kind = "slack"
url = "secretsmanager:shop/slack"
"""


def test_it_may_read_what_those_are_told_with_who_are_told_of_its_environments(
    tmp_path: Path, template: dict[str, Any]
) -> None:
    file = tmp_path / "deployer.toml"
    file.write_text(SETTINGS + SLACK.format(name="us") + SLACK.format(name="ap"))
    stack = fleet_of(application(), file)
    assert stack is not None
    found = Template.from_stack(stack).to_json()["Resources"]
    for policy in ("VisitorNotifies", "CommanderNotifies"):
        (only,) = statements(found, policy).values()
        assert only["Action"] == "secretsmanager:GetSecretValue"
        assert [spelled(arn) for arn in only["Resource"]] == [
            f"arn:aws:secretsmanager:{region}:123456789012:secret:shop/slack-??????"
            for region in ("ap-south-1", "us-east-1")
        ]
    assert not [name for name in of_type(template, "IAM::Policy") if "Notifies" in name]


def test_an_address_without_a_secret_needs_no_right(tmp_path: Path) -> None:
    """No policy at all: CloudFormation refuses an empty one."""
    file = tmp_path / "deployer.toml"
    channel = '[[notify.channels]]\nname = "ops"\nkind = "http"\nurl = "https://ops.example"\n'
    file.write_text(SETTINGS + channel)
    stack = fleet_of(application(), file)
    assert stack is not None
    found = Template.from_stack(stack).to_json()["Resources"]
    assert not [name for name in of_type(found, "IAM::Policy") if "Notifies" in name]
