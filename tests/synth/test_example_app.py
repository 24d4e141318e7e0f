"""examples/cdk: the constructs in somebody else's application."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import SettingsInvalid
from deployer.lab.cloudformation.resources.registry import KINDS
from stacks.assembly import HERE

FILE = HERE / "examples" / "cdk" / "app.py"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("orders_app", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", name="resources")
def _resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    outdir = tmp_path_factory.mktemp("orders")
    example().application(str(outdir)).synth()
    text = (outdir / "orders-staging.template.json").read_text()
    found: dict[str, dict[str, Any]] = json.loads(text)["Resources"]
    return found


def of(resources: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in resources.values() if one["Type"] == f"AWS::{kind}"]


def test_the_deployer_finds_the_service_by_its_name(resources: dict[str, Any]) -> None:
    (parameter,) = of(resources, "SSM::Parameter")
    assert parameter["Name"] == "/deployer/orders/staging/topology"


def test_props_that_are_not_given_have_the_files_defaults(resources: dict[str, Any]) -> None:
    for group in of(resources, "AutoScaling::AutoScalingGroup"):
        assert (group["MinSize"], group["MaxSize"]) == ("0", "10")
    ports = {listener["Port"] for listener in of(resources, "ElasticLoadBalancingV2::Listener")}
    assert ports == {80, 8080}


def test_nothing_that_a_deployment_moves_is_in_the_template(resources: dict[str, Any]) -> None:
    text = json.dumps(resources)
    for word in ("ForwardConfig", "Weight", "DesiredCapacity"):
        assert word not in text
    for group in of(resources, "AutoScaling::AutoScalingGroup"):
        specification = group["MixedInstancesPolicy"]["LaunchTemplate"][
            "LaunchTemplateSpecification"
        ]
        assert specification["Version"] == "$Default"


def test_the_lab_knows_every_type_of_it(resources: dict[str, Any]) -> None:
    assert {one["Type"] for one in resources.values()} <= KINDS.keys()


def test_a_wrong_prop_is_one_line() -> None:
    app = example()
    wrong = app.FleetSettings(agent=True)
    app.FleetSettings = lambda **_: wrong
    with pytest.raises(
        SettingsInvalid, match=r"^props: fleet\.agent = true \(in staging\): must be"
    ):
        app.application()


def test_the_readme_names_what_there_is() -> None:
    text = (FILE.parent / "README.md").read_text()
    for path in (Path("stacks/twin_service.py"), Path("stacks/monitoring.py")):
        assert (HERE / path).exists()
        assert path.with_suffix("").as_posix().replace("/", ".") in text
