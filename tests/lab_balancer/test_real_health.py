"""Target health as Envoy's checks find it, and what it means for requests (aws-facts 1.2-1.5)."""

import os
import signal
import threading

import pytest

from tests.lab_balancer.rig import ANY_PATH, Rig, fixed, forward, until

pytestmark = pytest.mark.lab


def test_an_unreferenced_group_is_unused_and_never_checked(rig: Rig) -> None:
    (lone,) = rig.launch(1)
    checks = rig.apps[lone].checks
    group = rig.group(lone)
    listener, _port = rig.listener()
    assert rig.health(group) == {lone: ("unused", "Target.NotInUse")}
    assert quiet(checks)
    rule = rig.rule(listener, 1, [ANY_PATH], forward((group, 1)))
    assert rig.health(group)[lone][0] in {"initial", "healthy"}
    rig.until_healthy(group)
    rig.elb.delete_rule(RuleArn=rule)
    assert rig.health(group) == {lone: ("unused", "Target.NotInUse")}
    until(lambda: quiet(checks), "the end of the checks")


def quiet(checks: list[dict[str, str]]) -> bool:
    """Whether no check came for five intervals."""
    before = len(checks)
    threading.Event().wait(1.0)
    return len(checks) == before


def test_a_group_of_weight_0_is_checked(rig: Rig) -> None:
    blue, green = rig.group(rig.ids[0]), rig.group(rig.ids[1])
    rig.listener([forward((blue, 1), (green, 0))])
    rig.until_healthy(blue, green)


def test_checks_look_like_the_load_balancers(rig: Rig) -> None:
    app = rig.apps[rig.ids[0]]
    group = rig.group(rig.ids[0])
    rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    assert app.checks[-1]["user-agent"] == "ELB-HealthChecker/2.0"
    assert app.checks[-1]["host"] == f"{app.address}:8080"


def test_initial_healthy_unhealthy_healthy_by_the_thresholds(rig: Rig) -> None:
    app = rig.apps[rig.ids[0]]
    app.health = 503
    group = rig.group(rig.ids[0], check={"HealthyThresholdCount": 3, "UnhealthyThresholdCount": 3})
    rig.listener([forward((group, 1))])
    assert rig.health(group)[rig.ids[0]][0] == "initial"
    until(lambda: rig.states(group)[rig.ids[0]] == "unhealthy", "unhealthy at first")
    app.health = 200
    rig.until_healthy(group)
    app.health = 418
    until(lambda: rig.states(group)[rig.ids[0]] == "unhealthy", "unhealthy again")
    told = rig.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert told["TargetHealth"] == {
        "State": "unhealthy",
        "Reason": "Target.ResponseCodeMismatch",
        "Description": "Health checks failed with these codes: [418]",
    }
    rig.elb.modify_target_group(TargetGroupArn=group, Matcher={"HttpCode": "200,400-420"})
    rig.until_healthy(group)
    app.health = 200


def test_a_target_that_is_not_there_fails_its_checks(rig: Rig) -> None:
    group = rig.group(rig.ids[0], check={"HealthCheckPort": "8099"})
    rig.listener([forward((group, 1))])
    until(
        lambda: rig.health(group)[rig.ids[0]] == ("unhealthy", "Target.FailedHealthChecks"),
        "unhealthy",
    )
    told = rig.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert told["HealthCheckPort"] == "8099"


def test_a_new_target_gets_no_request_before_its_first_success(rig: Rig) -> None:
    with rig.paused():  # Envoy's checks are not taken in: everyone stays initial
        group = rig.group(rig.ids[0])
        _arn, port = rig.listener([forward((group, 1))])
        assert rig.health(group)[rig.ids[0]] == ("initial", "Elb.RegistrationInProgress")
        assert rig.tally(port, 5) == {"503": 5}
    rig.until_healthy(group)
    until(lambda: rig.ask(port).name == rig.ids[0], "requests")


def test_an_empty_group_answers_503_for_its_whole_share(rig: Rig) -> None:
    full, empty = rig.group(rig.ids[0]), rig.group()
    _arn, port = rig.listener([forward((full, 1), (empty, 1))])
    rig.until_healthy(full)
    until(lambda: rig.ask(port).status == 200, "requests")
    counted = rig.tally(port, 200)
    assert counted.keys() == {rig.ids[0], "503"}
    assert 60 < counted["503"] < 140


