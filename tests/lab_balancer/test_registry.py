"""Who is registered: draining, coming back, several ports, and checks that come too late."""

from deployer.lab.balancer.health import Outcome
from deployer.lab.balancer.model import Endpoint, Group
from deployer.lab.balancer.registry import Registry, Target

GROUP = Group("g", "arn", 8080, deregistration_delay_s=30)


def target(number: int = 1, *, port: int = 8080, since: float = 100.0) -> Target:
    return Target(f"i-{number}", port, f"127.1.1.{number}", since)


def outcome(number: int = 1, *, port: int = 8080, at: float = 101.0, reason: str = "") -> Outcome:
    return Outcome("g", f"127.1.1.{number}", port, at, reason)


def registry(*targets: Target) -> Registry:
    made = Registry()
    for each in targets:
        made.register("g", each)
    return made


def test_a_target_drains_for_the_delay_and_is_gone_then() -> None:
    known = registry(target())
    known.drain(GROUP, known.targets("g")[0], in_use=True)
    assert known.checked(GROUP) == []
    assert not known.expire(9999.0), "somebody may still be sent there"
    known.left(1000.0)
    assert not known.expire(1029.9)
    assert [each.draining_until for each in known.targets("g")] == [1030.0]
    assert known.expire(1030.0)
    assert known.targets("g") == []


def test_deregistering_twice_does_not_prolong_the_draining() -> None:
    known = registry(target())
    for now in (1000.0, 1020.0):
        known.drain(GROUP, known.targets("g")[0], in_use=True)
        known.left(now)
    assert known.expire(1030.0)


def test_where_nothing_routes_nothing_drains() -> None:
    known = registry(target())
    known.drain(GROUP, known.targets("g")[0], in_use=False)
    assert known.targets("g") == []


def test_registering_again_changes_nothing_unless_the_target_was_draining() -> None:
    first = target()
    known = registry(first)
    known.record(GROUP, outcome())
    known.register("g", target(since=200.0))
    assert known.targets("g") == [first]
    known.drain(GROUP, first, in_use=True)
    known.register("g", target(since=300.0))
    (back,) = known.targets("g")
    assert (back.tally.state, back.draining_until, back.since) == ("initial", None, 300.0)


def test_one_instance_may_have_several_ports() -> None:
    known = registry(target(port=8080), target(port=8081))
    known.record(GROUP, outcome(port=8081))
    assert known.healthy("g") == [Endpoint("127.1.1.1", 8081)]
    assert len(known.find("g", "i-1", None)) == 2
    assert [each.port for each in known.find("g", "i-1", 8081)] == [8081]


def test_a_check_from_before_the_registration_does_not_count() -> None:
    known = registry(target(since=100.0))
    assert not known.record(GROUP, outcome(at=99.999))
    assert known.healthy("g") == []
    assert known.record(GROUP, outcome(at=100.0))
    assert known.healthy("g") == [Endpoint("127.1.1.1", 8080)]


def test_a_stopped_target_is_neither_checked_nor_routed_to() -> None:
    known = registry(target())
    known.record(GROUP, outcome())
    known.targets("g")[0].stopped = "stopped"
    assert known.healthy("g") == []
    assert known.checked(GROUP) == []
    assert not known.record(GROUP, outcome(reason="Target.Timeout"))


def test_a_group_that_loses_its_last_rule_forgets_its_health() -> None:
    known = registry(target(since=100.0))
    known.record(GROUP, outcome())
    known.unused("g", 200.0)
    assert known.healthy("g") == []
    assert not known.record(GROUP, outcome(at=150.0))
