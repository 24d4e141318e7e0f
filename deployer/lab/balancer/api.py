"""Elastic Load Balancing v2 as AWS tells it: load balancers, listeners and rules.

Each handler checks, lets moto store, puts what is stored into AWS's normal form, and publishes to
Envoy before it answers: traffic feels the change within milliseconds of the call.
Target groups and targets: api_groups.
"""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from moto.elbv2.models import FakeAction

from deployer.lab import actions
from deployer.lab.balancer import attributes, rule_actions, rule_conditions, tls
from deployer.lab.balancer.data_plane import DataPlane
from deployer.lab.balancer.refusals import invalid, not_simulated, whole
from deployer.lab.balancer.state import is_true
from deployer.lab.wire import Refused

Json = dict[str, Any]

# Nothing in the lab depends on these, and moto answers them: they are left to it.
LEFT_TO_MOTO = [
    "AddTags",
    "RemoveTags",
    "DescribeTags",
    "DescribeLoadBalancers",
    "DescribeListeners",
    "DescribeRules",
    "DescribeTargetGroups",
    "DescribeTargetGroupAttributes",
    "DescribeLoadBalancerAttributes",
    "DescribeListenerAttributes",
    "DescribeListenerCertificates",
    "DescribeSSLPolicies",
    "DescribeAccountLimits",
    "SetSecurityGroups",
    "SetSubnets",
    "DescribeCapacityReservation",
]
# Things of mutual TLS, of other kinds of load balancers, or of the data plane that the lab has not.
REFUSED = {
    "AddListenerCertificates": "several certificates of one listener",
    "RemoveListenerCertificates": "several certificates of one listener",
    "ModifyListenerAttributes": "listener attributes",
    "SetIpAddressType": "other address types than ipv4",
    "ModifyCapacityReservation": "capacity reservations",
    "ModifyIpPools": "address pools",
    "CreateTrustStore": "mutual TLS",
}


