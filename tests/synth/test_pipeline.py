"""The pipeline's template: its stages, what its builds say, what each may do, and nothing more."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.aws import publishing
from deployer.lab.cloudformation.resources.registry import KINDS
from deployer.lab.pipelines.buildspec import parse, require_runtimes
from deployer.lab.pipelines.structure import Structure, read
from deployer.settings.pipeline import longest_s
from deployer.settings.reading import load
from stacks.acknowledged import spelled
from stacks.assembly import application, populate
from stacks.buildspecs import DEPLOYER
from tests.synth.conftest import SHAPES, Templates

Json = dict[str, Any]


@pytest.fixture(scope="module")
def resources(shapes: Templates) -> dict[str, Json]:
    template = json.loads((shapes.directory / "shop-pipeline.template.json").read_text())
    found: dict[str, Json] = template["Resources"]
    return found


def of_type(resources: dict[str, Json], kind: str) -> dict[str, Json]:
    return {n: r["Properties"] for n, r in resources.items() if r["Type"] == f"AWS::{kind}"}


@pytest.fixture(scope="module")
def structure(resources: dict[str, Json]) -> Structure:
    """As the lab reads it, which refuses what it does not simulate."""
    from deployer.lab.cloudformation.resources.pipelines import _lowered

    (raw,) = of_type(resources, "CodePipeline::Pipeline").values()
    wanted = {k: v for k, v in raw.items() if k not in ("RestartExecutionOnUpdate", "Tags")}
    return read(_lowered(json.loads(json.dumps(wanted))))


def test_an_environment_is_deployed_to_after_the_infrastructure_and_production_last(
    structure: Structure,
) -> None:
    assert [stage.name for stage in structure.stages] == [
        "Source", "Build", "Publish", "Infrastructure", "Deploy-warm", "Approval", "Deploy-secure",
    ]  # fmt: skip


def test_executions_queue_and_only_production_has_a_window(
    resources: dict[str, Json], structure: Structure
) -> None:
    (raw,) = of_type(resources, "CodePipeline::Pipeline").values()
    assert (raw["PipelineType"], raw["ExecutionMode"]) == ("V2", "QUEUED")
    assert raw["RestartExecutionOnUpdate"] is False
    *others, production = structure.stages
    assert [stage.window for stage in others] == [None] * len(others)
    assert production.window is not None
    assert production.window.zone == "Europe/Berlin"
    assert (production.window.hours, production.window.days) == (
        frozenset(range(9, 17)),
        frozenset(range(5)),
    )


def test_no_stage_is_retried_by_itself(resources: dict[str, Json]) -> None:
    """A release that went back would get to users twice."""
    (raw,) = of_type(resources, "CodePipeline::Pipeline").values()
    assert all(set(stage) <= {"Name", "Actions", "BeforeEntry"} for stage in raw["Stages"])


def test_what_deploys_attaches_and_leaves_a_report_whatever_happens(
    resources: dict[str, Json],
) -> None:
    projects = {p["Name"]: p for p in of_type(resources, "CodeBuild::Project").values()}
    for name in ("warm", "secure"):
        spec = parse(projects[f"shop-deploy-{name}"]["Source"]["BuildSpec"])
        (command,), (last,) = spec.phases["build"].commands, spec.phases["build"].last
        assert f'{DEPLOYER} --env {name} deploy "$RELEASE" --attach' in command
        assert f"{DEPLOYER} --env {name} report --html" in last
        assert spec.artifacts.base == "results"


def test_the_python_of_every_build_is_chosen_and_no_command_needs_a_shim(
    resources: dict[str, Json],
) -> None:
    """What pip installs is no command in CodeBuild's own images: only `python` itself is one."""
    for project in of_type(resources, "CodeBuild::Project").values():
        spec = parse(project["Source"]["BuildSpec"])
        assert spec.runtimes == {"python": "3.11"}
        require_runtimes(spec, project["Environment"]["Image"])
        said = [line for phase in spec.phases.values() for line in (*phase.commands, *phase.last)]
        assert not [line for line in said if re.search(r"(^|[(;&|]\s*)(deployer|cdk)\b", line)]


def test_a_deploying_build_lasts_as_long_as_its_plan_may(resources: dict[str, Json]) -> None:
    projects = {p["Name"]: p for p in of_type(resources, "CodeBuild::Project").values()}
    for name in ("warm", "secure"):
        minutes = projects[f"shop-deploy-{name}"]["TimeoutInMinutes"]
        assert minutes * 60 >= longest_s(load(SHAPES, name))


