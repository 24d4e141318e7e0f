"""What is told of a fleet is read off its record: by whoever visits it, each thing once, by who knows it."""

from collections.abc import Mapping
from dataclasses import replace as altered
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.errors import CloudUnavailable
from deployer.functions.fleet import visited
from deployer.journal import Ask, Request
from deployer.news import Kind
from deployer.operations.fleet import Fleet, FleetStatus, Phase, decode, encode
from deployer.operations.fleet_notices import fleet_notices
from deployer.operations.fleet_round import Mandate
from deployer.operations.notice_document import document
from deployer.operations.notices import Place
from deployer.operations.notifying import Outbox
from deployer.record.acts import Actor
from deployer.wiring.formation import Formation
from tests.fleet.test_command import Shell
from tests.fleet.world import WAVES, Site, World, fleet_of, sites, world
from tests.sim.outbox import SimOutbox


def told_of(sim: World, outbox: SimOutbox, *, visits: int = 400, **how: object) -> Fleet:
    """A fleet that the function carries to its end; people are told after each visit."""
    fleet = fleet_of(sim, WAVES, **how)
    formation = formed(sim, outbox)
    for _ in range(visits):
        sim.arrive()
        said = visited(formation, Mandate(fleet=fleet.id))
        if said.next == "end":
            return sim.load(fleet.id)
        sim.clock.sleep(float(said.wait_s))
    raise AssertionError("it has not ended")


def formed(sim: World, outbox: Outbox) -> Formation:
    made = Shell(None, sim).fleets("eu-west-1", {})  # type: ignore[arg-type]
    return altered(made, owner="visit", outbox=lambda _: outbox)


def place(outbox: SimOutbox) -> SimOutbox:
    outbox.place = Place("shop", "")
    return outbox


def test_a_fleet_tells_its_course_in_order_and_each_thing_once() -> None:
    outbox = place(SimOutbox())
    done = told_of(world(sites()), outbox)
    assert done.status is FleetStatus.SHIPPED
    kinds = [one.kinds for one in outbox.told]
    assert kinds[0] == (Kind.START,)
    assert kinds[-1] == (Kind.END,)
    assert kinds.count((Kind.VERDICT, Kind.STEP)) == len(done.waves) - 1
    finished = [one for one in outbox.told if "environment" in one.id or " shipped" in one.title]
    assert len([one for one in finished if one.kinds == (Kind.STEP,)]) == len(done.members)
    assert sorted(one.id for one in outbox.told) == sorted(one.id for one in fleet_notices(done))
    assert outbox.titles(Kind.END) == ["shop: fleet of v42 shipped"]
    for one in outbox.told:
        found = msgspec.json.decode(msgspec.json.encode(document(one)))
        assert (found["environment"], found["deployment"]) == (None, None)
        assert found["fleet"]["id"] == done.id
        assert all("--fleet" in command["line"] for command in found["commands"])


@pytest.mark.parametrize("ends", ["rolled_back", "halted"])
def test_what_a_deployment_has_told_the_fleet_does_not_tell_again_by_kind(ends: Any) -> None:
    outbox = place(SimOutbox())
    told_of(world(sites(eu=Site(ends=ends))), outbox)
    assert outbox.titles(Kind.ROLLBACK, Kind.HALT) == []
    assert [one.kinds for one in outbox.told if "stops" in one.title] == [(Kind.STEP,)]
    (end,) = [one for one in outbox.told if Kind.END in one.kinds]
    assert end.kinds == (Kind.END,)
    assert "eu" in end.words


@pytest.mark.parametrize(
    "site", [Site(rings_at=0.0), Site(ails_at=0.0), Site(refuses="no such release")]
)
def test_what_no_deployment_knows_the_fleet_tells(site: Site) -> None:
    sim = world({**sites(), "eu": site})
    outbox = place(SimOutbox())
    told_of(sim, outbox)
    (stops,) = [one for one in outbox.told if Kind.ROLLBACK in one.kinds]
    assert stops.kinds == (Kind.ROLLBACK, Kind.VERDICT)
    assert stops.urgent
    assert "eu" in stops.words


def test_an_environment_that_is_lost_halts_the_fleet_and_nobody_else_says_so() -> None:
    sim = world(sites())
    later = sim.clock.now() + 1_000_000.0
    sim.sites["box"].takes_s = 1e9
    outbox = place(SimOutbox())
    fleet = fleet_of(sim, WAVES)
    formation = formed(sim, outbox)
    visited(formation, Mandate(fleet=fleet.id))
    sim.sites["box"].deaf = (0.0, later)
    while not sim.load(fleet.id).status.final:
        sim.clock.sleep(60.0)
        visited(formation, Mandate(fleet=fleet.id))
    assert sim.load(fleet.id)["box"].phase is Phase.LOST
    assert [one.kinds for one in outbox.told if Kind.HALT in one.kinds] == [(Kind.HALT, Kind.END)]