class Api:
    """Handlers for load balancers, listeners and rules."""

    def __init__(self, balancer: DataPlane) -> None:
        self.balancer = balancer

    def install(self) -> None:
        """Take over the actions."""
        for handler in (
            self.create_load_balancer,
            self.delete_load_balancer,
            self.modify_load_balancer_attributes,
            self.create_listener,
            self.modify_listener,
            self.delete_listener,
            self.create_rule,
            self.modify_rule,
            self.delete_rule,
            self.set_rule_priorities,
        ):
            name = "".join(part.title() for part in handler.__name__.split("_"))
            actions.replace("elbv2", name, handler)
        for action, what in REFUSED.items():
            actions.replace("elbv2", action, _refusal(what))

    # ---- load balancers ---------------------------------------------------------------------

    def create_load_balancer(self, call: actions.Call, params: Json) -> Json:
        """An Application Load Balancer; its DNS name is its loopback address."""
        if params.get("Type", "application") != "application":
            raise not_simulated(f"load balancers of type '{params['Type']}'")
        if params.get("IpAddressType", "ipv4") != "ipv4":
            raise not_simulated(f"the address type '{params['IpAddressType']}'")
        for each in self.balancer.store.load_balancers.values():
            if each.name == params.get("Name"):
                raise Refused(
                    "DuplicateLoadBalancerName",
                    f"A load balancer with the same name '{each.name}' exists",
                )
        result = call.moto()
        self.balancer.publish()
        made = result["LoadBalancers"][0]
        made["DNSName"] = self.balancer.store.load_balancers[made["LoadBalancerArn"]].dns_name
        return result

    def delete_load_balancer(self, call: actions.Call, params: Json) -> Json:
        """Its listeners and rules go with it; an unknown one is no error."""
        stored = self.balancer.store.load_balancers.get(params["LoadBalancerArn"])
        if stored is not None and is_true(stored.attrs.get("deletion_protection.enabled")):
            raise Refused(
                "OperationNotPermitted",
                f"Load balancer '{stored.arn}' cannot be deleted because deletion protection is "
                "enabled",
            )
        return self._published(call.moto())

    def modify_load_balancer_attributes(self, call: actions.Call, params: Json) -> Json:
        given = {each["Key"]: each.get("Value", "") for each in params["Attributes"]}
        attributes.check(attributes.LOAD_BALANCER, given, "Load balancer")
        return self._published(call.moto())

    # ---- listeners --------------------------------------------------------------------------

    def create_listener(self, call: actions.Call, params: Json) -> Json:
        """Answers when the listener takes connections."""
        arn = params["LoadBalancerArn"]
        stored = self.balancer.store.load_balancers.get(arn)
        if stored is None:
            raise Refused("LoadBalancerNotFound", f"Load balancers '[{arn}]' not found")
        tls.check(params, None, self.balancer.certificates)
        self._check_port(stored, whole("Port", params.get("Port"), 1, 65535))
        normal = rule_actions.actions(params.get("DefaultActions") or [], self._setting(arn))
        result = call.moto()
        made = result["Listeners"][0]
        self._store_default(self._listener(made["ListenerArn"]), normal)
        made["DefaultActions"] = normal
        self.balancer.publish()
        self.balancer.await_listening(stored.dns_name, made["Port"])
        return result

    def modify_listener(self, call: actions.Call, params: Json) -> Json:
        stored = self._listener(params["ListenerArn"])
        tls.check(params, stored, self.balancer.certificates)
        owner = self.balancer.store.load_balancers[stored.load_balancer_arn]
        port = whole("Port", params.get("Port") or stored.port, 1, 65535)
        moved = port != int(stored.port)
        if moved:
            self._check_port(owner, port)
        given = params.get("DefaultActions")
        normal = rule_actions.actions(given, self._setting(owner.arn)) if given else None
        result = call.moto()
        if normal is not None:
            self._store_default(stored, normal)
            result["Listeners"][0]["DefaultActions"] = normal
        self.balancer.publish()
        if moved:
            self.balancer.await_listening(owner.dns_name, port)
        return result

    def delete_listener(self, call: actions.Call, params: Json) -> Json:
        self._listener(params["ListenerArn"])
        return self._published(call.moto())

    def _check_port(self, stored: Any, port: int) -> None:
        """The port is free: on AWS's load balancer, and on this machine.

        Raises:
            Refused: it is not.
        """
        if any(int(each.port) == port for each in stored.listeners.values()):
            raise Refused(
                "DuplicateListener",
                f"A listener already exists on this port for this load balancer '{stored.arn}'",
            )
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((stored.dns_name, port))
            except OSError as problem:
                raise Refused(
                    "InvalidConfigurationRequest",
                    f"the lab cannot listen on {stored.dns_name}:{port} ({problem.strerror}); "
                    "choose another port",
                ) from problem

    # ---- rules ------------------------------------------------------------------------------

    def create_rule(self, call: actions.Call, params: Json) -> Json:
        listener = self._listener(params["ListenerArn"])
        self._check_transforms(params)
        priority = whole("Priority", params.get("Priority"), 1, 50_000)
        if any(each.priority == priority for each in listener.rules.values()):
            raise Refused("PriorityInUse", f"Priority '{priority}' is currently in use")
        if len(listener.rules) > 100:
            raise Refused("TooManyRules", "The maximum number of rules has been reached")
        conditions = rule_conditions.conditions(params.get("Conditions") or [])
        normal = rule_actions.actions(
            params.get("Actions") or [], self._setting(listener.load_balancer_arn)
        )
        return self._stored_rule(call, conditions, normal)

    def modify_rule(self, call: actions.Call, params: Json) -> Json:
        listener, stored = self._rule(params["RuleArn"], "modified")
        self._check_transforms(params)
        given, said = params.get("Actions"), params.get("Conditions")
        if not given and not said:
            raise invalid("Either conditions or actions must be specified")
        setting = self._setting(listener.load_balancer_arn)
        normal = (
            rule_actions.actions(given, setting)
            if given
            else [action.data for action in stored.actions]
        )
        conditions = rule_conditions.conditions(said) if said else stored.conditions
        return self._stored_rule(call, conditions, normal)

    def _stored_rule(
        self, call: actions.Call, conditions: Sequence[Json], normal: list[Json]
    ) -> Json:
        result = call.moto()
        made = result["Rules"][0]
        stored = self._rule(made["RuleArn"], "stored")[1]
        stored.conditions, stored.actions = list(conditions), [FakeAction(each) for each in normal]
        made["Conditions"], made["Actions"] = stored.conditions, normal
        return self._published(result)

    def delete_rule(self, call: actions.Call, params: Json) -> Json:
        self._rule(params["RuleArn"], "deleted")
        return self._published(call.moto())

    def set_rule_priorities(self, _call: actions.Call, params: Json) -> Json:
        """All at once: rules may swap priorities, which moto refuses."""
        wanted: dict[str, int] = {}
        listeners = set()
        for each in params["RulePriorities"]:
            listener, stored = self._rule(each["RuleArn"], "reordered")
            listeners.add(listener.arn)
            wanted[stored.arn] = whole("Priority", each.get("Priority"), 1, 50_000)
        if len(listeners) > 1:
            raise invalid("Rules must belong to the same listener")
        rules = self._listener(listeners.pop()).rules.values()
        after = [wanted.get(rule.arn, rule.priority) for rule in rules]
        taken = sorted({at for at in wanted.values() if after.count(at) > 1})
        if taken:
            raise Refused("PriorityInUse", f"Priority '{taken[0]}' is currently in use")
        changed = [rule for rule in rules if rule.arn in wanted]
        for rule in changed:
            rule.priority = wanted[rule.arn]
        self.balancer.publish()
        return {"Rules": [_told(rule) for rule in changed]}

    # ---- lookups ----------------------------------------------------------------------------

    def _published(self, result: Json) -> Json:
        self.balancer.publish()
        return result

    def _listener(self, arn: str) -> Any:
        for each in self.balancer.store.load_balancers.values():
            if arn in each.listeners:
                return each.listeners[arn]
        raise Refused("ListenerNotFound", f"Listeners '{arn}' not found")

    def _rule(self, arn: str, change: str) -> tuple[Any, Any]:
        """(listener, rule) of an ARN; the default rule is not changed this way."""
        for each in self.balancer.store.load_balancers.values():
            for listener in each.listeners.values():
                for rule in listener.rules.values():
                    if rule.arn == arn and rule.is_default:
                        raise Refused(
                            "OperationNotPermitted", f"Default rule '{arn}' cannot be {change}"
                        )
                    if rule.arn == arn:
                        return listener, rule
        raise Refused("RuleNotFound", f"Rules '{arn}' not found")

    def _store_default(self, listener: Any, normal: Sequence[Json]) -> None:
        stored = [FakeAction(each) for each in normal]
        listener.default_actions = stored
        listener._default_rule[0].actions = stored  # noqa: SLF001  moto keeps it twice

    def _setting(self, load_balancer: str) -> rule_actions.Setting:
        fleet = self.balancer.fleet
        owners = {
            group.arn: owner.arn if (owner := fleet.owner(group.name)) else None
            for group in fleet.groups.values()
        }
        sticky = frozenset(g.arn for g in fleet.groups.values() if g.sticky_s is not None)
        return rule_actions.Setting(load_balancer, owners, sticky)

    def _check_transforms(self, params: Mapping[str, Any]) -> None:
        if params.get("Transforms") or params.get("ResetTransforms"):
            raise not_simulated("rule transforms")


def _refusal(what: str) -> actions.Handler:
    def refuse(_call: actions.Call, _params: Json) -> Json:
        raise not_simulated(what)

    return refuse


def _told(rule: Any) -> Json:
    """A rule as the API describes it."""
    return {
        "RuleArn": rule.arn,
        "Priority": str(rule.priority),
        "Conditions": rule.conditions,
        "Actions": [action.data for action in rule.actions],
        "IsDefault": rule.is_default,
    }
