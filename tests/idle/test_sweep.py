"""Told first, looked at again, then torn down; whatever dies, whoever interferes."""

from collections.abc import Callable

import pytest

from deployer.errors import CloudUnavailable, Halted, LeaseLost, Locked
from deployer.operations.idle.agenda import Move
from deployer.operations.idle.hours import OfficeHours
from deployer.operations.idle.ports import Ending, Outcome, Standing
from tests.idle.world import DAY_S, HOUR_S, RULES, START, Dead, World, facts

NOTICE_S = RULES.notice_s
BUSY = facts(windows=(0.0,) * 5 + (900.0,))


def two() -> World:
    return World({"idle": facts(), "busy": BUSY})


def moves(world: World, owner: str = "") -> dict[str, Move]:
    return {row.environment: row.item.move for row in world.run(owner).rows}


def test_an_idle_one_is_told_of_and_put_to_sleep_when_it_is_due() -> None:
    world = two()
    assert moves(world) == {"idle": Move.GIVE, "busy": Move.LEAVE}
    ((_, subject, text),) = world.messages
    assert subject == "shop: idle, and about to go: idle"
    assert "idle goes to sleep at Tue 2026-11-24 01:20 UTC, unless it is used until then" in text
    assert "deployer --env idle extend 8h" in text
    assert world.reminders == {"idle": START + NOTICE_S}
    world.pass_time(NOTICE_S - 1)
    assert moves(world)["idle"] is Move.WAIT
    assert not world.acted
    world.pass_time(1)
    assert moves(world)["idle"] is Move.ACT
    assert [act[1:] for act in world.acted] == [("idle", "sleep")]
    assert world.standing("idle").notice is None
    assert moves(world) == {"idle": Move.LEAVE, "busy": Move.LEAVE}
    assert len(world.acted) == 1
    assert world.messages[-1][1] == "shop: idle: done"


def test_nothing_happens_in_office_hours_though_people_are_told() -> None:
    world = two()
    world.now_s += 12 * HOUR_S  # Tuesday 09:20
    world.run()
    notice = world.standing("idle").notice
    assert notice is not None
    assert notice.due_at == world.now_s + 9 * HOUR_S + 40 * 60  # 19:00: what is told is true
    world.pass_time(NOTICE_S + HOUR_S)
    assert moves(world)["idle"] is Move.WAIT
    world.now_s = notice.due_at
    assert moves(world)["idle"] is Move.ACT


def test_whoever_uses_it_keeps_it_and_people_hear_of_that() -> None:
    world = two()
    world.run()
    world.put("idle", recent=500.0)
    world.pass_time(NOTICE_S)
    assert moves(world)["idle"] is Move.WITHDRAW
    assert world.standing("idle") == Standing()
    assert not world.acted
    assert "idle: stays: 500 requests within the last 1h" in world.messages[-1][2]
    assert "idle" not in world.reminders
    world.put("idle", recent=0.0)
    assert moves(world)["idle"] is Move.GIVE  # from the beginning, with its whole time


def test_whoever_extends_it_keeps_it() -> None:
    world = two()
    world.run()
    sweep = world.sweep()
    sweep.notices.extend("idle", world.now_s + 8 * HOUR_S)
    world.pass_time(NOTICE_S)
    assert moves(world)["idle"] is Move.LEAVE
    world.pass_time(8 * HOUR_S)
    assert moves(world)["idle"] is Move.GIVE
    assert not world.acted


@pytest.mark.parametrize("late", ["used", "extended", "deployed"])
def test_it_is_looked_at_again_at_the_last_moment(late: str) -> None:
    """After the reading of the sweep, before its act."""
    world = two()
    world.run()
    world.pass_time(NOTICE_S)
    if late == "deployed":
        world.deployed["idle"] = world.now_s - 60.0
        world.run()
    elif late == "extended":
        sweep = world.sweep("late")
        original = world.call

        def meanwhile(name: str, effect: Callable[[], object]) -> object:
            if name == "begin":
                world.put("idle", standing=Standing(None, world.now_s + DAY_S))
            return original(name, effect)

        world.call = meanwhile  # type: ignore[method-assign,assignment]
        sweep.run()
    else:
        refused = Outcome(Ending.REFUSED, "12 requests in this minute")
        world.endings["idle"] = [refused]
        report = world.run()
        assert [row.ending for row in report.rows] == [None, Ending.REFUSED]
        assert "refused: 12 requests in this minute" in world.messages[-1][2]
    assert world.standing("idle").notice is None
    assert world.facts["idle"].instances == (2, 0)


