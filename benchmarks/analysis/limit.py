"""How little harm any rule could do: Wald's bound, and the delay of the metrics.

No test of level alpha can stop before E[n] = ln(1/alpha) / KL(p_c || p_s) requests to the candidate, even
if it knew the stable rate (Wald 1945); and nobody can stop before the first minute has been published,
with the least weight that a load balancer has.
"""

import math

from benchmarks.analysis.play import DELAY_MIN
from benchmarks.analysis.scenarios import Scenario

ALPHA = 0.01
LEAST_SHARE = 0.001
PROBE_MINUTE, PROBE_SHARE = 60, 500  # when and where every fault of a scenario shows


def least_harm(scenario: Scenario) -> float:
    """Expected bad requests below which no rule can stay: of the metric that tells more."""
    own = scenario.candidate(PROBE_MINUTE, PROBE_SHARE)
    usual = scenario.stable(PROBE_MINUTE)
    added = sum(own) - sum(usual)
    nats = max(divergence(p, q) for p, q in zip(own, usual, strict=True))
    unavoidable = LEAST_SHARE * scenario.requests(0) * (DELAY_MIN + 1) * added
    return max(added * math.log(1 / ALPHA) / nats, unavoidable)


def divergence(p: float, q: float) -> float:
    """Kullback-Leibler, of one request, in nats."""
    if p <= q:
        return 0.0
    rest = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return p * math.log(p / q) + rest
