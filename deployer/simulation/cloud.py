"""A simulated environment: a listener rule over two slots, with users behind it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.changes import (
    Change,
    Freeze,
    ResumeProcesses,
    SetCohort,
    SetDesired,
    SetFloor,
    SetPage,
    SetWeights,
    Stick,
    Suspend,
    Terminate,
    Thaw,
)
from deployer.errors import ChangeRefused, CloudUnavailable, WeightsMoved
from deployer.model import Admitted, Blocked, Slot, Weights
from deployer.simulation.clock import SimClock
from deployer.simulation.fleet import NEVER, SimGroup
from deployer.simulation.ledger import Ledger, Part

MILLION = 1_000_000
RETURNING = 0.8  # share of the requests that carry a cookie, while the rule sticks
TURNOVER_S = 600.0  # as long as a client keeps coming back, on average
Happening = Callable[[], object]


@dataclass
class SimCloud:
    """The truth: what the control plane says, what the data plane does, what users get.

    rule:       weights as the control plane says; None: no rule, nobody is served.
    rate:       requests per second, constant and open-loop.
    load:       healthy instances that carry all of it.
    data_lag_s: how much later the data plane follows a change of the rule.
    flowing:    weights as the data plane has them.
    cohort:     the user group's own rule, or what stands in its way; `diverted`: as the data plane
                has it.
    group:      share of the requests that are the group's, per mille.
    sticky_s:   the rule's stickiness; None: off. Cookies are honoured even at weight 0, which is the
                worst that AWS may do (aws-facts, open question 1).
    sticking:   the data plane's.
    asleep:     a page answers everybody; `paged`: in the data plane.
    pinned:     share of the returning clients whose cookie names the slot, 0..1.
    instance_s: seconds of instances so far, of both groups.
    """

    clock: SimClock
    groups: Mapping[Slot, SimGroup]
    rule: Weights | None
    load: int
    rate: float = 50.0
    data_lag_s: float = 5.0
    group: int = 0
    cohort: Admitted | Blocked | None = None
    sticky_s: int | None = None
    asleep: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    instance_s: float = 0.0
    changes: list[tuple[float, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flowing, self.diverted = self.rule, self.admitted
        self.sticking = self.sticky_s
        self.paged = self.asleep
        self.pinned = {slot: self.rule[slot] / 1000 if self.rule else 0.0 for slot in Slot}
        self._lapse_at = NEVER  # from when on no cookie is left; none is while the rule sticks
        self._at = self.clock.now()
        self._arriving: list[tuple[float, Happening]] = []
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
            moment = min(until, self.next_moment())
            self._serve(moment)
            self.instance_s += (moment - self._at) * self.instances
            self._at = moment
            self._settle()

    def carry_out(self, change: Change) -> None:  # noqa: C901 - one case for each kind
        """One change of the control plane, as AWS would make it.

        Raises:
            WeightsMoved: the rule is neither what the change expects nor what it wants.
            ChangeRefused: a size outside min..max.
            CloudUnavailable: the group is no longer what the change was decided on.
        """
        if isinstance(change, SetWeights):
            self._set_weights(change)
        elif isinstance(change, SetCohort):
            self._set_cohort(change)
        elif isinstance(change, Stick):
            self._stick(change)
        elif isinstance(change, SetPage):
            self.show_page(up=change.up)
        elif isinstance(change, SetDesired):
            self._set_desired(change)
        elif isinstance(change, Terminate):
            self._terminate(change)
        elif isinstance(change, Freeze | SetFloor):
            group = self.groups[change.slot]
            group.min_size = max(group.min_size, min(change.floor, group.desired))
        elif isinstance(change, Thaw):
            self._thaw(change)
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
        self.rule, sticky_s = weights, self.sticky_s
        self._later(lambda: self._follow(weights, sticky_s))

    def set_sticky(self, sticky_s: int | None) -> None:
        """Somebody switches the rule's stickiness on or off."""
        self.sticky_s = sticky_s
        self.move(self.rule)

    def divert(self, cohort: Admitted | Blocked | None) -> None:
        """The group's rule changes; the data plane follows later."""
        self.cohort = cohort
        admitted = self.admitted
        self._later(lambda: setattr(self, "diverted", admitted))

    def show_page(self, *, up: bool) -> None:
        """The page's rule is made or deleted; the data plane follows later."""
        self.asleep = up
        self._later(lambda: setattr(self, "paged", up))

    @property
    def instances(self) -> int:
        """As many as there are, those that come and go included."""
        return sum(len(group.instances) for group in self.groups.values())

    @property
    def admitted(self) -> Admitted | None:
        return self.cohort if isinstance(self.cohort, Admitted) else None

    def need(self, slot: Slot, weights: Weights | None, admitted: Admitted | None = None) -> int:
        """Instances that `slot` needs for its share, and for the group if that is sent to it."""
        return -(-self.load * sum(self.shares(slot, weights, admitted)) // MILLION)

    def shares(
        self, slot: Slot, weights: Weights | None, admitted: Admitted | None
    ) -> tuple[int, int]:
        """What reaches `slot`, in millionths of everything: of the group, of all others."""
        share = weights[slot] if weights else 0
        own = share if admitted is None else 1000 * (admitted.slot is slot)
        return self.group * own, (1000 - self.group) * share

    def reaching(self, slot: Slot) -> float:
        """What really reaches `slot`, in millionths of everything.

        Returning clients stay where their cookie says, but for the group: its rule has none.
        """
        if self.paged:
            return 0.0
        theirs, others = self.shares(slot, self.flowing, self.diverted)
        if self.sticking is None or self.flowing is None:
            return theirs + others
        share = RETURNING * self.pinned[slot] * 1000 + (1 - RETURNING) * self.flowing[slot]
        own = theirs if self.diverted is not None else self.group * share
        return own + (1000 - self.group) * share

    def _later(self, happening: Happening) -> None:
        self._arriving.append((self._at + self.data_lag_s, happening))
        self._settle()

    def _set_cohort(self, change: SetCohort) -> None:
        if self.cohort == change.admitted:
            return
        if self.cohort != change.live:
            raise WeightsMoved(f"the group's rule says {self.cohort}, not {change.live}")
        self.divert(change.admitted)

    def _set_weights(self, change: SetWeights) -> None:
        unstick = change.unsticks and self.sticky_s is not None
        if self.rule == change.weights and not unstick:
            return
        if self.rule != change.live or (unstick and self.sticky_s != change.sticky_s):
            raise WeightsMoved(f"the rule says {self.rule} ({self.sticky_s}), not {change.live}")
        if unstick:
            self.sticky_s = None
        self.move(change.weights)

    def _stick(self, change: Stick) -> None:
        if self.rule != change.live:
            raise WeightsMoved(f"the rule says {self.rule}, not {change.live}")
        if self.sticky_s is None:
            self.set_sticky(change.sticky_s)

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

    def _thaw(self, change: Thaw) -> None:
        group = self.groups[change.slot]
        if group.min_size <= change.raised:
            group.min_size = min(group.min_size, change.floor)

    def _terminate(self, change: Terminate) -> None:
        group = self.groups[change.slot]
        gone = not group.staying & set(change.instances)
        if gone and not (change.shrink and group.desired == change.desired):
            return
        if group.staying != change.members or group.desired != change.desired:
            raise CloudUnavailable(f"{group.slot} has changed since it was read")
        group.terminate(frozenset(change.instances), self._at, shrink=change.shrink)

    def next_moment(self) -> float:
        """When anything changes by itself the next time, epoch seconds."""
        moments = [group.next_moment(self._at) for group in self.groups.values()]
        moments += [at for at, _ in self._arriving[:1]]
        moments += [at for at, _ in self._happenings[:1]]
        return max(self._at, min(moments, default=NEVER))

    def _settle(self) -> None:
        while self._happenings and self._happenings[0][0] <= self._at:
            self._happenings.pop(0)[1]()
        while self._arriving and self._arriving[0][0] <= self._at:
            self._arriving.pop(0)[1]()
        for group in self.groups.values():
            group.settle(self._at)

    def _follow(self, weights: Weights | None, sticky_s: int | None) -> None:
        """The data plane does what the rule says."""
        if self.sticking is not None and sticky_s is None:
            self._lapse_at = self._at + self.sticking
        if self.sticking is None and sticky_s is not None and self._at >= self._lapse_at:
            self.pinned = {slot: weights[slot] / 1000 if weights else 0.0 for slot in Slot}
        self.flowing, self.sticking = weights, sticky_s

    def _turn_over(self, until: float) -> None:
        """While it sticks, clients leave, and others come who get a slot by weight."""
        if self.sticking is None or self.flowing is None:
            return
        kept = math.exp((self._at - until) / TURNOVER_S)
        for slot in Slot:
            fresh = self.flowing[slot] / 1000
            self.pinned[slot] = fresh + (self.pinned[slot] - fresh) * kept

    def _serve(self, until: float) -> None:
        if self.paged:
            self.ledger.pages += self.rate * (until - self._at)
            return
        for slot in Slot:
            theirs, others = self.shares(slot, self.flowing, self.diverted)
            reaching = self.reaching(slot)
            if reaching:
                need = max(
                    self.need(slot, self.flowing, self.diverted),
                    math.ceil(self.load * reaching / MILLION - 1e-9),
                )
                loss = self.groups[slot].loss(need, self._at)
                rate = self.rate * reaching / MILLION
                self.ledger.serve(slot, self._at, until, rate, loss)
                if self.group:
                    self.ledger.parts.append(Part(slot, self._at, bool(theirs), bool(others)))
        self._turn_over(until)