def test_unhealthy_targets_get_nothing_until_all_are_unhealthy(rig: Rig) -> None:
    first, second = (rig.apps[each] for each in rig.ids[:2])
    group = rig.group(*rig.ids[:2])
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    first.health = 500
    until(lambda: rig.states(group)[first.name] == "unhealthy", "one unhealthy")
    until(lambda: rig.tally(port, 10) == {second.name: 10}, "its requests gone")
    second.health = 500
    until(lambda: set(rig.states(group).values()) == {"unhealthy"}, "all unhealthy")
    until(lambda: rig.tally(port, 20).keys() == {first.name, second.name}, "failing open")
    until(lambda: all_counted(rig), "the requests before counted")
    before = fail_open(rig, group)
    rig.tally(port, 30)
    until(lambda: fail_open(rig, group) == before + 30, "30 requests counted as failing open")
    first.health = second.health = 200
    rig.until_healthy(group)


def all_counted(rig: Rig) -> bool:
    """Whether nothing has been counted for ten of Envoy's log flushes."""
    before = rig.balancer.read()
    threading.Event().wait(0.2)
    return rig.balancer.read() == before


def fail_open(rig: Rig, group: str) -> int:
    name = group.rsplit(":", maxsplit=1)[-1]
    return sum(g.fail_open for g in rig.balancer.read().groups if g.target_group == name)


def test_a_dead_target_answers_502_until_it_is_found_out(rig: Rig) -> None:
    (dead,) = rig.launch(1)
    group = rig.group(dead)
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.until_serving(port)
    rig.apps[dead].stop()
    assert set(rig.tally(port, 10)) == {"502"}
    until(lambda: rig.states(group)[dead] == "unhealthy", "found out")
    assert set(rig.tally(port, 10)) == {"502"}  # alone in its group: fail open
    rig.apps[dead].start()
    rig.until_healthy(group)
    until(lambda: rig.ask(port).status == 200, "back")


def test_an_answer_that_breaks_off_is_a_502(rig: Rig) -> None:
    group = rig.group(rig.ids[0])
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.until_serving(port)
    assert rig.ask(port, "/cut").status == 502


def test_a_silent_target_is_a_504_after_the_idle_timeout(rig: Rig) -> None:
    arn, address = rig.load_balancer("impatient")
    rig.elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "1"}]
    )
    group = rig.group(rig.ids[0])
    _arn, port = rig.listener([forward((group, 1))], load_balancer=arn)
    rig.until_healthy(group)
    rig.apps[rig.ids[0]].gate.clear()
    rig.until_serving(port, address)
    assert rig.ask(port, "/held", address=address).status == 504
    rig.apps[rig.ids[0]].gate.set()


def test_a_deregistered_target_drains_for_its_delay_and_finishes_what_it_has(rig: Rig) -> None:
    leaving, staying = rig.ids[:2]
    app = rig.apps[leaving]
    app.gate.clear()
    group = rig.group(leaving, deregistration_delay__timeout_seconds="50")
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.until_serving(port)
    answers: list[str] = []
    asker = threading.Thread(target=lambda: answers.append(rig.ask(port, "/held").name))
    asker.start()
    assert app.held.acquire(timeout=10)
    rig.register(group, staying)
    began = rig.context.clock.now()
    rig.deregister(group, leaving)
    assert rig.health(group)[leaving] == ("draining", "Target.DeregistrationInProgress")
    until(lambda: rig.states(group)[staying] == "healthy", "the other healthy")
    until(lambda: rig.tally(port, 10) == {staying: 10}, "no new requests")
    assert not answers
    app.gate.set()
    asker.join(10)
    assert answers == [leaving]
    until(lambda: leaving not in rig.states(group), "drained")
    assert rig.context.clock.now() - began >= 50
    assert rig.health(group, leaving) == {leaving: ("unused", "Target.NotRegistered")}


def test_a_draining_target_that_comes_back_starts_anew(rig: Rig) -> None:
    group = rig.group(*rig.ids[:2], deregistration_delay__timeout_seconds="3600")
    rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.deregister(group, rig.ids[0])
    assert rig.states(group)[rig.ids[0]] == "draining"
    with rig.paused():
        rig.register(group, rig.ids[0])
        assert rig.states(group)[rig.ids[0]] == "initial"
    rig.until_healthy(group)


