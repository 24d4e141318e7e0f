"""What flowed: Envoy's access log, one line for each finished request, added up.

Why the access log and not Envoy's statistics: `cluster.X.upstream_rq_5xx` counts Envoy's own
answers as the target's, and which request was sent to an unhealthy target is not told at all
(lab.md C, "Metric trap"). A line says exactly what happened to one request. It costs about 10 us
of our time, 1 % of a core at 1,000 requests/s; the lines come through a pipe, never a file on disk.
"""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.lab.balancer.clusters import LOG_FIELD
from deployer.lab.balancer.model import Fleet
from deployer.lab.balancer.routes import FIXED, FORWARD
from deployer.lab.traffic import BalancerTraffic, GroupTraffic, Traffic

# Latency buckets: upper bounds grow by 10^(1/40), 5.9 %, so percentiles are that exact.
STEPS_PER_DECADE = 40
NONE = "-"
Zones = Mapping[str, tuple[int, int]]  # by zone: healthy and unhealthy targets
_FIELDS = (
    "%UPSTREAM_CLUSTER_RAW%",
    "%UPSTREAM_HOST%",
    "%RESPONSE_CODE%",
    "%RESPONSE_CODE_DETAILS%",
    "%RESPONSE_FLAGS%",
    "%ROUTE_NAME%",
    # From the request's first byte to the target until the first byte of its answer
    # (TargetResponseTime, aws-facts 2).
    "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:us)%",
    f"%UPSTREAM_METADATA({LOG_FIELD}:fail_open)%",
    f"%UPSTREAM_METADATA({LOG_FIELD}:zone)%",
)


def access_log_format(balancer: str) -> str:
    """Envoy's format string for the lines that `Counters.feed` reads."""
    return "\t".join((balancer, *_FIELDS)) + "\n"


@dataclass(slots=True)
class GroupCounts:
    """One target group's counts in one zone; see `deployer.lab.traffic.GroupTraffic`."""

    requests: int = 0
    connection_errors: int = 0
    fail_open: int = 0
    responses: Counter[str] = field(default_factory=Counter)
    latency: Counter[float] = field(default_factory=Counter)


@dataclass(slots=True)
class BalancerCounts:
    """One load balancer's counts; see `deployer.lab.traffic.BalancerTraffic`."""

    requests: int = 0
    fixed_responses: int = 0
    elb_5xx: Counter[str] = field(default_factory=Counter)


class Counters:
    """Cumulative counts by load balancer and target group (CloudWatch dimension values)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.groups: defaultdict[str, dict[str, GroupCounts]] = defaultdict(dict)
        self.balancers: defaultdict[str, BalancerCounts] = defaultdict(BalancerCounts)

    def feed(self, line: str) -> None:
        """Count one request. The caller holds `lock`."""
        balancer, cluster, host, code, details, flags, route, taken_us, fail_open, zone = (
            line.split("\t")
        )
        counts = self.balancers[balancer]
        answered = details == "via_upstream"
        counts.fixed_responses += route == FIXED
        if route == FORWARD and not answered and code.startswith("5"):
            counts.elb_5xx[code] += 1
        if host == NONE:  # no target was chosen: such requests are in no RequestCount
            return
        counts.requests += 1
        group = self.groups[cluster].setdefault("" if zone == NONE else zone, GroupCounts())
        group.requests += 1
        group.connection_errors += "UF" in flags.split(",")
        group.fail_open += fail_open == "1"
        if answered:
            group.responses[f"{code[0]}XX"] += 1
            group.latency[bucket(int(taken_us) / 1e6)] += 1

    def traffic(self, fleet: Fleet, targets: Mapping[str, Zones]) -> Traffic:
        """A reading; `targets`: how many of each group's are healthy and unhealthy, by zone."""
        with self.lock:
            return Traffic(
                balancers=tuple(self._balancer(each.name) for each in fleet.balancers),
                groups=tuple(
                    self._group(each.name, name, zone, targets[name].get(zone, (0, 0)))
                    for each in fleet.balancers
                    for name in sorted(each.groups() & targets.keys())
                    for zone in sorted(self.groups[name].keys() | targets[name].keys()) or [""]
                ),
            )

    def _balancer(self, name: str) -> BalancerTraffic:
        counts = self.balancers[name]
        return BalancerTraffic(
            load_balancer=name,
            requests=counts.requests,
            elb_5xx=dict(counts.elb_5xx),
            fixed_responses=counts.fixed_responses,
        )

    def _group(self, balancer: str, name: str, zone: str, targets: tuple[int, int]) -> GroupTraffic:
        counts = self.groups[name].get(zone) or GroupCounts()
        return GroupTraffic(
            load_balancer=balancer,
            target_group=name,
            requests=counts.requests,
            responses=dict(counts.responses),
            connection_errors=counts.connection_errors,
            latency=dict(counts.latency),
            fail_open=counts.fail_open,
            healthy=targets[0],
            unhealthy=targets[1],
            zone=zone,
        )


def bucket(duration_s: float) -> float:
    """Upper bound, in seconds, of the latency bucket that `duration_s` falls into."""
    step = math.ceil(math.log10(max(duration_s, 1e-6)) * STEPS_PER_DECADE - 1e-9)
    return float(f"{10 ** (step / STEPS_PER_DECADE):.6g}")
