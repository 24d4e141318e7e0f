"""A real balancer (Envoy, moto in-process), real targets, and the words to test them in."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deployer.lab import actions, home, inprocess, server
from deployer.lab.balancer.component import Balancer
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock
from tests.lab_balancer.targets import PORT, App, Client, Reply

SCALE = 25.0  # the shortest health check interval, 5 s, becomes the floor of 0.2 s
DELAY_S = 25  # virtual, of deregistration
PATIENCE_S = 15.0


def until(fact: Callable[[], object], what: str) -> None:
    """Wait for `fact` to hold; fails the test if it does not come true."""
    deadline = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < deadline, f"never came true: {what}"
        threading.Event().wait(0.01)


class Rig:
    """One load balancer and four running instances, each with an application."""

    def __init__(self, directory: Path) -> None:
        clock = ScaledClock(time.time(), SCALE)
        network, self._guard = home.claim_network()
        self.context = Context(
            directory=directory, network=network, endpoint="http://localhost:1", clock=clock
        )
        actions.install(self.context)
        self.balancer = Balancer(self.context)
        self.ec2: Any = inprocess.client(self.context, "ec2")
        self.elb: Any = inprocess.client(self.context, "elbv2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self._subnet(1, "us-east-1a"), self._subnet(2, "us-east-1b")]
        self.apps: dict[str, App] = {}
        self.made: list[tuple[int, Callable[[], object]]] = []  # (order, how to undo it)
        self.ids = self.launch(4)
        self.arn, self.address = self.load_balancer("main")
        self._ports = iter(range(9000, 9900))
        self._groups = iter(range(1000))
        self._done = threading.Event()
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._pump.start()

    def _subnet(self, third: int, zone: str) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock=f"10.0.{third}.0/24", AvailabilityZone=zone
        )
        return str(made["Subnet"]["SubnetId"])

    def launch(self, count: int) -> list[str]:
        """Run instances, with an application on each."""
        made = self.ec2.run_instances(
            ImageId="ami-12345678", MinCount=count, MaxCount=count, SubnetId=self.subnets[0]
        )["Instances"]
        for each in made:
            address = self.context.instance_address(each["PrivateIpAddress"])
            self.apps[each["InstanceId"]] = App(each["InstanceId"], address)
        return [each["InstanceId"] for each in made]

    def load_balancer(self, name: str) -> tuple[str, str]:
        made = self.elb.create_load_balancer(Name=name, Subnets=self.subnets)["LoadBalancers"][0]
        arn = str(made["LoadBalancerArn"])
        self.made.append((1, lambda: self.elb.delete_load_balancer(LoadBalancerArn=arn)))
        return arn, str(made["DNSName"])

    def _run(self) -> None:
        while not self._done.wait(0.02):
            with self.context.lock:
                self.balancer.tick(self.context.clock.now())
            self.balancer.poll(self.context.clock.now())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing happens in time: no tick, no poll."""
        self._done.set()
        self._pump.join()
        yield
        self._done.clear()
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._pump.start()

    def close(self) -> None:
        """End everything, and forget what moto knows."""
        self._done.set()
        self._pump.join()
        self.balancer.close()
        for app in self.apps.values():
            app.gate.set()
            app.stop()
        self._guard.close()
        server.reset()

    def undo(self, kept: int) -> None:
        """Delete what was made after the first `kept` things: listeners, their owners, groups."""
        made, self.made = self.made[kept:], self.made[:kept]
        for _order, delete in sorted(made, key=lambda each: each[0]):
            delete()

    # ---- making things ----------------------------------------------------------------------

    def group(self, *ids: str, check: Any = None, **attributes: str) -> str:
        """A target group, its targets registered; attribute names with `__` for dots."""
        settings = {
            "HealthCheckPath": "/health",
            "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 2,
            "HealthyThresholdCount": 2,
            **(check or {}),
        }
        made = self.elb.create_target_group(
            Name=f"g{next(self._groups)}", Protocol="HTTP", Port=PORT, VpcId=self.vpc, **settings
        )["TargetGroups"][0]
        arn = str(made["TargetGroupArn"])
        self.made.append((2, lambda: self.elb.delete_target_group(TargetGroupArn=arn)))
        given = {"deregistration_delay__timeout_seconds": str(DELAY_S), **attributes}
        self.set_attributes(arn, **given)
        if ids:
            self.register(arn, *ids)
        return arn

    def set_attributes(self, group: str, **attributes: str) -> None:
        told = [{"Key": key.replace("__", "."), "Value": v} for key, v in attributes.items()]
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=told)

    def register(self, group: str, *ids: str) -> None:
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": each} for each in ids])

    def deregister(self, group: str, *ids: str) -> None:
        self.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": each} for each in ids])

    def listener(
        self, actions: Sequence[dict[str, Any]] | None = None, load_balancer: str = ""
    ) -> tuple[str, int]:
        """(ARN, port) of a new listener; its default action is a fixed 503 unless given."""
        port = next(self._ports)
        made = self.elb.create_listener(
            LoadBalancerArn=load_balancer or self.arn,
            Protocol="HTTP",
            Port=port,
            DefaultActions=list(actions or [fixed()]),
        )["Listeners"][0]
        arn = str(made["ListenerArn"])
        self.made.append((0, lambda: self._delete_listener(arn)))
        return arn, port

    def _delete_listener(self, arn: str) -> None:
        """It may have gone with its load balancer."""
        with suppress(self.elb.exceptions.ListenerNotFoundException):
            self.elb.delete_listener(ListenerArn=arn)

    def rule(
        self, listener: str, priority: int, conditions: Sequence[dict[str, Any]], action: Any
    ) -> str:
        made = self.elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=list(conditions),
            Actions=[action],
        )["Rules"][0]
        return str(made["RuleArn"])

    # ---- looking ----------------------------------------------------------------------------

    def health(self, group: str, *ids: str) -> dict[str, tuple[str, str]]:
        """Target id -> (state, reason)."""
        asked = {"Targets": [{"Id": each} for each in ids]} if ids else {}
        told = self.elb.describe_target_health(TargetGroupArn=group, **asked)
        return {
            each["Target"]["Id"]: (
                each["TargetHealth"]["State"],
                each["TargetHealth"].get("Reason", ""),
            )
            for each in told["TargetHealthDescriptions"]
        }

    def states(self, group: str) -> dict[str, str]:
        return {target: state for target, (state, _reason) in self.health(group).items()}

    def until_healthy(self, *groups: str) -> None:
        def states() -> set[str]:
            return {state for group in groups for state in self.states(group).values()}

        until(lambda: states() == {"healthy"}, f"{groups} healthy")

    def until_serving(self, port: int, address: str = "") -> None:
        """Envoy has heard of it, too: the default action or a healthy target answers."""
        until(lambda: self.ask(port, address=address).status == 200, "requests answered")

    def ask(
        self, port: int, path: str = "/", method: str = "GET", address: str = "", **headers: str
    ) -> Reply:
        with Client(address or self.address, port) as client:
            return client.get(path, method, **headers)

    def tally(self, port: int, requests: int, path: str = "/", **headers: str) -> Counter[str]:
        """Who answered `requests` requests on one connection; the status if nobody did."""
        with Client(self.address, port) as client:
            replies = [client.get(path, **headers) for _ in range(requests)]
        return Counter(reply.name or str(reply.status) for reply in replies)


def forward(*shares: tuple[str, int], sticky_s: int = 0) -> dict[str, Any]:
    """A forward action over (target group, weight)."""
    config: dict[str, Any] = {
        "TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares]
    }
    if sticky_s:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky_s}
    return {"Type": "forward", "ForwardConfig": config}


def fixed(status: int = 503, body: str = "nobody here") -> dict[str, Any]:
    return {
        "Type": "fixed-response",
        "FixedResponseConfig": {
            "StatusCode": str(status),
            "ContentType": "text/plain",
            "MessageBody": body,
        },
    }


ANY_PATH = {"Field": "path-pattern", "Values": ["/*"]}