def test_what_was_deployed_to_lately_is_not_even_told_of() -> None:
    world = two()
    world.deployed["idle"] = world.now_s - DAY_S + 1
    assert moves(world)["idle"] is Move.GIVE
    assert not world.messages
    assert world.standing("idle") == Standing()


def test_too_many_are_none_and_somebody_hears_of_it() -> None:
    world = World({f"dev{n}": facts() for n in range(4)}, most=3)
    report = world.run()
    assert "sweep.most is 3: nothing was touched" in report.excess
    assert {world.standing(name) for name in world.facts} == {Standing()}
    assert not world.acted
    assert world.messages[0][1] == "shop: too many idle environments: nothing was touched"
    assert not {"give", "begin", "act", "withdraw"} & set(world.calls)


def test_the_first_runs_of_the_schedule_are_dry() -> None:
    world = two()
    for expected in (1, 2, 3):
        report = world.sweep().scheduled(3)
        assert report.dry
        assert world.dry == expected
        assert world.messages[-1][1] == f"shop: dry run {expected} of 3: nothing was done"
        assert "idle: people would be told that it goes to sleep" in world.messages[-1][2]
    assert not {"give", "act", "take"} & set(world.calls)
    assert not world.sweep().scheduled(3).dry
    assert world.standing("idle").notice is not None


def test_one_sweep_at_a_time() -> None:
    world = two()
    world.lease = ("another", world.now_s + 60)
    with pytest.raises(Locked, match="another sweep runs: another"):
        world.run("mine")
    assert world.calls == ["take"]
    world.pass_time(60)
    assert moves(world, "mine")["idle"] is Move.GIVE


def test_a_sweep_that_lost_its_lease_stops() -> None:
    world = World({"a": facts(), "b": facts()})
    world.run()
    world.pass_time(NOTICE_S)
    world.before_act = lambda _: setattr(world, "lease", ("faster", world.now_s + 300))
    with pytest.raises(LeaseLost):
        world.run()
    assert [act[1] for act in world.acted] == ["a"]
    assert world.lease[0] == "faster"


def test_one_that_fails_does_not_keep_the_next() -> None:
    world = World({"a": facts(), "b": facts()})
    world.run()
    world.pass_time(NOTICE_S)

    def fail(name: str) -> None:
        if name == "a":
            raise CloudUnavailable("no answer")

    world.before_act = fail
    report = world.run()
    assert [act[1] for act in world.acted] == ["b"]
    assert [str(row.problem) for row in report.rows] == ["no answer", "None"]
    assert world.messages[-1][1] == "shop: a, b: could not all be done"
    world.before_act = lambda _: None
    world.run()  # nothing of it is there: people are told anew
    world.pass_time(NOTICE_S)
    world.run()
    assert [act[1] for act in world.acted] == ["b", "a"]


def test_what_halts_needs_a_person_and_a_new_notice() -> None:
    world = World({"a": facts()})
    world.run()
    world.pass_time(NOTICE_S)

    def halt(_: str) -> None:
        raise Halted("the page is gone")

    world.before_act = halt
    assert [str(row.problem) for row in world.run().rows] == ["the page is gone"]
    assert world.standing("a").notice is None
    assert world.messages[-1][1] == "shop: a: could not all be done"


def test_what_goes_on_by_itself_is_called_again_until_it_is_done() -> None:
    world = World({"dev": facts(expires_at=START - 1)})
    world.endings["dev"] = [Outcome(Ending.BEGUN, "shop-dev-service is being deleted")] * 2
    world.run()
    world.pass_time(NOTICE_S)
    world.run()
    world.put("dev", moving="shop-dev-service is DELETE_IN_PROGRESS", windows=())
    assert world.reminders["dev"] == world.now_s + 120
    for _ in range(3):
        world.pass_time(120)
        world.run()
    assert [act[2] for act in world.acted] == ["delete"] * 3
    assert world.facts == {}