def granted(resources: dict[str, Json], build: str) -> Iterator[tuple[str, str]]:
    """(action, resource) of every policy of this build's role."""
    for name, properties in of_type(resources, "IAM::Policy").items():
        if name.startswith(f"{build}May"):
            for statement in properties["PolicyDocument"]["Statement"]:
                for action in listed(statement["Action"]):
                    for resource in listed(statement["Resource"]):
                        yield action, spelled(resource)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


EVERY_BUILD = {
    "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetBucketAcl", "s3:GetBucketLocation",
    "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject",
}  # fmt: skip


@pytest.mark.parametrize(
    ("build", "more"),
    [
        ("Build", set()),
        ("Publish", {need.action for need in publishing.NEEDS}),
        ("Infrastructure", {"sts:AssumeRole"}),
        ("Deploywarm", {"sts:AssumeRole"}),
        ("Deploysecure", {"sts:AssumeRole"}),
    ],
)
def test_a_build_may_what_it_needs(resources: dict[str, Json], build: str, more: set[str]) -> None:
    assert {action for action, _ in granted(resources, build)} == EVERY_BUILD | more


def test_a_build_becomes_the_role_that_it_is_there_for(resources: dict[str, Json]) -> None:
    def becomes(build: str) -> set[str]:
        return {r for action, r in granted(resources, build) if action == "sts:AssumeRole"}

    for name in ("warm", "secure"):
        (role,) = becomes(f"Deploy{name}")
        assert role.startswith(f"shop-{name}-control:ExportsOutputFnGetAttDeployerRole")
    place = "<AWS::AccountId>-us-east-1"
    assert becomes("Infrastructure") == {
        f"arn:aws:iam::<AWS::AccountId>:role/cdk-hnb659fds-{role}-{place}"
        for role in ("deploy-role", "file-publishing-role", "lookup-role")
    }


def test_nobody_touches_anothers_bucket(resources: dict[str, Json]) -> None:
    for build in ("Build", "Infrastructure", "Deploywarm", "Deploysecure"):
        buckets = {r for action, r in granted(resources, build) if action.startswith("s3:")}
        assert {each.partition(".")[0] for each in buckets} == {"<Store1D2A845B"}


def test_only_the_services_themselves_become_these_roles(resources: dict[str, Json]) -> None:
    trusted = set()
    for role in of_type(resources, "IAM::Role").values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }
        trusted.add(statement["Principal"]["Service"])
    assert trusted == {
        "codebuild.amazonaws.com",
        "codepipeline.amazonaws.com",
        "events.amazonaws.com",
    }


def test_a_new_source_starts_it_and_nothing_else_does(resources: dict[str, Json]) -> None:
    (rule,) = of_type(resources, "Events::Rule").values()
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["EventPattern"]["detail"]["object"] == {"key": ["source.zip"]}
    (source,) = [b for n, b in of_type(resources, "S3::Bucket").items() if n.startswith("Source")]
    assert source["VersioningConfiguration"] == {"Status": "Enabled"}
    assert source["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }


def test_the_lab_simulates_all_of_it_and_there_is_no_custom_resource(
    resources: dict[str, Json],
) -> None:
    assert {each["Type"] for each in resources.values()} <= KINDS.keys()


def test_a_repository_behind_a_connection(tmp_path: Path) -> None:
    arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b2c3d"
    path = tmp_path / "deployer.toml"
    more = f'connection = "{arn}"\nrepository = "acme/shop"\napproval = false\ninfrastructure = false\n'
    path.write_text(SHAPES.read_text().replace("test = [", f"{more}test = ["))
    app = application(tmp_path / "out")
    populate(app, path)
    app.synth()
    template = Templates(tmp_path / "out").directory / "shop-pipeline.template.json"
    resources = json.loads(template.read_text())["Resources"]
    (raw,) = of_type(resources, "CodePipeline::Pipeline").values()
    assert [stage["Name"] for stage in raw["Stages"]] == [
        "Source", "Build", "Publish", "Deploy-warm", "Deploy-secure",
    ]  # fmt: skip
    (action,) = raw["Stages"][0]["Actions"]
    assert action["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert action["Configuration"]["ConnectionArn"] == arn
    assert "#{Source.CommitId}" in json.dumps(raw["Stages"][2])
    assert not of_type(resources, "Events::Rule")
    (policy,) = [p for n, p in of_type(resources, "IAM::Policy").items() if n.startswith("May")]
    assert arn in json.dumps(policy)
