"""Our stacks' ends: half-created, protected, with full buckets. What blocks one is said.

The CDK CLI's own words, and an end in the middle of a canary: tests/lab/test_destroy.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import templates
from deployer.lab.lab import BOOTSTRAP_PARAMETER
from deployer.lab.telemetry.telemetry import Telemetry
from tests.lab_core.monitored import Silence
from tests.lab_core.stacks import Cloud
from tests.leftovers import left

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.alone  # one synthesis, which starts Node
NAMED = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}


@dataclass(frozen=True)
class Environment:
    """The stacks of one environment, in the order of their creation: name -> template."""

    cloud: Cloud
    bodies: Mapping[str, str]

    def create(self, name: str, **params: Any) -> str:
        """The stack's status."""
        bootstrap = {"ParameterKey": "BootstrapVersion", "ParameterValue": BOOTSTRAP_PARAMETER}
        made = self.cloud.create(name, self.bodies[name], Parameters=[bootstrap], **NAMED, **params)
        return str(made["StackStatus"])

    def delete(self, name: str) -> str:
        return str(self.cloud.delete(name)["StackStatus"])

    def reasons(self, name: str) -> dict[str, str]:
        """What each resource said, the stack's own sum of it left out."""
        told = self.cloud.reasons(name)
        return {logical_id: why for logical_id, why in told.items() if logical_id != name}

    def names(self, *parts: str) -> list[str]:
        return [name for name in self.bodies if name.rpartition("-")[2] in parts]

    def left(self) -> dict[str, list[str]]:
        return left(self.cloud.client)


Made = Callable[[str], Environment]


@pytest.fixture(scope="module", name="bodies")
def _bodies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Both environments of the sample, synthesized once."""
    out = tmp_path_factory.mktemp("assembly") / "cdk.out"
    templates.synthesize(ROOT, ROOT / "deployer.toml", "", out)
    return {
        environment: {
            one.name: one.body for one in templates.read(out) if f"-{environment}-" in one.name
        }
        for environment in ("lab", "prod")
    }


@pytest.fixture(name="made")
def _made(cloud: Cloud, bodies: Mapping[str, Mapping[str, str]]) -> Made:
    Telemetry(cloud.context, Silence())  # moto has no composite alarms
    cloud.client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="30", Type="String")
    return lambda environment: Environment(cloud, bodies[environment])


def test_a_creation_that_failed_leaves_nothing_and_its_stack_can_go(made: Made) -> None:
    """Somebody has a parameter of our name: everything made until then is taken back."""
    own = made("lab")
    network, control = own.names("network", "control")
    (service,) = own.names("service")
    assert [own.create(name) for name in (network, control)] == ["CREATE_COMPLETE"] * 2
    before = own.left()
    ssm = own.cloud.client("ssm")
    ssm.put_parameter(Name="/deployer/shop/lab/topology", Value="theirs", Type="String")
    assert own.create(service) == "ROLLBACK_COMPLETE"
    (reason,) = own.reasons(service).values()
    assert "already exists" in reason
    assert own.delete(service) == "DELETE_COMPLETE"
    assert own.left() == {**before, "parameters": ["/deployer/shop/lab/topology"]}

    # The same without a rollback: what was made is still there, and goes with the stack.
    assert own.create(service, DisableRollback=True) == "CREATE_FAILED"
    assert own.left()["groups"]
    assert own.delete(service) == "DELETE_COMPLETE"
    ssm.delete_parameter(Name="/deployer/shop/lab/topology")
    assert own.left() == before
    assert [own.delete(name) for name in (control, network)] == ["DELETE_COMPLETE"] * 2
    assert own.left() == {}


def test_a_full_bucket_holds_its_stack_until_it_is_emptied(made: Made) -> None:
    """Artifacts are versions and marks of deletion too: the line of docs/stacks.md takes all."""
    own = made("lab")
    (control,) = own.names("control")
    own.create(control)
    s3 = own.cloud.client("s3")
    ids = own.cloud.physical_ids(control)
    artifacts, logs = ids["Artifacts82DD59A1"], ids["Logs6819BB44"]
    s3.put_object(Bucket=artifacts, Key="shop/v1.tar.gz", Body=b"1")
    s3.delete_object(Bucket=artifacts, Key="shop/v1.tar.gz")
    s3.put_object(Bucket=logs, Key="AWSLogs/1", Body=b"1")
    assert own.delete(control) == "DELETE_FAILED"
    assert own.reasons(control).keys() == {"Artifacts82DD59A1", "Logs6819BB44"}
    assert all("not empty" in why for why in own.reasons(control).values())
    assert own.left() == {"buckets": sorted([artifacts, logs]), "stacks": [control]}
    for bucket in (artifacts, logs):
        empty(s3, bucket)
    assert own.delete(control) == "DELETE_COMPLETE"
    assert own.left() == {}


def empty(s3: Any, bucket: str) -> None:
    """As `boto3.resource("s3").Bucket(bucket).object_versions.delete()`."""
    told = s3.list_object_versions(Bucket=bucket)
    for one in (*told.get("Versions", ()), *told.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def test_what_is_protected_refuses_and_what_it_keeps_is_told(made: Made) -> None:
    """The stack's own guard; without it the data remains, and the events say so."""
    own = made("prod")
    for name in own.bodies:
        own.create(name)
    ((control,), (service,)) = own.names("control"), own.names("service")
    own.cloud.api.update_termination_protection(StackName=service, EnableTerminationProtection=True)
    with pytest.raises(Exception, match="cannot be deleted while TerminationProtection is enabled"):
        own.cloud.api.delete_stack(StackName=service)
    own.cloud.api.update_termination_protection(
        StackName=service, EnableTerminationProtection=False
    )
    told = own.cloud.stack(control)["StackId"]  # by their name nobody finds deleted stacks
    beside = (*own.names("monitoring"), *own.names("runner"))
    for name in (*beside, service, control, *own.names("network")):
        assert own.delete(name) == "DELETE_COMPLETE"
    kept = own.left()
    assert kept.keys() == {"buckets", "tables"}
    assert (len(kept["buckets"]), len(kept["tables"])) == (2, 1)
    skipped = {name for name, status in own.cloud.events(told) if status == "DELETE_SKIPPED"}
    assert skipped == {"Artifacts82DD59A1", "Logs6819BB44", "JournalAE8C44B2"}


def test_a_protected_environment_whose_creation_failed_keeps_nothing(made: Made) -> None:
    """Empty buckets are nobody's; the table says what holds it, and how to let it go."""
    own = made("prod")
    (control,) = own.names("control")
    topic = own.bodies[control].replace('"AWS::SNS::Topic"', '"AWS::SNS::Tropic"')
    broken = Environment(own.cloud, {control: topic})
    assert broken.create(control) == "ROLLBACK_FAILED"
    assert own.left().keys() == {"tables", "stacks"}
    assert any("protect" in why.lower() for why in own.reasons(control).values())
