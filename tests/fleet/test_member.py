"""An environment answers for itself: over the simulated one, with the engine carrying what begins."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace as changed

from deployer.cohort import Cohort
from deployer.errors import AccessProblem
from deployer.journal import Lease
from deployer.model import Admitted, Health, Minute, Release, Slot, Weights
from deployer.operations.afterwards import LOOK_BACK_S, ailing
from deployer.operations.fleet import Errand, Sight
from deployer.operations.member import Side, leaves_its_mark, serves_only
from deployer.plan import RETIRE, Deployment, Status
from deployer.planning.preflight import Surroundings
from deployer.settings.reading import load
from deployer.wiring.intents import meant
from deployer.wiring.services import Services
from tests.cli.stage import Stage, find_release
from tests.sim.faults import Fault, Killed
from tests.sim.fleet import Behaviour

MACHINE = "machine"
Staged = Callable[..., Stage]


@dataclass
class Beside:
    """The function beside an environment; each answer is a process of its own."""

    stage: Stage
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage.play.alarms.rings_from["errors"] = float("inf")

    def side(self, services: Services) -> Side:
        settings = load(self.stage.config)
        return Side(
            ground=services, strategy="canary", alarms=("errors",), find_release=find_release,
            meant=lambda seen, release, kind: meant(services, settings, seen, release, kind),
            lease=lambda: Lease(MACHINE, self.stage.play.clock.now() + 60.0),
            start=self.started.append,
        )  # fmt: skip

    def ask(self, kind: str, **how: object) -> Sight:
        services = self.stage.connect(load(self.stage.config))
        until = self.stage.play.clock.now() + 300.0
        given = {"environment": "sim", "release": "v2", "by": "fleet f1", "until": until, **how}
        return self.side(services).answer(Errand(kind=kind, **given))  # type: ignore[arg-type]

    def carried(self) -> None:
        """What has begun is carried to its end, by whoever."""
        self.stage.play.clock.sleep(61.0)
        done = self.stage.run("resume")
        assert done.exit_code in (0, 3), done.output


def later(stage: Stage, n: int = 0) -> str:
    """A deployment's name from now on; those of the command line are of the same form."""
    from deployer.process.identity import deployment_id

    stage.play.clock.sleep(1.0 + n)
    return deployment_id(stage.play.clock.now())


def test_a_release_is_begun_once_and_answers_as_it_stands(staged: Staged) -> None:
    beside = Beside(staged())
    name = later(beside.stage)
    assert beside.ask("look", deployment=name).state == "absent"
    first = beside.ask("begin", deployment=name)
    assert (first.state, first.about) == ("running", name)
    assert beside.ask("begin", deployment=name).state == "running"
    assert beside.started == [name, name]  # whoever died in between has it started again
    beside.carried()
    assert beside.ask("look", deployment=name) == Sight(state="shipped", about=name)
    assert [(r.id, r.by) for r in beside.stage.records] == [(name, "fleet f1")]


def test_what_serves_already_is_not_shipped_again(staged: Staged) -> None:
    beside = Beside(staged())
    assert beside.ask("begin", deployment=later(beside.stage), release="v1").state == "present"
    assert beside.stage.records == []


def test_another_deployment_is_waited_for_and_an_older_name_is_no_good(staged: Staged) -> None:
    beside = Beside(staged())
    old, other = later(beside.stage), later(beside.stage)
    beside.ask("begin", deployment=other, release="v3")
    busy = beside.ask("begin", deployment=old)
    assert busy.state == "busy"
    assert "taken by canary v3" in busy.note
    beside.carried()
    assert beside.ask("begin", deployment=old).state == "stale"
    assert beside.ask("begin", deployment=later(beside.stage)).state == "running"


def test_a_late_errand_begins_nothing(staged: Staged) -> None:
    beside = Beside(staged())
    name = later(beside.stage)
    assert beside.ask("begin", deployment=name, until=beside.stage.play.clock.now()).state == "late"
    assert beside.stage.records == []


def slow(beside: Beside, meanwhile: Callable[[], object], **how: object) -> Sight:
    """What is answered where something happens between the look and the beginning."""
    services = beside.stage.connect(load(beside.stage.config))

    def find(name: str) -> Release:
        meanwhile()
        return find_release(name)

    side = dataclasses.replace(beside.side(services), find_release=find)
    until = beside.stage.play.clock.now() + 300.0
    given = {"kind": "begin", "environment": "sim", "release": "v2", "until": until, **how}
    return side.answer(Errand(**given))  # type: ignore[arg-type]


