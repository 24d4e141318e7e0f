"""From what runs to settings: one answer, or a line with all answers and the flag that chooses."""

from typing import Any

import pytest

from deployer.aws.verify.adopting import Choice, Running, adopt
from deployer.aws.verify.twin import twin_name
from deployer.errors import NotFound, NotPossibleNow, UsageError
from deployer.model import Slot
from tests.adoption.world import (
    LISTENER,
    TARGETS,
    TEMPLATES,
    forward,
    group,
    header,
    rule,
)

BLUE, GREEN = TARGETS[Slot.BLUE], TARGETS[Slot.GREEN]
HOST = {"Field": "host-header", "HostHeaderConfig": {"Values": ["api.example.com"]}}


def running(*rules: Any, groups: Any = None, ours: Any = (), **more: Any) -> Running:
    listeners: Any = {LISTENER: {"Port": 80, "Protocol": "HTTP"}, **more.get("listeners", {})}
    balancer: Any = {"LoadBalancerName": "web", "DNSName": "web.elb.example"}
    found: Any = {LISTENER: rules, **more.get("rules", {})}
    return Running(balancer, listeners, found, groups or [group(Slot.BLUE)], frozenset(ours))


def default(*arns: str) -> dict[str, Any]:
    return rule("default", forward(*(arns or (BLUE,))))


def test_one_group_behind_the_default_action_is_blue_without_a_twin() -> None:
    found = adopt(running(default()), Choice())
    assert found.values == {
        "listener": LISTENER, "rule": "", "rule_priority": 49_000, "url": "http://web.elb.example",
        "blue_target_group": BLUE, "blue_group": "web-blue",
        "blue_launch_template": TEMPLATES[Slot.BLUE],
        "green_target_group": "", "green_group": "", "green_launch_template": "",
    }  # fmt: skip
    assert (found.instances, found.max_instances) == (2, 8)
    assert any("the twin" in each for each in found.unknown)


def test_the_twin_is_found_by_its_name_or_in_the_same_action() -> None:
    both = [group(Slot.BLUE), group(Slot.GREEN)]
    for action in (default(), default(BLUE, GREEN)):
        values = adopt(running(action, groups=both), Choice()).values
        assert values["green_group"] == "web-green"
        assert values["green_target_group"] == GREEN
    assert twin_name("shop") == twin_name("shop-blue") == "shop-green"
    assert len(twin_name("x" * 40)) == 32


def test_a_shared_launch_template_is_no_twins() -> None:
    green = {**group(Slot.GREEN), "LaunchTemplate": group(Slot.BLUE)["LaunchTemplate"]}
    found = adopt(running(default(), groups=[group(Slot.BLUE), green]), Choice())
    assert found.values["green_launch_template"] == ""
    assert any("each needs its own" in each for each in found.unknown)


def test_a_rule_for_a_host_is_kept_with_its_host() -> None:
    fixed = rule("default", [{"Type": "fixed-response"}])
    found = adopt(running(rule(100, forward(BLUE), HOST), fixed), Choice())
    assert str(found.values["rule"]).endswith("/100")
    assert found.values["rule_priority"] == 99
    assert found.values["url"] == "http://api.example.com"
    assert not any("what users ask for" in each for each in found.unknown)


def test_several_ways_are_told_with_the_flags_that_choose() -> None:
    two = running(rule(100, forward(BLUE), HOST), default())
    with pytest.raises(UsageError, match=r"2 ways of web .*--rule default \(to web-blue\)"):
        adopt(two, Choice())
    assert adopt(two, Choice(rule="default")).values["rule"] == ""
    secure = f"{LISTENER}9"
    more: Any = {
        "listeners": {secure: {"Port": 443, "Protocol": "HTTPS"}},
        "rules": {secure: [default()]},
    }
    with pytest.raises(UsageError, match="--listener 443 --rule default"):
        adopt(running(default(), **more), Choice())
    values = adopt(running(default(), **more), Choice(listener="443")).values
    assert (values["listener"], values["url"]) == (secure, "https://web.elb.example")


