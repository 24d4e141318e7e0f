"""The API's errors and answers, through boto3: one test for each error code."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.lab.balancer.envoy import EnvoyFailed
from tests.lab_balancer.rig import ANY_PATH, Rig, fixed, forward, until

pytestmark = pytest.mark.lab

NO_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/no/0123456789abcdef"


def refused(call: Callable[..., Any], **params: Any) -> str:
    """The error code with which the API answers."""
    with pytest.raises(ClientError) as error:
        call(**params)
    return str(error.value.response["Error"]["Code"])


def test_weights_and_groups_are_validated_on_every_way_in(rig: Rig) -> None:
    group, other = rig.group(), rig.group()
    listener, _port = rig.listener()
    rule = rig.rule(listener, 1, [ANY_PATH], forward((group, 1)))
    for bad, code in {
        (group, 1000): "ValidationError",
        (NO_GROUP, 1): "TargetGroupNotFound",
        (group, 0): "InvalidLoadBalancerAction",
    }.items():
        action = [forward(bad)]
        assert refused(rig.elb.modify_rule, RuleArn=rule, Actions=action) == code
        assert (
            refused(
                rig.elb.create_rule,
                ListenerArn=listener,
                Priority=2,
                Conditions=[ANY_PATH],
                Actions=action,
            )
            == code
        )
        modify = {"ListenerArn": listener, "DefaultActions": action}
        assert refused(rig.elb.modify_listener, **modify) == code
        create = {"LoadBalancerArn": rig.arn, "Protocol": "HTTP", "Port": 9999}
        assert refused(rig.elb.create_listener, **create, DefaultActions=action) == code
    six = forward(*[(group, 1)] * 3, *[(other, 1)] * 3)
    assert refused(rig.elb.modify_rule, RuleArn=rule, Actions=[six]) == "InvalidLoadBalancerAction"
    (stored,) = rig.elb.describe_rules(RuleArns=[rule])["Rules"]
    assert stored["Actions"][0]["ForwardConfig"]["TargetGroups"] == [
        {"TargetGroupArn": group, "Weight": 1}
    ]


def test_what_is_described_is_what_was_written(rig: Rig) -> None:
    blue, green = rig.group(), rig.group()
    listener, port = rig.listener([forward((blue, 90), (green, 10), sticky_s=60)])
    (told,) = rig.elb.describe_listeners(ListenerArns=[listener])["Listeners"]
    assert (told["Port"], told["Protocol"]) == (port, "HTTP")
    config = told["DefaultActions"][0]["ForwardConfig"]
    assert {each["TargetGroupArn"]: each["Weight"] for each in config["TargetGroups"]} == {
        blue: 90,
        green: 10,
    }
    assert config["TargetGroupStickinessConfig"] == {"Enabled": True, "DurationSeconds": 60}
    rule = rig.rule(listener, 7, [ANY_PATH], forward((blue, 5)))
    (stored,) = rig.elb.describe_rules(RuleArns=[rule])["Rules"]
    assert (stored["Priority"], stored["IsDefault"]) == ("7", False)
    assert stored["Actions"][0]["TargetGroupArn"] == blue
    assert stored["Conditions"][0]["PathPatternConfig"] == {"Values": ["/*"]}
    owners = rig.elb.describe_target_groups(TargetGroupArns=[blue])["TargetGroups"][0]
    assert owners["LoadBalancerArns"] == [rig.arn]


def test_target_group_association_limit(rig: Rig) -> None:
    group = rig.group()
    rig.listener([forward((group, 1))])
    arn, _address = rig.load_balancer("rival")
    params = {"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 9998}
    code = refused(rig.elb.create_listener, **params, DefaultActions=[forward((group, 1))])
    assert code == "TargetGroupAssociationLimit"


def test_priorities_are_unique_and_in_range(rig: Rig) -> None:
    listener, _port = rig.listener()
    first = rig.rule(listener, 1, [ANY_PATH], fixed())
    second = rig.rule(listener, 2, [ANY_PATH], fixed())
    new = {"ListenerArn": listener, "Conditions": [ANY_PATH], "Actions": [fixed()]}
    assert refused(rig.elb.create_rule, Priority=1, **new) == "PriorityInUse"
    assert refused(rig.elb.create_rule, Priority=50_001, **new) == "ValidationError"
    taken = [{"RuleArn": second, "Priority": 1}]
    assert refused(rig.elb.set_rule_priorities, RulePriorities=taken) == "PriorityInUse"
    assert [
        each["Priority"] for each in rig.elb.describe_rules(RuleArns=[first, second])["Rules"]
    ] == ["1", "2"]


def test_the_default_rule_is_not_a_rule_like_others(rig: Rig) -> None:
    listener, _port = rig.listener()
    rules = rig.elb.describe_rules(ListenerArn=listener)["Rules"]
    (default,) = [each["RuleArn"] for each in rules if each["IsDefault"]]
    assert refused(rig.elb.delete_rule, RuleArn=default) == "OperationNotPermitted"
    modify = {"RuleArn": default, "Actions": [fixed()]}
    assert refused(rig.elb.modify_rule, **modify) == "OperationNotPermitted"


def test_things_that_are_not_there(rig: Rig) -> None:
    listener, _port = rig.listener()
    rule = rig.rule(listener, 1, [ANY_PATH], fixed())
    assert refused(rig.elb.delete_rule, RuleArn=rule + "x") == "RuleNotFound"
    assert refused(rig.elb.delete_listener, ListenerArn=listener + "x") == "ListenerNotFound"
    new = {"Protocol": "HTTP", "Port": 9997, "DefaultActions": [fixed()]}
    unknown = rig.arn + "x"
    assert (
        refused(rig.elb.create_listener, LoadBalancerArn=unknown, **new) == "LoadBalancerNotFound"
    )
    for call, params in (
        (rig.elb.describe_target_health, {}),
        (rig.elb.delete_target_group, {}),
        (rig.elb.modify_target_group, {"HealthCheckPath": "/x"}),
        (rig.elb.modify_target_group_attributes, {"Attributes": []}),
        (rig.elb.register_targets, {"Targets": [{"Id": rig.ids[0]}]}),
        (rig.elb.deregister_targets, {"Targets": [{"Id": rig.ids[0]}]}),
    ):
        assert refused(call, TargetGroupArn=NO_GROUP, **params) == "TargetGroupNotFound"


def test_a_port_serves_one_listener(rig: Rig) -> None:
    listener, port = rig.listener()
    _other, second = rig.listener()
    new = {"LoadBalancerArn": rig.arn, "Protocol": "HTTP", "DefaultActions": [fixed()]}
    assert refused(rig.elb.create_listener, Port=port, **new) == "DuplicateListener"
    moved = {"ListenerArn": listener, "Port": second}
    assert refused(rig.elb.modify_listener, **moved) == "DuplicateListener"


def test_a_port_that_the_machine_does_not_give_is_told(rig: Rig) -> None:
    with socket.create_server((rig.address, 9996)):
        new = {"LoadBalancerArn": rig.arn, "Protocol": "HTTP", "DefaultActions": [fixed()]}
        assert refused(rig.elb.create_listener, Port=9996, **new) == "InvalidConfigurationRequest"


def test_a_listener_may_move_to_another_port(rig: Rig) -> None:
    listener, port = rig.listener([fixed(200, "here")])
    rig.elb.modify_listener(ListenerArn=listener, Port=9995)
    assert rig.ask(9995).body == "here"
    until(lambda: gone(rig, port), "the old port closed")


def gone(rig: Rig, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((rig.address, port)) != 0


def test_what_the_lab_has_not_is_refused_by_name(rig: Rig) -> None:
    listener, _port = rig.listener()
    tls = {"LoadBalancerArn": rig.arn, "Protocol": "TLS", "Port": 9994}
    for call, params, words in (
        (rig.elb.create_listener, {**tls, "DefaultActions": [fixed()]}, "'TLS'"),
        (rig.elb.modify_listener, {"ListenerArn": listener, "Protocol": "TLS"}, "'TLS'"),
        (
            rig.elb.create_load_balancer,
            {"Name": "n", "Subnets": rig.subnets, "Type": "network"},
            "network",
        ),
        (
            rig.elb.set_ip_address_type,
            {"LoadBalancerArn": rig.arn, "IpAddressType": "dualstack"},
            "address types",
        ),
        (
            rig.elb.add_listener_certificates,
            {"ListenerArn": listener, "Certificates": [{"CertificateArn": "arn:c"}]},
            "several certificates",
        ),
    ):
        with pytest.raises(ClientError, match=words) as error:
            call(**params)
        assert error.value.response["Error"]["Code"] == "NotImplemented"


def test_a_group_in_use_is_not_deleted(rig: Rig) -> None:
    group = rig.group()
    listener, _port = rig.listener()
    rule = rig.rule(listener, 1, [ANY_PATH], forward((group, 1)))
    assert refused(rig.elb.delete_target_group, TargetGroupArn=group) == "ResourceInUse"
    rig.elb.delete_rule(RuleArn=rule)
    second = rig.group()
    rig.elb.modify_listener(ListenerArn=listener, DefaultActions=[forward((second, 1))])
    assert refused(rig.elb.delete_target_group, TargetGroupArn=second) == "ResourceInUse"


def test_only_running_instances_are_registered(rig: Rig) -> None:
    group = rig.group()
    (stopped,) = rig.launch(1)
    rig.ec2.stop_instances(InstanceIds=[stopped])
    for target in (stopped, "i-0123456789abcdef0"):
        params = {"TargetGroupArn": group, "Targets": [{"Id": rig.ids[0]}, {"Id": target}]}
        assert refused(rig.elb.register_targets, **params) == "InvalidTarget"
    assert rig.health(group) == {}  # all or nothing


def test_a_target_that_is_not_registered_is_unused_and_deregistering_it_is_no_error(
    rig: Rig,
) -> None:
    group = rig.group()
    rig.deregister(group, rig.ids[0])
    assert rig.health(group, rig.ids[0]) == {rig.ids[0]: ("unused", "Target.NotRegistered")}
    assert rig.health(group) == {}


def test_target_stickiness_needs_group_stickiness_in_weighted_rules(rig: Rig) -> None:
    blue, green = rig.group(), rig.group()
    rig.listener([forward((blue, 1), (green, 1))])
    told = [{"Key": "stickiness.enabled", "Value": "true"}]
    params = {"TargetGroupArn": blue, "Attributes": told}
    code = refused(rig.elb.modify_target_group_attributes, **params)
    assert code == "InvalidConfigurationRequest"


def test_attributes_are_checked_stored_and_told(rig: Rig) -> None:
    group = rig.group()
    rig.set_attributes(group, deregistration_delay__timeout_seconds="3600")
    told = rig.elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "3600"} in told
    bad = [{"Key": "deregistration_delay.timeout_seconds", "Value": "3601"}]
    code = refused(rig.elb.modify_target_group_attributes, TargetGroupArn=group, Attributes=bad)
    assert code == "ValidationError"
    unknown = {"LoadBalancerArn": rig.arn, "Attributes": [{"Key": "no.such", "Value": "1"}]}
    assert refused(rig.elb.modify_load_balancer_attributes, **unknown) == "ValidationError"


def test_a_protected_load_balancer_is_not_deleted(rig: Rig) -> None:
    arn, _address = rig.load_balancer("guarded")

    def protect(value: str) -> None:
        told = [{"Key": "deletion_protection.enabled", "Value": value}]
        rig.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=told)

    protect("true")
    code = refused(rig.elb.delete_load_balancer, LoadBalancerArn=arn)
    protect("false")
    assert code == "OperationNotPermitted"


def test_names_of_load_balancers_are_unique(rig: Rig) -> None:
    params = {"Name": "main", "Subnets": rig.subnets}
    assert refused(rig.elb.create_load_balancer, **params) == "DuplicateLoadBalancerName"


def test_health_check_settings_are_kept_and_told(rig: Rig) -> None:
    group = rig.group(check={"Matcher": {"HttpCode": "200-299"}})
    (told,) = rig.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert told["Matcher"] == {"HttpCode": "200-299"}
    rig.elb.modify_target_group(
        TargetGroupArn=group, HealthCheckIntervalSeconds=10, Matcher={"HttpCode": "204"}
    )
    (told,) = rig.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert (told["HealthCheckIntervalSeconds"], told["Matcher"]) == (10, {"HttpCode": "204"})
    params = {"TargetGroupArn": group, "HealthCheckTimeoutSeconds": 10}
    assert refused(rig.elb.modify_target_group, **params) == "ValidationError"


def test_what_envoy_refuses_breaks_the_lab_loudly(rig: Rig) -> None:
    clusters = rig.context.directory / "balancer" / "cds" / "all.json"
    good = clusters.read_text()

    def put(text: str) -> None:
        draft = clusters.with_suffix(".draft")
        draft.write_text(text)
        draft.rename(clusters)

    def complained() -> bool:
        try:
            rig.balancer.poll(rig.context.clock.now())
        except EnvoyFailed as failure:
            return "cds.update_rejected" in str(failure)
        return False

    with rig.paused():
        assert not complained()
        put('{"resources": [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster"}]}')
        until(complained, "the refusal told")
        put(good)
    assert rig.balancer.envoy.rejections() == []