def test_an_errand_that_takes_too_long_begins_nothing(staged: Staged) -> None:
    beside = Beside(staged())
    clock = beside.stage.play.clock
    told = slow(beside, lambda: clock.sleep(296.0), deployment=later(beside.stage))
    assert told.state == "late"
    assert beside.stage.records == []


def test_a_plan_that_was_overtaken_while_it_was_made_is_refused(staged: Staged) -> None:
    beside = Beside(staged())
    name = later(beside.stage)

    def overtaken() -> None:
        beside.stage.play.cloud.move(Weights(500, 500))
        beside.stage.play.clock.sleep(10.0)

    told = slow(beside, overtaken, deployment=name)
    assert (told.state, beside.started) == ("refused", [])
    (record,) = beside.stage.records
    assert (record.id, record.status.final) == (name, True)


def test_somebody_elses_deployment_is_not_aborted(staged: Staged) -> None:
    beside = Beside(staged())
    name, other = later(beside.stage), later(beside.stage, 3)
    beside.ask("begin", deployment=name)
    beside.carried()
    assert beside.ask("begin", deployment=later(beside.stage), release="v3").state == "running"
    assert beside.ask("abort", deployment=name).state == "shipped"
    assert beside.ask("abort", deployment=other).state == "absent"
    beside.carried()
    assert [record.status for record in beside.stage.records] == [Status.SHIPPED, Status.SHIPPED]


def test_who_may_not_look_is_silent_and_who_may_not_begin_is_refused(staged: Staged) -> None:
    beside = Beside(staged())
    services = beside.stage.connect(load(beside.stage.config))

    class Closed(type(services.journal)):  # type: ignore[misc]
        def load(self, environment: str, deployment_id: str) -> Deployment:
            raise AccessProblem("dynamodb:GetItem is not allowed")

    closed = dataclasses.replace(services, journal=Closed(beside.stage.play.gate))
    states = [
        beside.side(closed).answer(Errand(kind=kind, environment="sim", deployment="d1")).state
        for kind in ("look", "abort", "begin", "back")
    ]
    assert states == ["silent", "silent", "refused", "refused"]


def test_what_objects_while_somebody_is_at_it_may_be_his_doing(staged: Staged) -> None:
    beside = Beside(staged())
    beside.ask("begin", deployment=later(beside.stage), release="v3")
    beside.stage.around = Surroundings(stacks={"shop-sim-service": "UPDATE_IN_PROGRESS"})
    assert beside.ask("check").state == "busy"
    beside.stage.play.cloud.move(Weights(500, 500))  # it is half-way
    beside.stage.play.clock.sleep(10.0)
    assert beside.ask("check").state == "busy"
    beside.stage.play.cloud.move(Weights(1000, 0))
    beside.stage.play.clock.sleep(10.0)
    beside.carried()
    assert beside.ask("check").state == "refused"


def test_a_release_serves_where_all_of_it_is_healthy_and_nobody_goes_another_way(
    staged: Staged,
) -> None:
    beside = Beside(staged())
    seen = beside.stage.connect(load(beside.stage.config)).cloud.observe()
    assert serves_only(seen, "v1")
    assert not serves_only(seen, "v2")
    assert not serves_only(dataclasses.replace(seen, weights=Weights(500, 500)), "v1")
    sick = tuple(dataclasses.replace(each, health=Health.UNHEALTHY) for each in seen.blue.instances)
    short = dataclasses.replace(seen.blue, instances=sick)
    assert not serves_only(dataclasses.replace(seen, blue=short), "v1")
    group = Admitted(Cohort.parse("header:X-Beta=yes"), Slot.GREEN)
    assert not serves_only(dataclasses.replace(seen, cohort=group), "v1")
    assert not serves_only(dataclasses.replace(seen, asleep=True), "v1")


def test_what_objects_is_told_and_nothing_is_changed(staged: Staged) -> None:
    beside = Beside(staged())
    missing = beside.ask("begin", deployment=later(beside.stage), release="v9")
    assert (missing.state, "no release v9" in missing.note) == ("refused", True)
    one_way = beside.ask("begin", deployment=later(beside.stage), release="u1")
    assert (one_way.state, "irreversible" in one_way.note) == ("refused", True)
    assert beside.stage.records == []
    name = later(beside.stage)
    assert beside.ask("begin", deployment=name, release="u1", irreversible=True).state == "running"