def test_whose_environment_is_taken_is_told_once_with_who_has_it() -> None:
    sim = world(sites())
    sim.sites["eu"].taken_until = sim.clock.now() + 3_600.0
    outbox = place(SimOutbox())
    told_of(sim, outbox, wait_s=36_000.0)
    (waits,) = [one for one in outbox.told if Kind.APPROVAL in one.kinds]
    assert waits.title == "shop: v42 waits for eu"
    assert "taken by bob" in waits.words


def test_a_fleet_that_nobody_can_be_told_of_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    sim = world(sites())
    outbox = place(SimOutbox(broken="the channel ops was not told: refused"))
    assert told_of(sim, outbox).status is FleetStatus.SHIPPED
    assert '"event": "unsent"' in capsys.readouterr().out

    def none(_: Fleet) -> Outbox:
        raise CloudUnavailable("no answer")

    said = altered(formed(sim, outbox), outbox=none).tell(sim.history(1)[0])
    assert said == ("nobody could be told of the fleet: no answer",)


@settings(max_examples=40)
@given(st.integers(0, 60), st.sampled_from([Ask.ABORT, Ask.PAUSE, Ask.PROMOTE]))
def test_ids_are_different_and_the_same_at_every_look(minute: int, ask: Ask) -> None:
    """Whoever looks at a later record finds what was told before, under the same ids."""
    sim = world(sites())
    fleet = fleet_of(sim, WAVES)
    formation, known = formed(sim, SimOutbox()), dict[str, tuple[Kind, ...]]()
    for number in range(120):
        if number == minute and sim.pointer:
            sim.ask(Request(ask, "bob", "r1", Actor("bob", "arn:aws:iam::1:user/bob", "host b")))
        if number == minute + 20 and sim.request is not None and sim.pointer and ask is Ask.PAUSE:
            sim.request = Request(Ask.RESUME, "bob", "r2")
        sim.arrive()
        said = visited(formation, Mandate(fleet=fleet.id))
        found = {one.id: one.kinds for one in fleet_notices(sim.load(fleet.id))}
        assert len(found) == len(fleet_notices(sim.load(fleet.id)))
        gone = {name for name in known if name not in found and ".waits." not in name}
        assert not gone
        assert all(found[name] == known[name] for name in known.keys() & found.keys())
        known |= found
        if said.next == "end":
            break
        sim.clock.sleep(float(said.wait_s))
    acts = sim.load(fleet.id).audit
    assert all(act.actor.identity == "arn:aws:iam::1:user/bob" for act in acts if act.what == ask)


def test_who_began_it_is_kept_with_where_from_and_as_whom(tmp_path: Any) -> None:
    shell = Shell(tmp_path, world(sites()), carries=False)
    made = shell.fleets

    def signed(region: str, environments: Mapping[str, Any]) -> Formation:
        def who(name: str) -> Actor:
            return Actor(name, "arn:aws:sts::1:assumed-role/Commander/alice", "host laptop")

        return altered(made(region, environments), who=who)

    shell.fleets = signed  # type: ignore[method-assign]
    assert shell.run("fleet", "v42").exit_code == 0
    (fleet,) = [
        document for document in shell.json("status", "--fleet")[0] if document["event"] == "fleet"
    ]
    assert fleet["audit"] == [
        {
            "at": fleet["started_at"], "what": "began", "by": "alice@laptop",
            "identity": "arn:aws:sts::1:assumed-role/Commander/alice", "origin": "host laptop",
            "note": None,
        }
    ]  # fmt: skip
    shell.run("pause", "--fleet")
    assert shell.sim.request is not None
    assert shell.sim.request.actor == Actor(
        "alice@laptop", "arn:aws:sts::1:assumed-role/Commander/alice", "host laptop"
    )
    shown = shell.run("show", fleet["fleet"], "--fleet").output
    for words in ("began", "from host laptop", "as arn:aws:sts::1:assumed-role/Commander/alice"):
        assert words in shown


def test_a_record_of_before_is_read_and_has_no_audit() -> None:
    sim = world(sites())
    now = encode(fleet_of(sim, WAVES))
    before = msgspec.json.decode(now)
    del before["audit"]
    assert decode(msgspec.json.encode(before)).audit == ()
