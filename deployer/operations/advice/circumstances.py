"""What is known of an environment, and what follows from it by reckoning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deployer.analysis.dispersion import Base
from deployer.analysis.forecast import beforehand
from deployer.analysis.limits import Limits
from deployer.operations.advice.questions import Criticality, Database, Spare, Stage, Together

MONTH_S = 30 * 86_400
PART = 0.01  # of what is left of a month's error budget may go to one bad release
HALF = 500  # per mille: where a ramp waits for its verdict
Fact = str | float | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The answers.

    sla:          availability promised, percent, 0..100; 0: none.
    error_budget: what is left of the month's, percent, 0..100.
    traffic:      requests a second of all users; None: unknown.
    usual:        how failures and slow answers are in the traffic, by metric; empty: unknown.
    """

    stage: Stage = Stage.PRODUCTION
    criticality: Criticality = Criticality.MEDIUM
    sla: float = 0.0
    error_budget: float = 100.0
    traffic: float | None = None
    together: Together = Together.YES
    spare: Spare = Spare.DOUBLE
    database: Database = Database.NONE
    usual: Mapping[str, Base] = field(default_factory=lambda: MappingProxyType({}))


def facts(of: Circumstances) -> dict[str, Fact]:
    """What the table's conditions look at: the answers, and what follows from them."""
    return {
        "stage": of.stage,
        "criticality": of.criticality,
        "sla": of.sla,
        "error-budget": of.error_budget,
        "traffic": of.traffic,
        "two-versions": of.together,
        "budget": of.spare,
        "database": of.database,
        "verdict": verdict_min(of),
        "affordable": affordable(of),
    }


def verdict_min(of: Circumstances) -> float | None:
    """Minutes until a good release is called good with half of the traffic; None: never, or unknown."""
    if not of.traffic:
        return None
    found = beforehand(Limits(), of.usual, of.traffic * 60, HALF)
    return None if found is None else found.minutes


def affordable(of: Circumstances) -> float | None:
    """Bad requests that one release may cost: a hundredth of what the month may still fail.

    None: nothing is promised, or nobody knows how many requests come.
    """
    if not of.sla or of.traffic is None:
        return None
    a_month = of.traffic * MONTH_S * (1 - of.sla / 100)
    return PART * a_month * of.error_budget / 100


_STAGES = (
    (Stage.DEVELOPMENT, ("dev", "test", "lab", "sandbox", "demo", "preview", "pr-", "local")),
    (Stage.STAGING, ("stag", "stg", "uat", "preprod", "pre-prod", "qa", "rehears")),
)


def stage_of(environment: str) -> Stage:
    """What an environment of that name probably is; what says nothing is production."""
    name = environment.lower()
    for stage, beginnings in _STAGES:
        if any(name.startswith(each) or f"-{each}" in name for each in beginnings):
            return stage
    return Stage.PRODUCTION
