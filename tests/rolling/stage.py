"""Rolling deployments in the simulated environment."""

from collections.abc import Mapping

from msgspec.structs import replace

from deployer.amount import Amount
from deployer.analysis.judge import Tally
from deployer.intent import Intent, Roll
from deployer.model import Release, Slot
from deployer.plan import Deployment
from deployer.planning import strategies
from tests.sim.play import INTENT, Play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
USUAL = Tally(15, 45_000, 45)  # one request in a thousand failed before


def intent(
    *,
    surge: int | str = 1,
    max_unavailable: int | str = 0,
    until: str | None = None,
    before: Tally | None = None,
    release: str = "v2",
    **changes: object,
) -> Intent:
    """The simulator's usual intent, rolling."""
    roll = Roll(
        max_unavailable=Amount.parse(str(max_unavailable)), surge=Amount.parse(str(surge)),
        soak_s=60.0, until=Amount.parse(until) if until else None, before=before,
    )  # fmt: skip
    return replace(INTENT, release=Release(release), roll=roll, **changes)


def ship(sim: Play, wanted: Intent | None = None, name: str = "d1") -> Deployment:
    """Roll it out, whatever happens to the process."""
    return sim.ship(wanted or intent(), strategies.rolling, name)


def running(sim: Play, slot: Slot = BLUE) -> Mapping[str | None, int]:
    """Instances by release, of those that stay."""
    staying = [i for i in sim.cloud.groups[slot].instances if i.leaving_at == float("inf")]
    return {name: sum(i.release == name for i in staying) for name in {i.release for i in staying}}


def changes(sim: Play, kind: type) -> int:
    """How many changes of a kind took effect."""
    return sum(isinstance(change, kind) for _, change in sim.cloud.changes)