def test_a_check_tells_what_begin_would_meet(staged: Staged) -> None:
    beside = Beside(staged())
    told = beside.ask("check")
    assert (told.state, told.serves, told.strategy, told.irreversible) == (
        "absent", "v1", "canary", False,
    )  # fmt: skip
    assert beside.ask("check", release="v1").state == "present"
    assert beside.ask("check", release="u1").irreversible
    assert beside.ask("check", release="v9").state == "refused"
    assert beside.stage.records == []


COMMAND = """
[hooks]
after_traffic = { command = ["./smoke"], deadline = "1m" }
"""
SLOW = """
[hooks]
on_rollback = { function = "tell-everybody", deadline = "14m" }
"""


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        (COMMAND, "the hook after_traffic is a command"),
        (SLOW, "the hook on_rollback may take 840 s"),
    ],
)
def test_a_hook_that_no_function_can_run_is_refused_before_anything_begins(
    staged: Staged, hooks: str, words: str
) -> None:
    beside = Beside(staged())
    beside.ask("begin", deployment=later(beside.stage), release="v3")
    beside.stage.config.write_text(beside.stage.config.read_text() + hooks)
    taken = beside.ask("check")  # and while somebody else's deployment is under way
    assert (taken.state, words in taken.note, "--detach" in taken.note) == ("refused", True, False)
    beside.carried()
    assert beside.ask("check").note == taken.note
    begun = beside.ask("begin", deployment=later(beside.stage))
    assert (begun.state, begun.note) == ("refused", taken.note)
    assert len(beside.stage.records) == 1


def test_an_abort_is_a_wish_that_the_deployment_hears(staged: Staged) -> None:
    beside = Beside(staged())
    name = later(beside.stage)
    beside.ask("begin", deployment=name)
    assert beside.ask("abort", deployment=name).state == "running"
    assert beside.ask("abort", deployment=name).state == "running"  # once more is the same
    beside.carried()
    gone = beside.ask("look", deployment=name)
    assert (gone.state, "aborted by fleet f1" in gone.note) == ("rolled_back", True)


def test_what_was_shipped_goes_back_to_what_served_before(staged: Staged) -> None:
    beside = Beside(staged())
    out, back = later(beside.stage), ""
    beside.ask("begin", deployment=out)
    beside.carried()
    back = later(beside.stage)
    assert beside.ask("back", deployment=out, back=back).state == "running"
    assert beside.ask("back", deployment=out, back=back).state == "running"
    beside.carried()
    assert beside.ask("look", deployment=out, back=back).state == "shipped"
    assert beside.ask("look", deployment=out).other.startswith(f"rollback v1 ({back})")
    assert beside.ask("check", release="v1").state == "present"


def test_what_is_not_the_fleets_any_more_does_not_go_back(staged: Staged) -> None:
    beside = Beside(staged())
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    beside.stage.play.clock.sleep(5.0)
    assert beside.stage.run("blue-green", "v3").exit_code == 0
    refused = beside.ask("back", deployment=out, back=later(beside.stage))
    assert (refused.state, "something came after it: blue-green v3" in refused.note) == (
        "refused", True,
    )  # fmt: skip


def test_the_first_release_has_nothing_to_go_back_to(staged: Staged) -> None:
    beside = Beside(staged(weights=None))
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    refused = beside.ask("back", deployment=out, back=later(beside.stage))
    assert (refused.state, "first release" in refused.note) == ("refused", True)


def test_alarms_ring_for_what_serves(staged: Staged) -> None:
    beside = Beside(staged())
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    beside.stage.play.alarms.rings_from["errors"] = 0.0
    assert "errors" in beside.ask("look", deployment=out).ringing


@pytest.mark.parametrize(
    ("after", "words"),
    [(0, ""), (5, ""), (60, "(6.00%); at most 1.00% is accepted")],
    ids=["well", "now and then", "failing"],
)
def test_what_serves_is_judged_when_its_deployment_is_long_over(
    staged: Staged, after: int, words: str
) -> None:
    beside = Beside(staged())
    clock, out = beside.stage.play.clock, later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    assert beside.ask("look", deployment=out).ailing == ""
    for instance in beside.stage.play.cloud.groups[Slot.GREEN].instances:
        instance.behaviour = Behaviour(errors=after)
    clock.sleep(3_600.0)
    told = beside.ask("look", deployment=out)
    assert (told.state, bool(told.ailing)) == ("shipped", bool(words))
    assert words in told.ailing


