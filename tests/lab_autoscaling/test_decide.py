"""One look at a group: a table of situations and what is wanted then."""

from dataclasses import replace
from typing import Any

import pytest

from deployer.lab.autoscaling.decide import BOOT_S, Reading, Seen, decide, wanted_readings
from deployer.lab.autoscaling.intents import (
    Boot,
    Bury,
    Condemn,
    End,
    GiveUpWaiting,
    Hold,
    Intent,
    Launch,
    Leave,
    MarkAttachment,
    Retire,
    Serve,
    Vanish,
)
from deployer.lab.autoscaling.model import (
    DELETING,
    LAUNCHING,
    TERMINATING,
    Attachment,
    Group,
    Hook,
    HookWait,
    Lifecycle,
    Maintenance,
    Member,
)
from tests.lab_autoscaling.world import BLUE, GREEN, NOW, group, member

IN_SERVICE = (Attachment(BLUE, state="InService", since=NOW - 5000),)


def look(
    of: Group, states: dict[str, str] | None = None, **targets: dict[str, str]
) -> list[Intent]:
    """`decide` with all instances running unless said otherwise; `blue=`: target health now."""
    running = {one.id: "running" for one in of.members} | (states or {})
    arns = {"blue": BLUE, "green": GREEN}
    readings = {arns[name]: Reading(NOW, health) for name, health in targets.items()}
    return list(decide(of, Seen(running, readings), NOW))


def kinds(intents: list[Intent]) -> list[type]:
    return [type(intent) for intent in intents]


def pending(key: str = "1", **facts: Any) -> Member:
    return member(key, lifecycle=Lifecycle.PENDING, **facts)


def leaving(state: Lifecycle = Lifecycle.TERMINATING, **facts: Any) -> Member:
    return member("1", lifecycle=state, since=NOW - 10, **facts)


def test_a_settled_group_wants_nothing() -> None:
    assert look(group([member("1", "a"), member("2", "b")])) == []


def test_what_is_missing_is_launched_over_the_zones() -> None:
    launches = look(group([member("1", "a")], desired=4))
    assert kinds(launches) == [Launch] * 3
    zones = [one.subnet.zone for one in launches if isinstance(one, Launch)]
    assert sorted(zones) == ["us-east-1a", "us-east-1b", "us-east-1b"]


def test_an_instance_takes_time_to_boot() -> None:
    young = pending(since=NOW - BOOT_S + 0.1)
    assert look(group([young]), {"i-1": "pending"}) == []
    old = replace(young, since=NOW - BOOT_S)
    assert look(group([old]), {"i-1": "pending"}) == [Boot("i-1")]


def test_a_running_instance_is_put_in_service() -> None:
    assert look(group([pending()])) == [Serve("i-1")]


def test_a_launch_hook_comes_between() -> None:
    hooked = group([pending()], hooks=(Hook("warm", LAUNCHING), Hook("bye", TERMINATING)))
    assert look(hooked) == [Hold("i-1", LAUNCHING)]
    assert look(group([pending(quick=True)], hooks=hooked.hooks)) == [Serve("i-1")]


@pytest.mark.parametrize(
    ("until", "wanted"), [(NOW + 1, []), (NOW, [GiveUpWaiting("i-1", "warm")])]
)
def test_a_waiting_member_waits_until_its_time_is_over(until: float, wanted: list[Intent]) -> None:
    wait = HookWait("warm", "token", until, NOW + 9999, 30, "ABANDON")
    waiting = member("1", lifecycle=Lifecycle.PENDING_WAIT, waits=(wait,))
    assert look(group([waiting])) == wanted


def test_after_the_hook_it_serves() -> None:
    assert look(group([member("1", lifecycle=Lifecycle.PENDING_PROCEED)])) == [Serve("i-1")]


@pytest.mark.parametrize(
    ("blue", "wanted"),
    [
        ({"i-1": "draining"}, []),
        ({"i-1": "unused"}, [End("i-1")]),
        ({}, [End("i-1")]),
    ],
)
def test_a_terminating_member_drains_first(blue: dict[str, str], wanted: list[Intent]) -> None:
    drains = group([leaving(targets=frozenset({BLUE}))])
    assert look(drains, blue=blue) == wanted


def test_a_reading_from_before_the_deregistration_proves_nothing() -> None:
    drains = group([replace(leaving(targets=frozenset({BLUE})), since=NOW)])
    assert look(drains, blue={}) == []
    assert look(drains) == []