def test_a_terminated_instance_drains_and_a_stopped_one_is_unused(rig: Rig) -> None:
    ended, stopped = rig.launch(2)
    group = rig.group(rig.ids[0], ended, stopped)
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.ec2.terminate_instances(InstanceIds=[ended])
    rig.ec2.stop_instances(InstanceIds=[stopped])
    until(lambda: rig.health(group)[ended][0] == "draining", "the terminated one draining")
    until(lambda: rig.health(group)[stopped] == ("unused", "Target.InvalidState"), "unused")
    until(lambda: rig.tally(port, 10) == {rig.ids[0]: 10}, "requests to the running one alone")
    until(lambda: ended not in rig.states(group), "the terminated one gone")
    rig.ec2.start_instances(InstanceIds=[stopped])
    until(lambda: rig.states(group)[stopped] == "healthy", "started again")


def test_below_the_minimum_of_healthy_targets_all_get_requests(rig: Rig) -> None:
    key = "target_group_health__unhealthy_state_routing__minimum_healthy_targets__count"
    group = rig.group(*rig.ids[:2], **{key: "2"})
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    rig.apps[rig.ids[0]].health = 500
    until(lambda: rig.states(group)[rig.ids[0]] == "unhealthy", "one unhealthy")
    until(lambda: rig.tally(port, 20).keys() == set(rig.ids[:2]), "both get requests")
    rig.apps[rig.ids[0]].health = 200
    rig.until_healthy(group)


def test_envoy_is_started_again_when_it_dies(rig: Rig) -> None:
    group = rig.group(rig.ids[0])
    _arn, port = rig.listener([forward((group, 1))])
    rig.until_healthy(group)
    before = rig.balancer.envoy.pid
    os.kill(before, signal.SIGKILL)
    until(lambda: rig.balancer.envoy.pid != before, "another Envoy")
    until(lambda: answers(rig, port), "requests again")


def answers(rig: Rig, port: int) -> bool:
    try:
        return rig.ask(port).status == 200
    except OSError:
        return False


def test_counts_are_exactly_what_the_targets_counted(rig: Rig) -> None:
    (one, dead) = rig.launch(2)
    group, empty, broken = rig.group(one), rig.group(), rig.group(dead)
    listener, port = rig.listener([fixed(404)])
    for number, (path, to) in enumerate({"/e": empty, "/b": broken, "/*": group}.items(), 1):
        rig.rule(listener, number, [{"Field": "path-pattern", "Values": [path]}], forward((to, 1)))
    rig.elb.modify_rule(
        RuleArn=rig.rule(listener, 9, [ANY_PATH], fixed(200)), Actions=[fixed(200, "never")]
    )
    rig.until_healthy(group, broken)
    rig.until_serving(port)
    until(lambda: all_counted(rig), "the requests before counted")
    first = rig.apps[one].served["/"]
    rig.apps[dead].stop()
    (base,) = [each for each in rig.balancer.read().balancers if each.load_balancer in rig.arn]
    rig.tally(port, 40)
    rig.tally(port, 7, "/500")
    rig.tally(port, 5, "/e")
    rig.tally(port, 3, "/b")

    def reading() -> tuple[object, ...]:
        traffic = rig.balancer.read()
        by_arn = {each.target_group: each for each in traffic.groups}
        lb = next(each for each in traffic.balancers if each.load_balancer in rig.arn)
        good, void, bad = (by_arn[arn.split(":")[-1]] for arn in (group, empty, broken))
        return (
            (good.requests - first, dict(good.responses), good.connection_errors),
            (void.requests, void.responses),
            (bad.requests, bad.responses, bad.connection_errors),
            lb.requests - base.requests,
            {code: lb.elb_5xx.get(code, 0) - base.elb_5xx.get(code, 0) for code in ("502", "503")},
        )

    expected: tuple[object, ...] = (
        (47, {"2XX": 40 + first, "5XX": 7}, 0),
        (0, {}),
        (3, {}, 3),
        50,
        {"502": 3, "503": 5},
    )
    until(lambda: reading() == expected, f"{expected}")
    assert rig.apps[one].served == {"/": 40 + first, "/500": 7}
    by_name = {each.target_group: each for each in rig.balancer.read().groups}
    assert sum(by_name[group.split(":")[-1]].latency.values()) == 47 + first
