"""What commands say with `--output json`, each with its command, over simulated environments.

`python -m tests.cli.samples` records those that tests/data/json does not have yet, and new keys of those
that it has. What is recorded stays: programs were written for it.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from deployer.cli.main import cli
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.findings import Finding, Level
from deployer.journal import Ask, Request
from deployer.model import Weights
from deployer.operations.fleet_round import Mandate
from deployer.render.findings import finding_document
from tests.cli.recorded import name_of, record
from tests.cli.several import Several
from tests.cli.stage import SETTINGS, Stage, stage
from tests.cli.test_terms import Busy
from tests.cli.ward import EPHEMERAL, Ward
from tests.fleet.test_command import Shell
from tests.fleet.world import carried, sites, world
from tests.sim.board import SimBoard
from tests.sim.fleet import Behaviour
from tests.sim.kept import Kept
from tests.sim.outbox import SimOutbox
from tests.sim.pages import SimPages

Said = tuple[str, dict[str, Any]]  # the command, and one thing that it said


def said() -> Iterator[Said]:
    """Everything that the commands below say."""
    stories = (
        shipped, other_ways, worse, moved, abandoned, several, empty, deaf, disturbed, torn_down,
        deleted, fleet, failing_fleet, set_up,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for story in stories:
            place = Path(folder) / story.__name__
            place.mkdir()
            yield from story(place)
    found = Finding(
        "health", Level.PROBLEM, "blue", "no health path", "bad ones serve", ("set one",)
    )
    yield "verify", finding_document(found, 1.8e9)


def of(shell: Stage | Several | Shell, *command: str) -> Iterator[Said]:
    """What one command says."""
    for each in shell.json(*command)[0]:
        yield command[0], each


def shipped(folder: Path) -> Iterator[Said]:
    """A canary that somebody pauses and lets go on; then what the commands that look say."""
    shop, heard = stage(folder), list[Said]()
    shop.recordings = Kept()

    def at(after_s: float, *command: str) -> None:
        shop.at(after_s, lambda: heard.extend(of(shop, *command)))

    at(150, "pause")
    at(200, "status")
    at(205, "approve")
    at(210, "resume")
    yield from of(shop, "canary", "v2")
    yield from heard
    yield from of(shop, "history")
    yield from of(shop, "show", shop.records[0].id)
    yield from of(shop, "report")
    yield from of(shop, "replay", shop.records[0].id, "--policy", "kayenta")
    yield from of(shop, "settle")
    yield from of(shop, "cost", "v3")
    yield from of(shop, "windows")
    yield from of(shop, "recommend", "--criticality", "high", "--traffic", "200")
    yield from of(shop, "rollback")


def other_ways(folder: Path) -> Iterator[Said]:
    """Each other strategy once; one of them is promoted, and one taken back."""
    shop, heard = stage(folder), list[Said]()
    shop.at(150, lambda: heard.extend(of(shop, "promote")))
    yield from of(shop, "blue-green", "v2")
    yield from of(shop, "rolling", "v3")
    shop.at(150, lambda: heard.extend(of(shop, "abort")))
    yield from of(shop, "deploy", "v2")
    yield from heard


class Recorded(Busy):
    """What both slots served, by zone; the load balancer itself had nothing to answer."""

    def balancer_5xx(self, since: float, until: float) -> int:
        del since, until
        return 0


def worse(folder: Path) -> Iterator[Said]:
    """One that goes back, and somebody who approves too late; what was worse is known."""
    shop = stage(folder, behaviours={"v3": Behaviour(errors=30)})
    shop.past = Recorded()
    late = Request(Ask.APPROVE, "alice@laptop", "r1")
    shop.at(100, lambda: shop.journal.ask("sim", late))
    yield from of(shop, "canary", "v3", "--weights", "50")
    yield from of(shop, "show", shop.records[0].id)


def moved(folder: Path) -> Iterator[Said]:
    """One that halts, since somebody has moved traffic; the next one is refused."""
    shop = stage(folder)
    shop.play.move_weights_at(120, Weights(300, 700))
    yield from of(shop, "canary", "v2")
    yield from of(shop, "canary", "v3")


def abandoned(folder: Path) -> Iterator[Said]:
    """One whose process dies; a supervisor meets it."""
    shop = stage(folder)

    def die() -> None:
        raise MemoryError("killed")

    shop.at(100, die)
    shop.journal.forgetful = True
    yield from of(shop, "canary", "v2")
    shop.journal.forgetful = False
    shop.play.clock.sleep(61.0)
    yield from of(shop, "supervise", "--once")


def several(folder: Path) -> Iterator[Said]:
    """Three environments, one of which does not answer."""
    yield from of(Several(folder), "status")


def empty(folder: Path) -> Iterator[Said]:
    """Where nothing was ever released."""
    yield from of(stage(folder, weights=None), "status")


class Full(Kept):
    """Where minutes would be kept, if somebody might write there."""

    def keep(self, recording: object) -> None:
        raise AccessProblem("no permission to write")


def deaf(folder: Path) -> Iterator[Said]:
    """All that surrounds it is broken, and it ships."""
    shop = stage(folder)
    shop.board = SimBoard(broken="the dashboard may not be written")
    shop.outbox = SimOutbox(broken="the channel ops was not told: refused")
    shop.recordings, shop.pages = Full(), SimPages(broken=True)
    yield from of(shop, "canary", "v2")


def disturbed(folder: Path) -> Iterator[Said]:
    """AWS does not answer for a moment, and a freeze begins meanwhile."""
    shop = stage(folder)
    frozen = '[windows]\nforbidden = ["the sale: fri 08:04-10:00"]'
    shop.config.write_text(f"{shop.config.read_text()}\n{frozen}\n")
    times = iter(range(2))

    def break_down() -> None:
        if shop.play.clock.now() > begun + 60.0 and next(times, None) is not None:
            raise CloudUnavailable("DescribeTargetHealth: throttled")

    begun = shop.play.clock.now()
    shop.play.gate.hooks["cloud.observe"] = break_down
    yield from of(shop, "canary", "v2")


def ward(folder: Path) -> Ward:
    made = Ward(stage(folder).play, folder)
    made.config.write_text(
        SETTINGS.replace("[canary]", f"protected = false\n{EPHEMERAL}\n[canary]")
    )
    return made


def torn_down(folder: Path) -> Iterator[Said]:
    """To sleep, and awake again."""
    shop = ward(folder)
    yield from of(shop, "extend", "1h")
    yield from of(shop, "teardown", "sim")
    yield from of(shop, "wake")


def deleted(folder: Path) -> Iterator[Said]:
    """All of its stacks."""
    yield from of(ward(folder), "teardown", "sim", "--level", "delete", "--confirm", "sim")


def fleet(folder: Path) -> Iterator[Said]:
    """Four environments, wave by wave; what the commands that look say of it."""
    shell = Shell(folder, world(sites()))
    yield from of(shell, "fleet", "v42", "--watch")
    yield from of(shell, "history", "--fleet")
    yield from of(shell, "show", "--fleet", shell.now().id)
    yield from of(shell, "status", "--fleet")


class Watched(Shell):
    """Somebody pauses the fleet, lets it go on, and asks for what it does not know."""

    def start(self, mandate: Mandate) -> None:
        wishes = {1: Ask.PROMOTE, 3: Ask.PAUSE, 5: Ask.RESUME}
        carried(self.sim, wishes, fleet_id=mandate.fleet)


def failing_fleet(folder: Path) -> Iterator[Said]:
    """It stops, after somebody has paused it, and asked for what makes no sense any more."""
    shell = Watched(folder, world(sites()))
    shell.sim.sites["eu"].ends = "rolled_back"
    yield from of(shell, "fleet", "v42", "--watch")


def set_up(folder: Path) -> Iterator[Said]:
    """What needs no environment."""
    new = ("--service", "shop", "--region", "us-east-1", "--image", "ami-0abcdef1234567890")
    for command in (("init", *new), ("completion", "bash")):
        with chdir(folder):
            done = CliRunner().invoke(cli, ("--output", "json", *command))
        for line in done.stdout.splitlines():
            yield command[0], json.loads(line)


def written(everything: Sequence[Said]) -> Iterator[str]:
    """Record what is not there yet, and the keys that all of today's have; the names."""
    for name in dict.fromkeys(name_of(document) for _, document in everything):
        alike = [each for _, each in everything if name_of(each) == name]
        whole = max(alike, key=len)
        if record({key: whole[key] for key in whole if all(key in each for each in alike)}):
            yield name


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in written(tuple(said()))))
