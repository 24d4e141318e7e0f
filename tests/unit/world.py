"""Worlds for the step tables: one snapshot, fixed metrics, fixed probes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployer.errors import CloudUnavailable
from deployer.model import Health, Instance, Minute, Release, Slot, SlotState, Snapshot, Weights
from deployer.ports import ProbeReport, World

BLUE, GREEN = Slot.BLUE, Slot.GREEN
NOW = 1_800_000_000.0  # a whole minute

HEALTHY, INITIAL, UNHEALTHY = Health.HEALTHY, Health.INITIAL, Health.UNHEALTHY


def instances(count: int, release: str | None = "v1", health: Health | None = HEALTHY,
              lifecycle: str = "InService") -> tuple[Instance, ...]:  # fmt: skip
    return tuple(Instance(f"i-{n}", lifecycle, release, health) for n in range(count))


def slot(
    which: Slot,
    *those: Instance,
    desired: int | None = None,
    boots: str | Release | None = "v1",
    **facts: object,
) -> SlotState:
    """A slot that wants what it has, unless `desired` says otherwise."""
    wanted = len(those) if desired is None else desired
    carried = Release(boots) if isinstance(boots, str) else boots
    return SlotState(which, 0, 10, wanted, those, carried, **facts)  # type: ignore[arg-type]


def snapshot(
    weights: Weights | None = None, blue: SlotState | None = None, green: SlotState | None = None
) -> Snapshot:
    return Snapshot(NOW, weights, blue or slot(BLUE), green or slot(GREEN, boots=None))


@dataclass
class FixedMetrics:
    """The same minutes, whoever asks; `asked` remembers since and until."""

    minutes: Mapping[Slot, Sequence[Minute]] = field(default_factory=dict)
    asked: list[tuple[float, float]] = field(default_factory=list)

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        self.asked.append((since, until))
        return self.minutes


@dataclass
class FixedProber:
    """The same report, whoever asks; None: no answer."""

    report: ProbeReport | None = None

    def probe(self, slot: Slot, release: str, requests: int) -> ProbeReport:
        if self.report is None:
            raise CloudUnavailable("the test listener does not answer")
        return self.report


def world(
    seen: Snapshot,
    *,
    elapsed_s: float = 10.0,
    metrics: FixedMetrics | None = None,
    probes: ProbeReport | None = None,
) -> World:
    return World(seen, NOW, NOW - elapsed_s, metrics or FixedMetrics(), FixedProber(probes))