def test_only_what_it_served_since_its_deployment_ended_is_judged(staged: Staged) -> None:
    beside = Beside(staged())
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    record, asked = beside.stage.journal.load("sim", out), list[tuple[float, float]]()
    assert record.finished_at is not None

    class Asked:
        def traffic(
            self, since: float, until: float, slow_s: float | None = None
        ) -> dict[Slot, list[Minute]]:
            asked.append((since, until))
            return {slot: [] for slot in Slot}

    ended, delay_s = record.finished_at, record.plan.intent.delay_s
    for after_s in (30.0, 300.0, 9_000.0):
        assert ailing(Asked(), record, ended + delay_s + after_s) == ""
    assert asked == [(ended, ended + 300.0), (ended + 9_000.0 - LOOK_BACK_S, ended + 9_000.0)]


def test_what_has_come_after_is_not_judged(staged: Staged) -> None:
    beside = Beside(staged())
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    beside.stage.play.clock.sleep(5.0)
    assert beside.stage.run("blue-green", "v3").exit_code == 0
    for fleet in beside.stage.play.cloud.groups.values():
        for instance in fleet.instances:
            instance.behaviour = Behaviour(errors=500)
    beside.stage.play.clock.sleep(1_200.0)
    told = beside.ask("look", deployment=out)
    assert ("v3" in told.other, told.ailing) == (True, "")


def test_what_left_the_release_serving_is_nothing_that_came_after(staged: Staged) -> None:
    """Somebody's canary that went back, and the supervisor's emptied slot, hours later."""
    beside = Beside(staged(behaviours={"v3": Behaviour(errors=500)}))
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    beside.stage.play.clock.sleep(5.0)
    assert beside.stage.run("canary", "v3").exit_code == 3
    assert beside.ask("look", deployment=out).other == ""
    shipped = beside.stage.journal.load("sim", out)
    assert leaves_its_mark(shipped)
    assert not leaves_its_mark(changed(shipped, plan=changed(shipped.plan, strategy=RETIRE)))
    back = beside.ask("back", deployment=out, back=later(beside.stage))
    assert back.state == "running"


def test_a_bad_release_is_told_with_its_reason(staged: Staged) -> None:
    beside = Beside(staged(behaviours={"v2": Behaviour(errors=500)}))
    out = later(beside.stage)
    beside.ask("begin", deployment=out)
    beside.carried()
    told = beside.ask("look", deployment=out)
    assert told.state == "rolled_back"
    assert told.note


def test_killed_anywhere_the_same_errand_begins_the_same_deployment_once(staged: Staged) -> None:
    quiet = Beside(staged())
    first = len(quiet.stage.play.gate.names)
    quiet.ask("begin", deployment=later(quiet.stage))
    for kill in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.REPLY_LOST):
        for call in range(first, len(quiet.stage.play.gate.names)):
            beside = Beside(staged())
            name = later(beside.stage)
            beside.stage.play.gate.faults = {call: kill}
            with suppress(Killed):
                beside.ask("begin", deployment=name)
            assert beside.ask("begin", deployment=name).state == "running", f"{kill} at {call}"
            assert [r.id for r in beside.stage.records] == [name]
            assert beside.started[-1] == name


FREEZE = '\n[windows]\nforbidden = ["the sale: fri 06:00-10:00"]\n'


def test_in_a_freeze_nothing_begins_but_the_way_back_does(staged: Staged) -> None:
    beside = Beside(staged())
    name = later(beside.stage)
    beside.ask("begin", deployment=name)
    beside.carried()
    beside.stage.config.write_text(beside.stage.config.read_text() + FREEZE)
    for kind in ("check", "begin"):
        told = beside.ask(kind, deployment=later(beside.stage), release="v3")
        assert (told.state, told.note[:28]) == ("frozen", "the sale (fri 06:00-10:00), ")
    assert [record.id for record in beside.stage.records] == [name]
    back = beside.ask("back", deployment=name, back=later(beside.stage))
    assert back.state == "running"


def test_with_a_reason_it_begins_in_a_freeze(staged: Staged) -> None:
    beside = Beside(staged())
    beside.stage.config.write_text(beside.stage.config.read_text() + FREEZE)
    assert beside.ask("check", override="the shop is down").state == "absent"
    name = later(beside.stage)
    assert beside.ask("begin", deployment=name, override="the shop is down").state == "running"
    assert beside.stage.records[0].plan.override == "the shop is down"
