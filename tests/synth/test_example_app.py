"""examples/cdk: the constructs in somebody else's application."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from deployer.aws.needs import Resource
from deployer.aws.permissions import NEEDS
from deployer.errors import SettingsInvalid
from deployer.lab.cloudformation.resources.registry import KINDS
from deployer.settings.reading import load
from deployer.topology import topology_parameter
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
    for group in of(resources, "ElasticLoadBalancingV2::TargetGroup"):
        assert (group["HealthCheckPath"], group["HealthCheckIntervalSeconds"]) == ("/health", 5)


def test_nothing_that_a_deployment_moves_is_in_the_template(resources: dict[str, Any]) -> None:
    drawn = "AWS::CloudWatch::Dashboard"
    text = json.dumps([one for one in resources.values() if one["Type"] != drawn])
    for word in ("ForwardConfig", "Weight", "DesiredCapacity"):
        assert word not in text
    for group in of(resources, "AutoScaling::AutoScalingGroup"):
        assert group["LaunchTemplate"]["Version"] == "$Default"


def test_the_lab_knows_every_type_of_it(resources: dict[str, Any]) -> None:
    assert {one["Type"] for one in resources.values()} <= KINDS.keys()


def test_a_wrong_prop_is_one_line() -> None:
    app = example()
    wrong = app.MonitoringSettings(minutes=0)
    app.MonitoringSettings = lambda **_: wrong
    with pytest.raises(SettingsInvalid, match=r"^props: monitoring\.minutes = 0: must be"):
        app.application()


def test_it_has_a_role_for_the_deployer(resources: dict[str, Any]) -> None:
    text = json.dumps(of(resources, "IAM::Policy"))
    for need in NEEDS:
        if need.on is not Resource.FUNCTION:  # it has no hook that is one
            assert f'"{need.action}"' in text


def test_the_settings_for_the_command_line_speak_of_the_same_service(
    resources: dict[str, Any],
) -> None:
    settings = load(FILE.with_name("deployer.toml"), "staging")
    (parameter,) = of(resources, "SSM::Parameter")
    assert parameter["Name"] == topology_parameter(settings.service.name, "staging")
    ports = {listener["Port"] for listener in of(resources, "ElasticLoadBalancingV2::Listener")}
    environment = settings.environment
    assert ports == {environment.listener_port, environment.test_listener_port}


def test_the_readme_names_what_there_is() -> None:
    text = (FILE.parent / "README.md").read_text()
    for path in (Path("stacks/twin_service.py"), Path("stacks/monitoring.py")):
        assert (HERE / path).exists()
        assert path.with_suffix("").as_posix().replace("/", ".") in text
