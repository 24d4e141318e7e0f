"""What others have to say about the templates: cdk-nag, cfn-lint, and the CDK's own validation."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import LegacyStackSynthesizer, Stack, Validations
from aws_cdk.cloudformation_include import CfnInclude
from cdk_nag import AwsSolutionsChecks

from deployer.lab.cloudformation.resources.registry import KINDS
from stacks.assembly import HERE, application, populate
from tests.synth.conftest import PARTS, SAMPLE, SHAPES, Templates, run_app

ACKNOWLEDGED = {
    "AwsSolutions-AS3",
    "AwsSolutions-EC23",
    "AwsSolutions-IAM5",
    "AwsSolutions-S1",
}


def reported(directory: Path, plugin: str, kind: str) -> set[str]:
    """Names of the rules in the validation report, without what they are about in brackets."""
    reports = json.loads((directory / "validation-report.json").read_text())["pluginReports"]
    (found,) = [report for report in reports if report["pluginName"] == plugin]
    return {item["ruleName"].partition("[")[0] for item in found.get(kind, [])}


def test_cdk_nag_finds_nothing_that_is_not_acknowledged(tmp_path: Path) -> None:
    app = application(tmp_path)
    populate(app, SAMPLE, "prod")
    populate(app, SHAPES)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()  # raises at any finding


def test_cdk_nag_would_find_exactly_what_is_acknowledged(
    templates: Templates, tmp_path: Path
) -> None:
    """The same templates in an application that acknowledges nothing: no reason is stale."""
    app = application(tmp_path)
    for part in PARTS:
        file = templates.directory / f"shop-lab-{part}.template.json"
        synthesizer = LegacyStackSynthesizer()  # the templates bring their bootstrap rule along
        CfnInclude(Stack(app, part, synthesizer=synthesizer), "All", template_file=str(file))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert reported(tmp_path, "AwsSolutions", "violations") == ACKNOWLEDGED


def test_cfn_lint_finds_nothing(templates: Templates, shapes: Templates) -> None:
    files = sorted(
        str(path)
        for directory in (templates.directory, shapes.directory)
        for path in directory.glob("*.template.json")
    )
    assert len(files) == 9 + 15  # with the fleet's and the teardown's
    found = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--format", "parseable", "--", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.stdout, found.returncode) == ("", 0)


def test_the_cdk_validates_what_it_writes(tmp_path: Path) -> None:
    done = run_app(tmp_path, CDK_VALIDATION="true")
    assert done.returncode == 0, done.stderr
    plugin = "CloudFormation Validate"
    assert reported(tmp_path, plugin, "violations") == set()
    assert reported(tmp_path, plugin, "suppressedViolations") == {"W3010"}


def test_templates_use_only_what_the_lab_simulates(templates: Templates) -> None:
    parts = [templates.template(part) for part in PARTS] + [templates.template("runner", "prod")]
    used = {item["Type"] for part in parts for item in part["Resources"].values()}
    assert len(used) > 20
    assert used <= KINDS.keys()


def test_no_custom_resource_and_no_asset_but_the_functions_code(templates: Templates) -> None:
    manifest = json.loads((templates.directory / "manifest.json").read_text())
    assert "missing" not in manifest
    found = {
        path.name.partition(".")[0]: item["source"]
        for path in templates.directory.glob("*.assets.json")
        for item in json.loads(path.read_text())["files"].values()
        if not item["source"]["path"].endswith(".template.json")
    }
    assert list(found) == ["shop-prod-runner"]
    assert (
        found["shop-prod-runner"]["packaging"] == "file"
    )  # the lab puts only files into its bucket


def test_references_between_stacks_are_strong(templates: Templates) -> None:
    exported = {
        output["Export"]["Name"]
        for part in PARTS
        for output in templates.template(part).get("Outputs", {}).values()
        if "Export" in output
    }
    imported = {name for part in PARTS for name in _imports(templates.template(part))}
    assert imported == exported
    assert len(imported) > 12


def _imports(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["Fn::ImportValue"]] if "Fn::ImportValue" in node else []
        return own + [name for child in node.values() for name in _imports(child)]
    if isinstance(node, list):
        return [name for child in node for name in _imports(child)]
    return []


@pytest.mark.parametrize(("environment", "kept"), [("lab", False), ("prod", True)])
def test_protected_stacks_refuse_their_deletion(
    templates: Templates, environment: str, kept: bool
) -> None:
    manifest = json.loads((templates.directory / "manifest.json").read_text())["artifacts"]
    for part in PARTS:
        properties = manifest[f"shop-{environment}-{part}"]["properties"]
        assert properties["terminationProtection"] is kept


def test_the_flags_are_the_recommended_ones_but_two() -> None:
    flags = json.loads((HERE / "cdk.json").read_text())["context"]
    assert len(flags) == 89
    assert flags["@aws-cdk/aws-ec2:restrictDefaultSecurityGroup"] is False
    assert flags["@aws-cdk/core:defaultCrossStackReferences"] == "strong"