def test_several_groups_behind_one_target_group_are_told() -> None:
    twins = [group(Slot.BLUE), {**group(Slot.BLUE), "AutoScalingGroupName": "old"}]
    with pytest.raises(UsageError, match="choose one with --blue: web-blue, old"):
        adopt(running(default(), groups=twins), Choice())
    assert adopt(running(default(), groups=twins), Choice(blue="old")).values["blue_group"] == "old"
    with pytest.raises(NotFound, match="name one with --blue"):
        adopt(running(default()), Choice(blue="nobody"))
    with pytest.raises(NotFound, match="there is no group nobody"):
        adopt(running(default()), Choice(green="nobody"))


def test_where_nothing_is_registered_nothing_is_adopted() -> None:
    with pytest.raises(NotFound, match="no rule of web forwards to a target group"):
        adopt(running(rule("default", [{"Type": "redirect"}])), Choice())


def test_rules_of_the_deployers_are_not_what_leads_there() -> None:
    """Run again after deployments: its own rule and those for smoke requests stay out of it."""
    own = rule(49_010, forward(BLUE, GREEN))
    smoke = rule(1, forward(GREEN), header("X-Deployer-Slot", "green"))
    both = [group(Slot.BLUE), group(Slot.GREEN)]
    found = adopt(running(own, smoke, default(), groups=both, ours=[own["RuleArn"]]), Choice())
    assert (found.values["rule"], found.values["rule_priority"]) == ("", 49_010)


def test_stacks_of_a_deployer_are_adopted_already() -> None:
    own = rule(49_000, forward(BLUE))
    closed = rule("default", [{"Type": "fixed-response"}])
    with pytest.raises(NotFound, match="behind web is a deployer's own rule already"):
        adopt(running(own, closed, ours=[own["RuleArn"]]), Choice())


def test_another_services_rule_of_the_deployer_is_not_ours() -> None:
    """Two services behind one listener, both adopted: each keeps its own priority."""
    theirs = rule(99, forward("arn:a", "arn:b"))
    rules = (theirs, rule(200, forward(BLUE), HOST), default())
    found = adopt(running(*rules, ours=[theirs["RuleArn"]]), Choice(rule=rules[1]["RuleArn"]))
    assert found.values["rule_priority"] == 199


def test_a_twin_by_its_name_is_a_guess_and_told() -> None:
    both = [group(Slot.BLUE), group(Slot.GREEN)]

    def told(rule: Any, choice: Choice) -> bool:
        unknown = adopt(running(rule, groups=both), choice).unknown
        return any("web-green (web-green) is the twin" in each for each in unknown)

    assert told(default(), Choice())
    assert not told(default(), Choice(green="web-green"))
    assert not told(default(BLUE, GREEN), Choice())


def test_a_twin_with_several_target_groups_is_refused() -> None:
    twin = {**group(Slot.GREEN), "TargetGroupARNs": [GREEN, f"{GREEN}9"]}
    with pytest.raises(UsageError, match="web-green is attached to several target groups"):
        adopt(running(default(), groups=[group(Slot.BLUE), twin]), Choice())


@pytest.mark.parametrize(
    ("rules", "expected"),
    [((rule(49_500, forward("arn:x")), default()), 49_502), ((default(),), 49_000)],
)
def test_in_front_of_the_default_action_is_behind_every_other_rule(
    rules: Any, expected: int
) -> None:
    assert adopt(running(*rules), Choice()).values["rule_priority"] == expected


@pytest.mark.parametrize("taken", [99, 98])
def test_without_room_in_front_it_is_refused(taken: int) -> None:
    rules = (rule(100, forward(BLUE), HOST), rule(taken, forward("arn:x")))
    with pytest.raises(NotPossibleNow, match="make room with `aws elbv2 set-rule-priorities`"):
        adopt(running(*rules), Choice())
