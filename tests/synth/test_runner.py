"""The runner stack: the supervisor, what it may do, who calls it, and who hears when it fails."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, aws_sns

from deployer.aws.needs import Resource
from deployer.aws.permissions import NEEDS, SUPERVISES
from deployer.settings.reading import load
from stacks import bundle, libraries
from stacks.acknowledged import spelled
from stacks.assembly import HERE
from stacks.deployer_role import DeployerRole
from stacks.runner import RunnerProps, TwinRunner
from stacks.twin_service import TwinService
from tests.synth.conftest import SAMPLE, Templates
from tests.synth.test_example_app import example

ENVIRONMENT = "prod"


def only(templates: Templates, kind: str, environment: str = ENVIRONMENT) -> dict[str, Any]:
    """The one of its kind, or the supervisor's of those that each function has."""
    found = templates.of_type("runner", kind, environment)
    (mine,) = [
        item["Properties"]
        for name, item in found.items()
        if len(found) == 1 or name.startswith("Supervisor")
    ]
    return dict(mine)


def policies(templates: Templates) -> dict[str, list[dict[str, Any]]]:
    """Statements by the logical id of the policy, without its digest."""
    found = templates.of_type("runner", "IAM::Policy", ENVIRONMENT)
    return {
        name[:-8]: item["Properties"]["PolicyDocument"]["Statement"] for name, item in found.items()
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_only_lambda_may_be_the_supervisor(templates: Templates) -> None:
    roles = templates.of_type("runner", "IAM::Role", ENVIRONMENT)
    trusted = {
        name[:-8]: item["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, item in roles.items()
    }
    (supervisor,), (caller,) = trusted["Role"], trusted["Caller"]
    assert supervisor["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert caller["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert caller["Condition"]["StringEquals"].keys() == {"aws:SourceAccount"}


def test_it_may_do_what_the_deployers_role_may_and_tell_the_topic(templates: Templates) -> None:
    statements = {each["Sid"]: each for each in policies(templates)["Rights"]}
    granted = {action for each in statements.values() for action in listed(each["Action"])}
    functions = {need.action for need in NEEDS if need.on is Resource.FUNCTION}
    assert granted == {need.action for need in SUPERVISES} - functions  # no hook is one here
    assert {need.action for need in SUPERVISES - NEEDS} == {"sns:Publish"}
    assert "Topic" in spelled(statements["Topic"]["Resource"])
    for name in ("Reads", "Moves"):
        own = deployers(templates, name)
        for sid, theirs in own.items():
            assert listed(statements[sid]["Action"]) == listed(theirs["Action"])
            assert statements[sid].get("Condition") == theirs.get("Condition")
            assert len(listed(statements[sid]["Resource"])) == len(listed(theirs["Resource"]))


def deployers(templates: Templates, name: str) -> dict[str, Any]:
    part = "control" if name == "Reads" else "service"
    found = templates.of_type(part, "IAM::Policy", ENVIRONMENT)
    (policy,) = [item for key, item in found.items() if key[:-8].endswith(name)]
    return {each["Sid"]: each for each in policy["Properties"]["PolicyDocument"]["Statement"]}


def test_it_writes_its_own_log_and_the_schedule_calls_nothing_else(templates: Templates) -> None:
    (logs,) = policies(templates)["RoleDefaultPolicy"]
    written = {spelled(each).split("Log")[0] for each in logs["Resource"]}
    assert written == {"<Supervisor", "<Tick", "<Member"}
    calls = {each["Action"]: spelled(each["Resource"]) for each in policies(templates)["Calls"]}
    assert calls.keys() == {"lambda:InvokeFunction", "sqs:SendMessage"}
    assert calls["lambda:InvokeFunction"].startswith("<Supervisor")
    assert calls["sqs:SendMessage"].startswith("<Undelivered")


@pytest.mark.parametrize(
    ("environment", "said"), [("prod", "rate(1 minute)"), ("secure", "rate(5 minutes)")]
)
def test_it_is_called_as_often_as_the_settings_say(
    templates: Templates, shapes: Templates, environment: str, said: str
) -> None:
    schedule = only(
        templates if environment == "prod" else shapes, "Scheduler::Schedule", environment
    )
    assert schedule["ScheduleExpression"] == said
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    retries = schedule["Target"]["RetryPolicy"]
    assert retries == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert spelled(schedule["Target"]["DeadLetterConfig"]["Arn"]).startswith("<Undelivered")


def test_a_call_that_was_not_answered_is_not_made_up_for(templates: Templates) -> None:
    """The next one comes in a minute: one made late would only be one too many."""
    settings = only(templates, "Lambda::EventInvokeConfig")
    assert settings["MaximumRetryAttempts"] == 0
    assert settings["MaximumEventAgeInSeconds"] == 60


def test_people_hear_of_a_supervisor_that_fails_or_does_not_run(templates: Templates) -> None:
    alarms = {
        each["AlarmName"]: each
        for each in templates.properties("runner", "CloudWatch::Alarm", ENVIRONMENT)
    }
    fails, silent = (
        alarms[f"shop-prod-supervisor-{how}"] for how in ("fails", "silent")
    )  # fmt: skip
    assert (fails["MetricName"], fails["TreatMissingData"]) == ("Errors", "notBreaching")
    assert (silent["MetricName"], silent["TreatMissingData"]) == ("Invocations", "breaching")
    for alarm in alarms.values():
        (told,) = alarm["AlarmActions"]
        assert "Topic" in spelled(told)
        assert alarm["OKActions"] == alarm["AlarmActions"]


def test_its_log_and_its_queue_do_not_grow_for_ever(templates: Templates) -> None:
    group = only(templates, "Logs::LogGroup")
    assert group == {
        "LogGroupName": "/deployer/shop/prod/supervise",
        "RetentionInDays": 30,
        "Tags": group["Tags"],
    }
    assert only(templates, "SQS::Queue")["MessageRetentionPeriod"] == 14 * 86_400


def test_it_is_told_where_it_is_and_whom_to_tell(templates: Templates) -> None:
    function = only(templates, "Lambda::Function")
    variables = function["Environment"]["Variables"]
    assert variables.keys() == {"DEPLOYER_ENV", "DEPLOYER_REPORTS"}
    assert variables["DEPLOYER_ENV"] == "prod"
    assert function["Handler"] == "deployer.functions.supervise.handler"
    assert function["Runtime"] == f"python{libraries.PYTHON}"


def test_no_environment_has_one_that_does_not_want_it(templates: Templates) -> None:
    assert not load(SAMPLE, "lab").runner.enabled
    assert not (templates.directory / "shop-lab-runner.template.json").exists()


# -- the code


def names(settings: bytes = b"[service]") -> set[str]:
    with zipfile.ZipFile(io.BytesIO(bundle.zipped(settings))) as archive:
        return set(archive.namelist())


def test_the_bundle_holds_the_deployer_its_needs_and_the_settings() -> None:
    held = names()
    assert {
        "deployer.toml",
        "deployer/functions/supervise.py",
        "deployer/wiring/services.py",
    } <= held
    assert "msgspec/__init__.py" in held
    assert any(name.startswith("msgspec/_core.") and name.endswith(".so") for name in held)
    folders = {"/".join(name.split("/")[:2]) for name in held}
    assert not folders & {"deployer/lab", "deployer/cli"}
    assert len(bundle.zipped(b"")) < 2_000_000


def test_the_same_content_is_the_same_zip() -> None:
    assert bundle.zipped(b"# a") == bundle.zipped(b"# a")
    assert bundle.zipped(b"# a") != bundle.zipped(b"# b")


@pytest.mark.parametrize("where", ["windows", "environments.prod.windows"])
def test_the_calendars_of_holidays_are_in_it_where_a_place_is_named(where: str) -> None:
    assert "cronsim/cronsim.py" in names()
    held = names(f'[{where}]\nholidays = ["KR"]'.encode())
    assert "holidays/countries/south_korea.py" in held
    assert not any(name.startswith("holidays/") for name in names())


@pytest.mark.parametrize(
    ("tags", "fits"),
    [
        (["cp311-cp311-manylinux_2_17_x86_64"], "x86_64"),
        (["cp311-cp311-manylinux2014_aarch64"], "aarch64"),
        (["cp310-abi3-manylinux2014_x86_64"], "x86_64"),
        (["cp311-cp311-manylinux_2_39_x86_64"], ""),
        (["cp311-cp311-musllinux_1_2_x86_64"], ""),
        (["cp311-cp311-macosx_11_0_arm64"], ""),
        (["cp311-cp311-win_amd64"], ""),
        (["py3-none-any"], ""),
        ([], ""),
    ],
)
def test_compiled_code_is_taken_from_here_only_if_lambda_can_load_it(
    tags: list[str], fits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        assert libraries.is_lambdas(tags) is (machine == fits)


def test_nothing_of_it_is_in_the_template(templates: Templates) -> None:
    code = only(templates, "Lambda::Function")["Code"]
    assert code.keys() == {"S3Bucket", "S3Key"}
    assert json.dumps(code["S3Bucket"]).count("cdk-hnb659fds-assets") == 1


def test_a_team_adds_it_to_a_service_in_a_stack_of_its_own(tmp_path: Path) -> None:
    """Everything in one stack: nothing is exported, and the rights are on the same resources."""
    app = App(outdir=str(tmp_path))
    stack = example().OrdersStack(app, "orders-staging")
    service, deployer, pager = map(stack.node.find_child, ("Orders", "Deployer", "Pager"))
    assert isinstance(service, TwinService)
    assert isinstance(deployer, DeployerRole)
    assert isinstance(pager, aws_sns.Topic)
    props = RunnerProps(
        settings=service.settings, file=HERE / "examples/cdk/deployer.toml",
        rights=deployer.rights, topic=pager,
    )  # fmt: skip
    TwinRunner(stack, "Runner", service, props)
    app.synth()
    template = json.loads((tmp_path / "orders-staging.template.json").read_text())
    assert "Fn::ImportValue" not in json.dumps(template)
    functions = of_type(template, "Lambda::Function")
    assert "deployer.functions.supervise.handler" in {one["Handler"] for one in functions}
    for function in functions:
        assert function["Environment"]["Variables"]["DEPLOYER_ENV"] == "staging"
    assert load(props.file, "staging").service.name == "orders"


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = template["Resources"].values()
    return [one["Properties"] for one in found if one["Type"] == f"AWS::{kind}"]


def test_a_member_answers_under_a_name_that_fleets_know(templates: Templates) -> None:
    functions = templates.of_type("runner", "Lambda::Function", ENVIRONMENT)
    (member,) = [each for name, each in functions.items() if name.startswith("Member")]
    assert member["Properties"]["FunctionName"] == "shop-prod-member"
    assert member["Properties"]["Timeout"] == 60
    begins = {each["Sid"]: each for each in policies(templates)["Begins"]}
    assert begins.keys() == {"Detached"}
    assert spelled(begins["Detached"]["Resource"]).endswith(":stateMachine:shop-prod-deployments")
