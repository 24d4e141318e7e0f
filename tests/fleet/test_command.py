"""`deployer fleet`, and the commands that mean it with --fleet, over simulated environments."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deployer.cli.main import cli
from deployer.errors import CloudUnavailable
from deployer.operations.fleet import FleetStatus, Phase
from deployer.operations.fleet_round import Mandate
from deployer.settings.schema import Settings
from deployer.wiring.formation import Formation
from deployer.wiring.services import Services
from tests.fleet.world import Site, World, carried, phases, sites, visit, world
from tests.sim.clock import NOON

SETTINGS = """
[service]
name = "shop"

[waves]
order = [["box"], ["eu"], ["us", "ap"]]
bake = ["10m", "20m"]
""" + "".join(
    f"""
[environments.{name}]
region = "{region}"
zones = ["{region}a", "{region}b"]
image = "ami-0abcdef1234567890"
"""
    for name, region in (
        ("box", "eu-west-1"), ("eu", "eu-west-1"), ("us", "us-east-1"), ("ap", "ap-south-1"),
    )
)  # fmt: skip


@dataclass
class Shell:
    """A person's, in the folder with the settings."""

    folder: Path
    sim: World
    carries: bool = True  # the state machine runs at once, to its end
    breaks: bool = False  # it does not begin
    started: list[Mandate] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)

    def __call__(self, settings: Settings) -> Services:
        raise AssertionError("a fleet asks its environments through their functions")

    def fleets(self, region: str, environments: Mapping[str, Settings]) -> Formation:
        self.regions.append(region)
        return Formation(
            service="shop", book=self.sim, members=self.sim, clock=self.sim.clock,
            start=self.start, owner="alice #1", caller="alice@laptop", scale=10_000.0,
        )  # fmt: skip

    def start(self, mandate: Mandate) -> None:
        if self.breaks:
            raise CloudUnavailable("throttled")
        self.started.append(mandate)
        if self.carries:
            carried(self.sim, fleet_id=mandate.fleet)

    def run(self, *arguments: str) -> Result:
        config = self.folder / "deployer.toml"
        if not config.exists():
            config.write_text(SETTINGS)
        return CliRunner(
            env={"DEPLOYER_CONFIG": str(config), "COLUMNS": "120", "TZ": "UTC"}
        ).invoke(cli, arguments, obj=self, prog_name="deployer")

    def json(self, *arguments: str) -> tuple[list[dict[str, Any]], int]:
        done = self.run("--output", "json", *arguments)
        return [json.loads(line) for line in done.stdout.splitlines()], done.exit_code

    def now(self) -> Any:
        return self.sim.history(1)[0]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, world(sites()))


def test_a_fleet_is_begun_and_left_to_its_state_machine(shell: Shell) -> None:
    shell.carries = False
    done = shell.run("fleet", "v42")
    assert done.exit_code == 0, done.output
    fleet = shell.now()
    assert [(w.environments, w.bake_s) for w in fleet.waves] == [
        (("box",), 600.0), (("eu",), 1200.0), (("us", "ap"), 1200.0),
    ]  # fmt: skip
    assert shell.started == [Mandate(fleet=fleet.id)]
    assert set(shell.regions) == {"eu-west-1"}
    assert f"fleet {fleet.id} is under way" in done.output
    assert "wave 1, then bakes for 10m" in done.output
    assert "box  eu-west-1  canary, v41 serves" in done.output


def test_watched_it_is_told_to_its_end(shell: Shell) -> None:
    done = shell.run("fleet", "v42", "--watch")
    assert done.exit_code == 0, done.output
    assert shell.now().status is FleetStatus.SHIPPED
    for words in ("wave 2 of 3: eu", "box shipped", "v42 has shipped everywhere"):
        assert words in done.output


@pytest.mark.parametrize(
    ("flag", "phase", "code"),
    [((), Phase.SHIPPED, 3), (("--rollback-on-failure",), Phase.RETURNED, 3)],
    ids=["kept", "taken back"],
)
def test_a_failing_second_wave_is_told_with_its_exit_status(
    shell: Shell, flag: tuple[str, ...], phase: Phase, code: int
) -> None:
    shell.sim.sites["eu"].ends = "rolled_back"
    documents, exit_code = shell.json("fleet", "v42", "--watch", *flag)
    assert (exit_code, phases(shell.now())["box"]) == (code, phase)
    assert documents[0]["event"] == "fleet_plan"
    kinds = [each["event"] for each in documents]
    assert "fleet_failed" in kinds
    assert documents[-1]["event"] == "result"
    assert documents[-1]["status"] == ("stopped" if phase is Phase.SHIPPED else "rolled_back")


def test_a_halt_needs_a_person(shell: Shell) -> None:
    shell.sim.sites["eu"].ends = "halted"
    assert shell.run("fleet", "v42", "--watch").exit_code == 4