def test_what_somebody_has_turned_back_is_not_put_to_sleep_again_without_a_notice() -> None:
    """The act has begun, and was aborted: its instances are there, and nobody holds it."""
    world = two()
    world.endings["idle"] = [Outcome(Ending.BEGUN, "it goes on by itself")]
    world.run()
    world.pass_time(NOTICE_S)
    assert moves(world)["idle"] is Move.ACT
    world.put("idle", deployment="")
    world.pass_time(120)
    assert moves(world)["idle"] is Move.GIVE
    assert len(world.acted) == 1
    notice = world.standing("idle").notice
    assert notice is not None
    assert (notice.begun, notice.due_at) == (False, world.now_s + NOTICE_S)


def test_one_that_is_locked_is_not_torn_down_once_the_deployment_has_ended() -> None:
    """A deployment began after the last look: what was told before it counts no more."""
    world = two()
    world.run()
    world.pass_time(NOTICE_S)

    def locked(_: str) -> None:
        raise Locked("d1 holds idle")

    world.before_act = locked
    world.run()
    world.before_act = lambda _: None
    world.deployed["idle"] = world.now_s + 60.0
    world.pass_time(HOUR_S)
    world.run()
    assert not world.acted


def test_nobody_is_surprised_by_a_worse_fate() -> None:
    world = two()
    world.run()
    world.rules["idle"] = RULES.__class__(
        **{**{n: getattr(RULES, n) for n in RULES.__slots__}, "level": "delete"}
    )
    world.pass_time(NOTICE_S)
    assert moves(world)["idle"] is Move.GIVE
    assert not world.acted
    assert "idle is deleted, with all that it holds" in world.messages[-1][2]


def test_an_end_before_the_next_run_gets_a_run_of_its_own() -> None:
    soon, later = START + HOUR_S - 60, START + HOUR_S
    world = World(
        {
            "soon": facts(expires_at=soon, recent=99.0),
            "later": facts(expires_at=later, recent=99.0),
            "extended": facts(expires_at=START - 9, standing=Standing(None, soon)),
            "longer": facts(expires_at=soon, standing=Standing(None, later)),
        }
    )
    world.run()
    assert world.reminders == {"soon": soon, "extended": soon}


def scenario(world: World) -> None:
    """Everything a sweep can do: told, withdrawn, put to sleep, deleted in two steps."""
    for step in range(8):
        if step == 1:
            world.put("used", recent=500.0)
        while True:
            try:
                world.run()
                break
            except Dead:
                world.revive()
        world.pass_time(NOTICE_S / 2 + 1)


def world_of_all() -> World:
    world = World(
        {
            "busy": BUSY,
            "gone": facts(expires_at=START - 1),
            "idle": facts(),
            "used": facts(windows=(1.0,) * 6),
        }
    )
    world.rules = dict.fromkeys(world.facts, RULES)
    world.rules["used"] = world.rules["idle"]
    world.endings["gone"] = [Outcome(Ending.BEGUN, "shop-gone-service is being deleted")]
    return world


def calls_of_a_calm_play() -> int:
    world = world_of_all()
    scenario(world)
    return len(world.calls)


CALLS = calls_of_a_calm_play()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(CALLS))
def test_killed_at_any_call_the_next_sweep_goes_on_right(at: int, after: bool) -> None:
    world = world_of_all()
    world.die_at, world.after = at, after
    scenario(world)
    assert world.die_at == -1, "it did not die"
    assert world.facts["idle"].instances == (0, 0)
    assert "gone" not in world.facts
    for name in ("used", "busy"):
        assert world.facts[name].instances == (2, 0)
        assert world.standing(name).notice is None
    assert {name for _, name, _ in world.acted} == {"idle", "gone"}
    for moment, name, _ in world.acted:
        told = [
            at for at, subject, _ in world.messages if "about to go" in subject and name in subject
        ]
        assert told, f"nobody was told of {name}"
        assert min(told) + NOTICE_S <= moment


def test_office_hours_are_each_environments_own() -> None:
    world = two()
    world.rules["idle"] = RULES.__class__(
        **{
            **{n: getattr(RULES, n) for n in RULES.__slots__},
            "hours": OfficeHours.parse("mon-sun 00:00-23:00"),
            "zone": "Europe/Berlin",
        }
    )
    world.run()  # 22:20 in Berlin
    notice = world.standing("idle").notice
    assert notice is not None
    assert world.sweep().calendar.spell(notice.due_at, "Europe/Berlin").endswith("23:00 CET")
