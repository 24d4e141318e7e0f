"""A simulated environment: a listener rule over two slots, with users behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.errors import ChangeRefused, CloudUnavailable, WeightsMoved
from deployer.model import Slot, Weights, instances_for
from deployer.ports import (
    Change,
    Freeze,
    ResumeProcesses,
    SetDesired,
    SetWeights,
    Suspend,
    Terminate,
    Thaw,
)
from tests.sim.clock import SimClock
from tests.sim.fleet import NEVER, SimGroup
from tests.sim.ledger import Ledger

Happening = Callable[[], object]


@dataclass
class SimCloud:
    """The truth: what the control plane says, what the data plane does, what users get.

    rule:       weights as the control plane says; None: no rule, nobody is served.
    rate:       requests per second, constant and open-loop.
    load:       healthy instances that carry all of it.
    data_lag_s: how much later the data plane follows a change of the rule.
    flowing:    weights as the data plane has them.
    """

    clock: SimClock
    groups: Mapping[Slot, SimGroup]
    rule: Weights | None
    load: int
    rate: float = 50.0
    data_lag_s: float = 5.0
    ledger: Ledger = field(default_factory=Ledger)
    changes: list[tuple[float, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flowing = self.rule
        self._at = self.clock.now()
        self._arriving: list[tuple[float, Weights | None]] = []
        self._happenings: list[tuple[float, Happening]] = []
        self.clock.moves(self.advance)
        self._settle()

    def at(self, moment: float, happening: Happening) -> None:
        """Something that the world does by itself at `moment` (epoch seconds)."""
        self._happenings.append((moment, happening))
        self._happenings.sort(key=lambda entry: entry[0])

    def advance(self, until: float) -> None:
        """Let the world live up to `until`, serving all the while."""
        while self._at < until:
            moment = min(until, self._next_moment())
            self._serve(moment)
            self._at = moment
            self._settle()

    def carry_out(self, change: Change) -> None:
        """One change of the control plane, as AWS would make it.

        Raises:
            WeightsMoved: the rule is neither what the change expects nor what it wants.
            ChangeRefused: a size outside min..max.
            CloudUnavailable: the group is no longer what the change was decided on.
        """
        if isinstance(change, SetWeights):
            self._set_weights(change)
        elif isinstance(change, SetDesired):
            self._set_desired(change)
        elif isinstance(change, Terminate):
            self._terminate(change)
        elif isinstance(change, Freeze):
            group = self.groups[change.slot]
            group.min_size = max(group.min_size, min(change.floor, group.desired))
        elif isinstance(change, Thaw):
            group = self.groups[change.slot]
            group.min_size = min(group.min_size, change.floor)
        elif isinstance(change, Suspend):
            self.groups[change.slot].suspended |= set(change.processes)
        elif isinstance(change, ResumeProcesses):
            self.groups[change.slot].suspended -= set(change.processes)
        else:
            self.groups[change.slot].pin(change.release)
        self.changes.append((self._at, change))
        self._settle()

    def move(self, weights: Weights | None) -> None:
        """The rule changes; the data plane follows later."""
        self.rule = weights
        self._arriving.append((self._at + self.data_lag_s, weights))
        self._settle()

    def need(self, slot: Slot, weights: Weights | None) -> int:
        """Instances that `slot` needs for its share."""
        return instances_for(weights[slot], self.load) if weights else 0

    def _set_weights(self, change: SetWeights) -> None:
        if self.rule == change.weights:
            return
        if self.rule != change.live:
            raise WeightsMoved(f"the rule says {self.rule}, not {change.live}")
        self.move(change.weights)

    def _set_desired(self, change: SetDesired) -> None:
        group = self.groups[change.slot]
        if not group.least <= change.desired <= group.max_size:
            raise ChangeRefused(
                f"{change.desired} is outside {group.least}..{group.max_size} of {change.slot}"
            )
        if group.desired != change.desired and change.live not in (None, group.desired):
            raise CloudUnavailable(f"{group.slot} has changed since it was read")
        group.desired = change.desired
        group.min_size = min(group.min_size, change.desired)  # it gives way in the same call

    def _terminate(self, change: Terminate) -> None:
        group = self.groups[change.slot]
        gone = not group.staying & set(change.instances)
        if gone and not (change.shrink and group.desired == change.desired):
            return
        if group.staying != change.members or group.desired != change.desired:
            raise CloudUnavailable(f"{group.slot} has changed since it was read")
        group.terminate(frozenset(change.instances), self._at, shrink=change.shrink)

    def _next_moment(self) -> float:
        moments = [group.next_moment(self._at) for group in self.groups.values()]
        moments += [at for at, _ in self._arriving[:1]]
        moments += [at for at, _ in self._happenings[:1]]
        return max(self._at, min(moments, default=NEVER))

    def _settle(self) -> None:
        while self._happenings and self._happenings[0][0] <= self._at:
            self._happenings.pop(0)[1]()
        while self._arriving and self._arriving[0][0] <= self._at:
            self.flowing = self._arriving.pop(0)[1]
        for group in self.groups.values():
            group.settle(self._at)

    def _serve(self, until: float) -> None:
        if self.flowing is None:
            return
        for slot in Slot:
            if share := self.flowing[slot]:
                loss = self.groups[slot].loss(self.need(slot, self.flowing), self._at)
                self.ledger.serve(slot, self._at, until, self.rate * share / 1000, loss)
