"""Each check says what is wrong, where, why, and what to do; where all is well, nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployer.aws.published import Front
from deployer.aws.verify import around, reading, table
from deployer.findings import Level, worst
from deployer.model import Health, Slot
from deployer.render.findings import findings_text, summary
from tests.adoption.world import LISTENER, TARGETS, World, forward, header, rule, sticking

BLUE, GREEN = Slot.BLUE, Slot.GREEN
Spoil = Callable[[World], Any]


def test_where_all_is_well_every_check_says_so() -> None:
    world = World()
    assert world.said() == []
    found = list(table.findings(world.facts()))
    assert {each.check for each in found} == {check.name for check in table.CHECKS}
    assert summary(found).startswith("All is well")


def behind(world: World, priority: int) -> None:
    """The rule that the deployer's should stand in front of has that very priority."""
    world.rules.append(rule(priority, forward(TARGETS[BLUE]), header("Host", "x")))
    world.front = Front(world.rules[-1]["RuleArn"], priority)


PROBLEMS: list[tuple[str, str, Spoil]] = [
    ("listener", "no such load balancer", lambda w: setattr(w, "balancer", None)),
    ("listener", "no such listener", lambda w: w.facts_changes.update(listeners={}, rules={})),
    ("listener", "no such test listener", lambda w: w.names_changes.update(
        test_listener=f"{LISTENER}9")),
    ("rule", "is gone", lambda w: setattr(w, "front", Front(f"{LISTENER}/9", 5))),
    ("rule", "must do nothing but forward", lambda w: w.rules.__setitem__(
        2, rule("default", [{"Type": "authenticate-oidc"}, *forward(TARGETS[BLUE])]))),
    ("rule", "priority 49000 is taken", lambda w: w.rules.append(
        rule(49_000, forward("arn:other")))),
    ("other-ways", "past the deployer's rule", lambda w: w.rules.append(
        rule(7, forward(TARGETS[BLUE]), header("Host", "x")))),
    ("other-ways", "past the deployer's rule", lambda w: w.more.update(
        {f"{LISTENER}9": (rule("default", forward(TARGETS[BLUE])),)})),
    ("other-ways", "comes after the deployer's rule", lambda w: w.rules.append(
        rule(49_500, forward("arn:other")))),
    ("smoke-requests", "no rule sends X-Deployer-Slot: green", lambda w: w.rules.pop(1)),
    ("smoke-requests", "after the deployer's own rules", lambda w: w.rules.__setitem__(
        1, rule(48_999, forward(TARGETS[GREEN]), header("x-deployer-slot", "green")))),
    ("target-groups", "no such target group", lambda w: w.target_groups.update({GREEN: None})),
    ("target-groups", "HealthCheckPath is /up", lambda w: w.target_groups[GREEN].update(
        HealthCheckPath="/up")),
    ("target-groups", "Port is 81", lambda w: w.target_groups[GREEN].update(Port=81)),
    ("target-groups", "Matcher is", lambda w: w.target_groups[GREEN].update(
        Matcher={"HttpCode": "204"})),
    ("rule", "must do nothing but forward", lambda w: w.rules.__setitem__(
        2, {**w.rules[2], "Transforms": [{"Type": "url-rewrite"}]})),
    ("rule", "would be in vain", lambda w: behind(w, 49_000)),
    ("target-groups", "of type ip", lambda w: w.target_groups[BLUE].update(TargetType="ip")),
    ("target-groups", "vpc-2", lambda w: w.target_groups[BLUE].update(VpcId="vpc-2")),
    ("target-groups", "no rule names it", lambda w: w.target_groups[GREEN].update(
        LoadBalancerArns=[])),
    ("stickiness", "keeps clients", lambda w: w.attributes.update({"stickiness.enabled": "true"})),
    ("targets", "1 of 1 targets are `unused`", lambda w: w.health.update({"i-1": Health.UNUSED})),
    ("groups", "no such Auto Scaling group", lambda w: w.groups.update({GREEN: None})),
    ("groups", "not attached", lambda w: w.groups[BLUE].update(TargetGroupARNs=[])),
    ("groups", "the other slot's", lambda w: w.groups[BLUE]["TargetGroupARNs"].append(
        TARGETS[GREEN])),
    ("groups", "no subnet in us-east-1c", lambda w: w.groups[BLUE].update(
        AvailabilityZones=["us-east-1c"])),
    ("launches", "version $Latest", lambda w: w.groups[BLUE]["LaunchTemplate"].update(
        Version="$Latest")),
    ("launches", "version 4", lambda w: w.groups[BLUE].update(MixedInstancesPolicy={
        "LaunchTemplate": {"LaunchTemplateSpecification": {
            **w.groups[BLUE].pop("LaunchTemplate"), "Version": "4"}}})),
    ("launches", "launch configuration", lambda w: w.groups[BLUE].pop("LaunchTemplate")),
    ("launches", "shares lt-", lambda w: w.groups[GREEN].update(
        LaunchTemplate=w.groups[BLUE]["LaunchTemplate"])),
    ("boots", "does not tell tags", lambda w: w.versions[BLUE]["LaunchTemplateData"].pop(
        "MetadataOptions")),
    ("boots", "resolve:ssm", lambda w: w.versions[BLUE]["LaunchTemplateData"].update(
        ImageId="resolve:ssm:/ami")),
    ("sizes", "at most 1 instances, but 2", lambda w: w.groups[GREEN].update(MaxSize=1)),
    ("health", "no grace period", lambda w: w.groups[BLUE].update(HealthCheckGracePeriod=0)),
    ("processes", "Launch suspended", lambda w: w.groups[BLUE].update(
        SuspendedProcesses=[{"ProcessName": "Launch"}])),
    ("protection", "new instances", lambda w: w.groups[BLUE].update(
        NewInstancesProtectedFromScaleIn=True)),
    ("protection", "1 instances", lambda w: w.groups[BLUE].update(
        Instances=[{"InstanceId": "i-1", "ProtectedFromScaleIn": True}])),
    ("journal", "no such table", lambda w: w.facts_changes.update(table=None)),
    ("journal", "its key is pk, sk", lambda w: w.facts_changes.update(table={
        "KeySchema": [{"AttributeName": k, "KeyType": t} for k, t in around.KEYS],
        "AttributeDefinitions": [{"AttributeName": k, "AttributeType": "N"} for k in ("pk", "sk")],
    })),
    ("journal", "its key is id", lambda w: w.facts_changes.update(table={
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})),
    ("permissions", "ModifyRule is not allowed", lambda w: w.facts_changes.update(
        denied=(("elasticloadbalancing:ModifyRule", "arn:rule"),))),
    ("complete", "no green_group, no green_target_group", lambda w: w.changes.update(
        green_group="", green_target_group="")),
    ("complete", "no journal_table", lambda w: w.changes.update(journal_table="")),
    ("complete", "no artifact_bucket", lambda w: w.changes.update(artifact_bucket="")),
    ("complete", "no blue_launch_template", lambda w: w.changes.update(blue_launch_template="")),
]  # fmt: skip


