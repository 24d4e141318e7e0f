"""app.py: the same templates however it is started, and one line when the settings are wrong."""

import json
import re
from pathlib import Path

import pytest

from deployer.settings.reading import environments
from tests.synth.conftest import PARTS, SAMPLE, Templates, run_app


def test_app_writes_the_same_templates_as_the_library(templates: Templates, tmp_path: Path) -> None:
    done = run_app(tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    written = {path.name: path.read_text() for path in tmp_path.glob("*.template.json")}
    expected = {path.name: path.read_text() for path in templates.directory.glob("*.template.json")}
    assert written == expected
    assert len(written) == len(PARTS) * len(environments(SAMPLE)) + 1  # the runner of prod


def test_context_narrows_to_one_environment_and_the_variable_names_the_file(tmp_path: Path) -> None:
    settings = tmp_path / "other.toml"
    settings.write_text(SAMPLE.read_text().replace('name = "shop"', 'name = "cart"'))
    done = run_app(
        tmp_path / "out",
        CDK_CONTEXT_JSON=json.dumps({"env": "lab"}),
        DEPLOYER_CONFIG=str(settings),
    )
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").glob("*.template.json")}
    assert written == {f"cart-lab-{part}.template.json" for part in PARTS}


def test_an_unknown_environment_gets_one_line(tmp_path: Path) -> None:
    done = run_app(tmp_path, CDK_CONTEXT_JSON=json.dumps({"env": "lib"}))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{SAMPLE}: no environment 'lib'; there is: lab, prod",
    ]


@pytest.mark.parametrize("assembly", ["templates", "shapes"])
def test_what_a_stack_imports_is_deployed_before_it(
    assembly: str, request: pytest.FixtureRequest
) -> None:
    """Without that `cdk deploy --all` begins with either, and fails on a new account."""
    directory: Path = request.getfixturevalue(assembly).directory
    artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"]
    stacks = {name: each for name, each in artifacts.items() if "stack" in each["type"]}
    imports = re.compile(r'"Fn::ImportValue": "([^:"]+):')
    pairs = [
        (name, exporter)
        for name, each in stacks.items()
        for exporter in set(
            imports.findall((directory / each["properties"]["templateFile"]).read_text())
        )
    ]
    assert len(pairs) > 5
    assert [(one, two) for one, two in pairs if two not in stacks[one]["dependencies"]] == []
