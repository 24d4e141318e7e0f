"""What tearing down one environment asks of AWS: what is not known of it, or not said, keeps it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from deployer.aws.session import Aws
from deployer.cli.main import cli
from deployer.errors import NotFound
from deployer.operations.idle.ports import Ending
from deployer.process.clock import ScaledClock
from deployer.settings.reading import load
from deployer.settings.schema import Settings
from deployer.topology import topology_parameter
from deployer.wiring import tearing
from deployer.wiring.services import Services
from tests.contract.conftest import published
from tests.idle.cloud import NOW, Hand, Region
from tests.sim.play import play

HOUR_S = 3600
SEEN = play().runner("p").cloud.observe()
SETTINGS = """
[service]
name = "shop"
[environments.{name}]
region = "us-east-1"
protected = {protected}
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0123456789abcdef0"
[environments.{name}.teardown]
ephemeral = {ephemeral}
"""


def settings_in(
    folder: Path, name: str, *, ephemeral: bool = True, protected: bool = False
) -> Path:
    config = folder / "deployer.toml"
    said = {"ephemeral": json.dumps(ephemeral), "protected": json.dumps(protected)}
    config.write_text(SETTINGS.format(name=name, **said))
    return config


@dataclass
class Place:
    """An environment of the Region whose service stack has published what it made."""

    region: Region
    ground: tearing.Ground
    name: str

    def requests(self, hours: int, count: int) -> None:
        """In a minute so many hours ago."""
        self.region.served(self.name, NOW - hours * HOUR_S + 60, count)


@pytest.fixture
def place(region: Region, aws: Aws, tmp_path: Path) -> Callable[..., Place]:
    def of(name: str, *, ephemeral: bool = True) -> Place:
        region.environment(name, instances=2, ephemeral=ephemeral)
        text = msgspec.json.encode(
            msgspec.structs.replace(
                published(), load_balancer=region.balancer(name), journal_table=f"journal-{name}"
            )
        ).decode()
        parameter = topology_parameter("shop", name)
        region.admin("ssm").put_parameter(Name=parameter, Value=text, Type="String")
        settings = load(settings_in(tmp_path, name), name)
        clock: ScaledClock = Hand(NOW, 1.0)
        return Place(region, tearing.Ground(aws, settings, clock), name)

    Hand.time = NOW + 600
    return of


def test_its_service_stack_says_whether_it_is_ephemeral(place: Callable[..., Place]) -> None:
    assert place("ephemeral1").ground.tagged()
    assert not place("lasting1", ephemeral=False).ground.tagged()


def test_requests_of_the_last_window_and_since_are_use(place: Callable[..., Place]) -> None:
    there = place("used1")
    for hours, count in ((1, 30), (0, 4)):
        there.requests(hours, count)
    use = there.ground.use(SEEN)
    assert use is not None
    assert (use.requests, use.most, use.window_s) == (30.0, 20, 3600.0)


def test_missing_metrics_are_no_silence(place: Callable[..., Place]) -> None:
    """Those since the last whole window say nothing of it."""
    there = place("unknown1")
    for _ in range(2):
        use = there.ground.use(SEEN)
        assert use is not None
        assert use.requests is None
        there.requests(0, 0)
    there.requests(1, 0)
    use = there.ground.use(SEEN)
    assert use is not None
    assert use.requests == 0.0


def test_behind_a_page_nobody_reaches_a_slot(place: Callable[..., Place]) -> None:
    ground = place("paged1").ground
    assert ground.use(replace(SEEN, asleep=True)) is None
    assert ground.use(replace(SEEN, weights=None)) is None


def test_an_extension_lies_in_its_journal(place: Callable[..., Place]) -> None:
    ground = place("extended1").ground
    until = NOW + 8 * HOUR_S
    assert ground.notices.extend("extended1", until).extended_until == until
    assert ground.notices.read("extended1").extended_until == until


Command = Callable[..., Result]


@pytest.fixture
def delete(region: Region, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """`deployer teardown NAME --level delete` of one that publishes nothing any more."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    monkeypatch.setenv("AWS_ENDPOINT_URL", region.context.endpoint)
    monkeypatch.setenv("DEPLOYER_CLOCK", f"{NOW + 600}@0.000001")

    def run(name: str, **said: bool) -> Result:
        config = settings_in(tmp_path, name, **said)
        arguments = ["--config", str(config), "teardown", name, "--level", "delete"]
        return CliRunner().invoke(cli, [*arguments, "--confirm", name])

    return run


def gone(region: Region, name: str, part: str) -> None:
    region.stacks.remove(region.find(name, part))


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("alive1", {}, "shop-alive1-service is CREATE_COMPLETE"),
        ("saved1", {"protected": True, "ephemeral": False}, "protected: "),
        ("kept1", {"ephemeral": False}, "not-ephemeral: "),
    ],
)
def test_what_is_left_of_an_environment_has_rails_too(
    region: Region, delete: Command, name: str, said: dict[str, bool], words: str
) -> None:
    region.environment(name)
    if said:  # else there may be users, whatever the settings say
        gone(region, name, "service")
    before = len(region.asked)
    done = delete(name, **said)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert len(region.asked) == before


def test_a_stack_that_is_not_tagged_stays(region: Region, delete: Command) -> None:
    region.environment("bare1", ephemeral=False)
    gone(region, "bare1", "service")
    before = len(region.asked)
    done = delete("bare1")
    assert done.exit_code == 2, done.output
    assert (
        "shop-bare1-monitoring, shop-bare1-network, shop-bare1-control: no tag deployer:env-class = ephemeral"
        in done.output
    )
    assert len(region.asked) == before


@pytest.mark.usefixtures("delete")
def test_a_sweep_holds_what_is_left_to_the_same_rails(region: Region, tmp_path: Path) -> None:
    """It publishes nothing any more; its service stack is there all the same, until it is not."""

    def absent(_: Settings) -> Services:
        raise NotFound("no parameter")

    region.environment("swept1")
    config = settings_in(tmp_path, "swept1")
    acts = tearing.Environments(lambda name: load(config, name), 120.0, connect=absent)
    before = len(region.asked)
    refused = acts.tear_down("swept1", "delete", "idle")
    assert refused.ending is Ending.REFUSED
    assert "shop-swept1-service is CREATE_COMPLETE" in refused.words
    assert len(region.asked) == before
    gone(region, "swept1", "service")
    assert acts.tear_down("swept1", "delete", "idle").ending is Ending.BEGUN
    assert region.asked[before:] == [region.find("swept1", "monitoring")["StackId"]]
    assert acts.tear_down("swept1", "sleep", "idle").ending is Ending.NOTHING