def test_every_target_group_must_have_drained() -> None:
    drains = group([leaving(targets=frozenset({BLUE, GREEN}))])
    assert look(drains, blue={}) == []
    assert look(drains, blue={}, green={"i-1": "draining"}) == []
    assert look(drains, blue={}, green={}) == [End("i-1")]


def test_a_termination_hook_comes_after_the_draining() -> None:
    hooks = (Hook("bye", TERMINATING),)
    assert look(group([leaving()], hooks=hooks)) == [Hold("i-1", TERMINATING)]
    assert look(group([leaving(quick=True)], hooks=hooks)) == [End("i-1")]
    assert look(group([leaving(Lifecycle.TERMINATING_PROCEED)], hooks=hooks)) == [End("i-1")]


@pytest.mark.parametrize(
    ("states", "wanted"),
    [({"i-1": "shutting-down"}, []), ({"i-1": "terminated"}, [Bury("i-1")])],
)
def test_the_member_goes_when_the_instance_has(
    states: dict[str, str], wanted: list[Intent]
) -> None:
    assert look(group([leaving(ending=True)]), states) == wanted


@pytest.mark.parametrize("state", [Lifecycle.DETACHING, Lifecycle.ENTERING_STANDBY])
def test_stepping_aside_waits_for_the_draining_too(state: Lifecycle) -> None:
    aside = group([leaving(state, targets=frozenset({BLUE}))])
    assert look(aside, blue={"i-1": "draining"}) == []
    assert look(aside, blue={}) == [Leave("i-1")]


def test_standby_members_are_no_capacity() -> None:
    assert kinds(look(group([member("1", lifecycle=Lifecycle.STANDBY)], desired=1))) == [Launch]


def test_a_gone_instance_is_condemned_then_replaced() -> None:
    dead = group([member("1", "a"), member("2", "b")])
    condemned = look(dead, {"i-1": "terminated"})
    assert condemned == [
        Condemn("i-1", "an EC2 health check indicating it has been terminated or stopped")
    ]
    unwell = dead.put(member("1", "a", health="Unhealthy", complaint="c"))
    assert kinds(look(unwell, {"i-1": "terminated"})) == [Retire]


@pytest.mark.parametrize(
    ("settings", "health", "condemned"),
    [
        ({"health_check_type": "ELB"}, "unhealthy", True),
        ({"health_check_type": "ELB"}, "initial", False),
        ({"health_check_type": "ELB"}, "unused", False),
        ({"health_check_type": "EC2"}, "unhealthy", False),
        ({"health_check_type": "ELB", "grace_s": 901}, "unhealthy", False),
        ({"health_check_type": "ELB", "grace_s": 900}, "unhealthy", True),
        ({"health_check_type": "ELB", "suspended": frozenset({"HealthCheck"})}, "unhealthy", False),
    ],
)
def test_elb_health_checks(settings: dict[str, Any], health: str, condemned: bool) -> None:
    checked = group([member("1", targets=frozenset({BLUE}))], attachments=IN_SERVICE, **settings)
    assert (Condemn in kinds(look(checked, blue={"i-1": health}))) is condemned


def test_elb_health_counts_only_once_the_group_was_in_service_there() -> None:
    checked = group([member("1")], health_check_type="ELB")
    added = replace(checked, attachments=(Attachment(BLUE, state="Added"),))
    assert look(added, blue={"i-1": "unhealthy"}) == []


@pytest.mark.parametrize("suspended", ["ReplaceUnhealthy", "Terminate"])
def test_the_unhealthy_stay_while_replacing_is_suspended(suspended: str) -> None:
    unwell = group([member("1", health="Unhealthy")], suspended=frozenset({suspended}))
    assert look(unwell) == []


def test_without_a_policy_the_unhealthy_end_first_one_at_a_time() -> None:
    sick = [member(str(n), "ab"[n % 2], health="Unhealthy") for n in range(4)]
    assert kinds(look(group(sick))) == [Retire]
    coming = [*sick[:3], pending("9")]
    assert Retire not in kinds(look(group(coming), {"i-9": "pending"}))


def test_a_large_group_replaces_a_tenth_at_a_time() -> None:
    sick = [member(str(n), "ab"[n % 2], health="Unhealthy") for n in range(30)]
    assert kinds(look(group(sick))) == [Retire] * 3