def test_waves_and_bakes_can_be_typed(shell: Shell) -> None:
    shell.carries = False
    done = shell.run(
        "fleet", "v42", "--wave", "eu", "--wave", "us, ap", "--bake", "1h", "--wait-for-lock", "5m",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    fleet = shell.now()
    assert [(w.environments, w.bake_s) for w in fleet.waves] == [
        (("eu",), 3600.0), (("us", "ap"), 3600.0),
    ]  # fmt: skip
    assert fleet.wait_s == 300.0


def test_a_dry_run_shows_the_waves_and_what_objects(shell: Shell) -> None:
    shell.sim.sites["us"].refuses = "stack-busy: stack shop-us-service is UPDATE_IN_PROGRESS"
    shell.sim.sites["ap"].present = True
    done = shell.run("fleet", "v42", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "us   us-east-1  canary, v41 serves; stack-busy" in done.output
    assert "v42 serves already" in done.output
    assert not shell.sim.stored


@pytest.mark.parametrize(
    ("special", "arguments", "words"),
    [
        (Site(refuses="alarm-ringing: errors"), (), "not begun, nothing was changed: ap: alarm-"),
        (Site(stuck=True), (), "add --irreversible"),
        (Site(), ("--wave", "box", "--wave", "box"), "in one wave, and once"),
        (Site(), ("--wave", "mars"), "of the file's own"),
        (Site(), ("--wave", ","), "each wave an environment"),
        (Site(), ("--bake", "soon"), "is not a duration"),
    ],
    ids=["objection", "irreversible", "twice", "unknown", "empty", "bake"],
)
def test_what_is_refused_changes_nothing(
    tmp_path: Path, special: Site, arguments: tuple[str, ...], words: str
) -> None:
    shell = Shell(tmp_path, world(sites(ap=special)))
    done = shell.run("fleet", "v42", *arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert not shell.sim.stored


def test_where_it_serves_everywhere_there_is_nothing_to_ship(tmp_path: Path) -> None:
    everywhere = {name: Site(present=True) for name in ("box", "eu", "us", "ap")}
    done = Shell(tmp_path, world(everywhere)).run("fleet", "v42")
    assert (done.exit_code, "nothing to ship" in done.output) == (2, True)


def test_an_environment_that_does_not_answer_is_named(tmp_path: Path) -> None:
    shell = Shell(tmp_path, world(sites(eu=Site(deaf=(NOON, NOON + 60.0)))))
    done = shell.run("fleet", "v42")
    assert (done.exit_code, "eu: timed out" in done.output) == (1, True)


def test_a_second_fleet_is_refused(shell: Shell) -> None:
    shell.carries = False
    assert shell.run("fleet", "v42").exit_code == 0
    done = shell.run("fleet", "v43")
    assert (done.exit_code, "is under way" in done.output) == (5, True)


def test_without_a_section_it_says_what_to_write(shell: Shell) -> None:
    start = SETTINGS.index("[waves]")
    rest = SETTINGS.index("[environments.box]")
    (shell.folder / "deployer.toml").write_text(SETTINGS[:start] + SETTINGS[rest:])
    done = shell.run("fleet", "v42", "--wave", "box")
    assert (done.exit_code, "has no [waves]" in done.output) == (2, True)


def test_status_history_and_show_know_it(shell: Shell) -> None:
    assert shell.run("status", "--fleet").exit_code == 2
    shell.carries = False
    shell.run("fleet", "v42")
    visit(shell.sim, shell.now().id)
    text = shell.run("status", "--fleet").output
    assert "wave 1 of 3 gets the release" in text
    assert "… box  under way" in text
    assert "`deployer pause --fleet`" in text
    assert "v42" in shell.run("history", "--fleet").output
    (document,) = shell.json("status", "--fleet")[0][:1]
    assert document["waves"][0]["environments"][0]["phase"] == "under_way"
    shown = shell.run("show", "--fleet", shell.now().id)
    assert "box under way" in shown.output


def test_it_is_steered_like_a_deployment(shell: Shell) -> None:
    shell.carries = False
    shell.run("fleet", "v42")
    name = shell.now().id
    assert shell.run("promote", "--fleet").exit_code == 2
    for command in ("pause", "resume", "abort"):
        done = shell.run(command, "--fleet")
        assert done.exit_code == 0, done.output
        visit(shell.sim, name)
    assert "aborted by alice@laptop" in shell.now().reason
    assert shell.run("pause", "--fleet").exit_code == 2
    carried(shell.sim, fleet_id=name)
    assert shell.run("abort", "--fleet").exit_code == 2


def test_one_whose_machine_did_not_begin_says_so_and_is_resumed(shell: Shell) -> None:
    shell.breaks = True
    done = shell.run("fleet", "v42")
    assert done.exit_code == 1, done.output
    for words in ("state machine did not take it: throttled", "deployer resume --fleet"):
        assert words in done.output
    shell.breaks = False
    resumed = shell.run("resume", "--fleet")
    assert resumed.exit_code == 0, resumed.output
    assert shell.now().status is FleetStatus.SHIPPED


def test_one_that_nobody_visits_is_begun_to_be_visited_again(shell: Shell) -> None:
    shell.carries = False
    shell.run("fleet", "v42")
    visit(shell.sim, shell.now().id)
    assert shell.run("resume", "--fleet").exit_code == 2
    shell.sim.clock.sleep(3_600.0)
    assert "Nobody has looked after it for" in shell.run("status", "--fleet").output
    done = shell.run("resume", "--fleet")
    assert done.exit_code == 0, done.output
    first, again = shell.started
    assert again.fleet == first.fleet
    assert again.execution != first.execution