@pytest.mark.parametrize(("check", "words", "spoil"), PROBLEMS)
def test_a_problem_is_found_and_told(check: str, words: str, spoil: Spoil) -> None:
    world = World()
    spoil(world)
    said = world.said()
    mine = [x for x in said if x.check == check and words in x.what and x.level is Level.PROBLEM]
    assert mine, said
    assert all(each.where and each.why and each.todo for each in said)
    assert worst(said) is Level.PROBLEM
    text = findings_text(said, 200).plain
    assert words in text
    assert "why: " in text
    assert "do:  " in text


WARNINGS: list[tuple[str, str, Spoil]] = [
    ("rule", "48999 is taken", lambda w: w.rules.append(rule(48_999, forward("arn:other")))),
    ("health-check", "noticed after 90 s", lambda w: w.target_groups[BLUE].update(
        HealthCheckIntervalSeconds=30, UnhealthyThresholdCount=3)),
    ("health-check", "draining takes 300 s", lambda w: w.attributes.update(
        {"deregistration_delay.timeout_seconds": "300"})),
    ("boots", "does not mention deployer:release", lambda w: w.versions[BLUE][
        "LaunchTemplateData"].update(UserData="")),
    ("sizes", "as many as serve now", lambda w: w.groups[BLUE].update(MaxSize=2)),
    ("sizes", "though it is idle", lambda w: w.groups[GREEN].update(MinSize=1)),
    ("health", "only EC2's own checks", lambda w: w.groups[BLUE].update(HealthCheckType="EC2")),
    ("processes", "AZRebalance suspended", lambda w: w.groups[BLUE].update(
        SuspendedProcesses=[{"ProcessName": "AZRebalance"}])),
    ("hooks", "hold a new instance for 3600 s", lambda w: w.hooks.append({
        "LifecycleHookName": "boot", "HeartbeatTimeout": 3600,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"})),
    ("extras", "warm pool", lambda w: w.groups[BLUE].update(WarmPoolConfiguration={"MinSize": 1})),
    ("extras", "Spot", lambda w: w.groups[BLUE].update(MixedInstancesPolicy={
        "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 50}})),
    ("stickiness", "for 3600 s", lambda w: w.rules.__setitem__(
        2, rule("default", sticking(forward(TARGETS[BLUE]))))),
    ("journal", "no point-in-time recovery", lambda w: w.facts_changes.update(recovery=False)),
    ("permissions", "PutMetricData is not allowed", lambda w: w.facts_changes.update(
        denied=(("cloudwatch:PutMetricData", "*"),))),
    ("metrics", "no requests", lambda w: w.facts_changes.update(requests={BLUE: 0, GREEN: 0})),
]  # fmt: skip


@pytest.mark.parametrize(("check", "words", "spoil"), WARNINGS)
def test_a_warning_leaves_the_exit_status_alone(check: str, words: str, spoil: Spoil) -> None:
    world = World()
    spoil(world)
    said = world.said()
    assert [x for x in said if x.check == check and words in x.what], said
    assert worst(said) is Level.WARNING
    assert summary(said).endswith(("1 warning", "2 warnings"))


def test_what_nobody_may_look_at_is_unknown() -> None:
    action = "elasticloadbalancing:DescribeTargetGroups"
    unread = {action: f"{action} is not allowed on y (User: z)"}
    world = World(facts_changes={"denied": None, "unread": unread})
    world.target_groups = dict.fromkeys(Slot)
    said = world.said()
    assert {x.level for x in said} == {Level.UNKNOWN}
    assert {x.check for x in said} == {
        "permissions", "readable", "target-groups", "stickiness", "targets",
    }  # fmt: skip
    assert next(x for x in said if x.check == "readable").what == f"is not allowed: {action}"


def test_what_is_denied_for_one_reason_is_one_row() -> None:
    denied = ("dynamodb:DescribeTable", "autoscaling:DescribeLifecycleHooks")
    unread = {each: f"{each} is not allowed on y (User: z)" for each in denied}
    unread["cloudwatch:GetMetricData"] = "cloudwatch:GetMetricData on y: Odd: so it is"
    said = World(facts_changes={"unread": unread}).said()
    assert [x.what for x in said if x.check == "readable"] == [
        "is not allowed: autoscaling:DescribeLifecycleHooks, dynamodb:DescribeTable",
        "Odd: so it is: cloudwatch:GetMetricData",
    ]


def test_every_action_that_is_read_has_a_check_that_needs_it() -> None:
    needed = {action for check in table.CHECKS for action in check.needs}
    assert needed == {need.action for need in reading.NEEDS} - {"iam:SimulatePrincipalPolicy"}


def test_the_deployers_own_rules_and_redirects_are_no_other_ways() -> None:
    world = World()
    both = (TARGETS[BLUE], TARGETS[GREEN])
    world.rules += [
        rule(49_000, forward(*both, weights=(900, 100))),
        rule(48_999, forward(TARGETS[GREEN]), header("X-Beta", "1")),
    ]
    world.more[f"{LISTENER}9"] = (rule("default", [{"Type": "redirect"}]),)
    assert world.said() == []


def test_a_rule_of_the_deployers_that_sticks_keeps_what_theirs_promises() -> None:
    world = World()
    world.rules[2] = rule("default", sticking(forward(TARGETS[BLUE])))
    both = forward(TARGETS[BLUE], TARGETS[GREEN], weights=(1000, 0))
    world.rules.append(rule(49_000, both))
    assert [each.check for each in world.said()] == ["stickiness"]
    world.rules[-1] = rule(49_000, sticking(both))
    assert world.said() == []


def test_what_holds_only_an_end_holds_no_release() -> None:
    world = World()
    hook = {"HeartbeatTimeout": 3600, "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}
    world.hooks.append({"LifecycleHookName": "bye", **hook})
    assert world.said() == []


def test_target_groups_attached_as_traffic_sources_are_attached() -> None:
    world = World()
    world.groups[BLUE]["TargetGroupARNs"] = []
    world.groups[BLUE]["TrafficSources"] = [{"Identifier": TARGETS[BLUE], "Type": "elbv2"}]
    assert world.said() == []


def test_images_as_releases_need_no_tags() -> None:
    world = World()
    world.versions[BLUE]["LaunchTemplateData"].pop("MetadataOptions")
    facts = world.facts()
    parts = {name: getattr(facts.settings, name) for name in facts.settings.__struct_fields__}
    release = type(facts.settings.release)(image="ami-12345678")
    facts = replace(facts, settings=type(facts.settings)(**{**parts, "release": release}))
    assert worst(table.findings(facts)) is Level.WARNING