def test_a_maintenance_policy_launches_before_it_terminates() -> None:
    policy = Maintenance(100, 150)
    sick = group([member("1", health="Unhealthy"), member("2", "b")], maintenance=policy)
    launch = look(sick)
    assert kinds(launch) == [Launch]
    assert isinstance(launch[0], Launch)
    assert launch[0].ahead
    waiting = replace(sick, members=(*sick.members, pending("3", ahead=True)))
    assert Retire not in kinds(look(waiting, {"i-3": "pending"}))
    ready = replace(sick, members=(*sick.members, member("3")))
    assert [i.member for i in look(ready) if isinstance(i, Retire)] == ["i-1"]


def test_surplus_is_retired() -> None:
    assert (
        kinds(look(group([member("1"), member("2", "b"), member("3")], desired=1))) == [Retire] * 2
    )


@pytest.mark.parametrize(("desired", "suspended"), [(0, "Terminate"), (5, "Launch")])
def test_suspended_processes_do_nothing(desired: int, suspended: str) -> None:
    quiet = group(
        [member("1"), member("2", "b")], desired=desired, suspended=frozenset({suspended})
    )
    assert look(quiet) == []


def test_a_failed_launch_is_not_tried_again_at_once() -> None:
    assert look(group(desired=1, failures=1, retry_at=NOW + 1)) == []
    assert kinds(look(group(desired=1, failures=1, retry_at=NOW))) == [Launch]


def test_the_next_try_is_in_another_zone() -> None:
    first, second = look(group(desired=1)), look(group(desired=1, failures=1))
    assert isinstance(first[0], Launch)
    assert isinstance(second[0], Launch)
    assert first[0].subnet != second[0].subnet


def test_a_lopsided_group_is_rebalanced_by_launching_first() -> None:
    lopsided = group([member(str(n), "a") for n in range(3)])
    launches = look(lopsided)
    assert kinds(launches) == [Launch]
    assert isinstance(launches[0], Launch)
    assert launches[0].subnet.zone == "us-east-1b"
    assert launches[0].ahead
    after = replace(lopsided, members=(*lopsided.members, member("9", "b")))
    retired = [after.member(i.member) for i in look(after) if isinstance(i, Retire)]
    assert [one.subnet.zone for one in retired if one] == ["us-east-1a"]


@pytest.mark.parametrize(
    "settings",
    [{"suspended": frozenset({"AZRebalance"})}, {"suspended": frozenset({"Terminate"})}],
)
def test_rebalancing_can_be_suspended(settings: dict[str, Any]) -> None:
    assert look(group([member(str(n), "a") for n in range(3)], **settings)) == []


def test_a_standby_member_does_not_stand_in_the_way_of_balance() -> None:
    aside = member("9", "b", lifecycle=Lifecycle.STANDBY)
    assert kinds(look(group([*(member(str(n), "a") for n in range(2)), aside]))) == [Launch]


def test_protected_members_are_not_rebalanced() -> None:
    assert look(group([member(str(n), "a", protected=True) for n in range(3)])) == []


@pytest.mark.parametrize(
    ("state", "health", "wanted"),
    [
        ("Adding", {}, [MarkAttachment(BLUE, "Added")]),
        ("Added", {"i-1": "initial"}, []),
        ("Added", {"i-1": "healthy"}, [MarkAttachment(BLUE, "InService")]),
        ("Added", {"i-other": "healthy"}, []),
        ("InService", {"i-1": "unhealthy"}, []),
        ("Removing", {"i-1": "draining"}, []),
        ("Removing", {}, [MarkAttachment(BLUE, "Removed")]),
    ],
)
def test_states_of_an_attachment(state: str, health: dict[str, str], wanted: list[Intent]) -> None:
    attached = group([member("1")], attachments=(Attachment(BLUE, state=state, since=NOW - 1),))
    assert look(attached, blue=health) == wanted


def test_a_deleted_group_vanishes_with_its_last_member() -> None:
    assert look(group(status=DELETING, desired=3)) == [Vanish()]
    assert look(group([leaving(ending=True)], status=DELETING), {"i-1": "shutting-down"}) == []


def test_target_health_is_read_only_where_it_matters() -> None:
    quiet = group([member("1", targets=frozenset({BLUE}))], attachments=IN_SERVICE)
    assert wanted_readings(quiet) == (frozenset(), frozenset())
    checked = replace(quiet, health_check_type="ELB")
    assert wanted_readings(checked) == (frozenset(), frozenset({BLUE}))
    drains = checked.put(leaving(targets=frozenset({BLUE})))
    assert wanted_readings(drains) == (frozenset({BLUE}), frozenset())
