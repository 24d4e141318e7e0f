"""How little harm any rule could do: Wald's bound, and the delay of the metrics.

No test of level alpha can stop before E[n] = ln(1/alpha) / KL(p_c || p_s) requests to the candidate, even
if it knew the stable rate (Wald 1945). Failures that come in clusters of c tell as much as one in c of them
would: the clusters are what is independent. And nobody can stop before the first minute has been published, with the
least weight at which the fault shows at all.
"""

import math

from benchmarks.analysis.play import DELAY_MIN
from benchmarks.analysis.scenarios import Scenario
from benchmarks.analysis.stream import EDGES

ALPHA = 0.01
PROBE_MINUTE, PROBE_SHARE = 60, 500  # when and where every fault of a scenario shows
SHARES = EDGES[1:]
NOTHING = 1e-9  # rates that differ by rounding alone


def least_harm(scenario: Scenario) -> float:
    """Expected bad requests below which no rule can stay: of the metric that tells more."""
    own = scenario.candidate(PROBE_MINUTE, PROBE_SHARE)
    usual = scenario.stable(PROBE_MINUTE)
    failing, slow = (divergence(p, q) for p, q in zip(own, usual, strict=True))
    told = max(failing / scenario.cluster, slow)
    return max((sum(own) - sum(usual)) * math.log(1 / ALPHA) / told, unavoidable(scenario))


def unavoidable(scenario: Scenario) -> float:
    """Bad requests until the first minute in which the fault shows has been published."""
    usual = sum(scenario.stable(PROBE_MINUTE))
    shown = (
        share / 1000 * (sum(scenario.candidate(PROBE_MINUTE, share)) - usual) for share in SHARES
    )
    least = min(added for added in shown if added > NOTHING)
    return scenario.requests(0) * (DELAY_MIN + 1) * least


def divergence(p: float, q: float) -> float:
    """Kullback-Leibler, of one request, in nats."""
    if p <= q:
        return 0.0
    rest = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return p * math.log(p / q) + rest
