"""The changes that the core may ask for, as data.

A step returns one, the engine writes the intent to the journal first and then hands it to
`Cloud.apply`, so that a crash between any two lines leaves a record of what may have happened.
"""

from dataclasses import dataclass

from deployer.durations import spell
from deployer.hooks import RunHook
from deployer.model import Admitted, Release, Slot, Weights


@dataclass(frozen=True, slots=True)
class SetWeights:
    """The production rule sends `weights`; `live` is what the rule must say at this moment.

    live:     None: the rule does not exist yet and is made by this change.
    sticky_s: for how long the rule keeps clients, as it was read; None: it does not.
    """

    weights: Weights
    live: Weights | None
    sticky_s: int | None = None

    @property
    def unsticks(self) -> bool:
        """The rule does not stick any more after it, by the same call.

        Whenever one slot gets everything: clients with a cookie of the other one may be sent there
        even at weight 0 (aws-facts, open question 1), and on a way back that is the bad release.
        """
        return self.weights.sole is not None

    def __str__(self) -> str:
        unstuck = ", with the rule's stickiness off" if self.unsticks and self.sticky_s else ""
        return f"send {self.weights}{unstuck}"


@dataclass(frozen=True, slots=True)
class Stick:
    """The production rule, which sends `live`, keeps clients again, for `sticky_s` seconds each."""

    sticky_s: int
    live: Weights

    def __str__(self) -> str:
        return f"let the rule stick again, for {spell(self.sticky_s)}"


@dataclass(frozen=True, slots=True)
class SetCohort:
    """A user group gets the rule `admitted`, or (None) goes where everybody goes again.

    live: what its rule must be at this moment.
    """

    admitted: Admitted | None
    live: Admitted | None

    def __str__(self) -> str:
        if self.admitted is None:
            return f"send the users {self.live.cohort if self.live else ''} where everybody goes"
        return f"send the users {self.admitted}"


@dataclass(frozen=True, slots=True)
class SetPage:
    """A page answers everybody in the place of the slots, or (`up` false) does not any more.

    The production rule stays as it is behind it: what it sends is what users get again.
    """

    up: bool

    def __str__(self) -> str:
        return "let a page answer everybody" if self.up else "take the page away"


@dataclass(frozen=True, slots=True)
class PinRelease:
    """What the slot boots from now on: a launch-template version that carries `release`."""

    slot: Slot
    release: Release

    def __str__(self) -> str:
        return f"{self.slot} boots {self.release.name} from now on"


@dataclass(frozen=True, slots=True)
class SetDesired:
    """The slot's group is asked for `desired` instances.

    live: what it must be asked for at this moment, where others may size it too; None: whatever.
    """

    slot: Slot
    desired: int
    live: int | None = None

    def __str__(self) -> str:
        return f"ask {self.slot} for {self.desired} instances"


@dataclass(frozen=True, slots=True)
class Terminate:
    """These instances of the slot's group leave: they drain first, and then end.

    Others may have gone since the group was read, by an earlier change that the reading is too old
    to show: what it must look like at this moment is part of the change, as in `SetWeights`.

    shrink:  the group gets smaller by as many; else it launches as many anew.
    members: every instance that the group must count now.
    desired: how many it must be asked for now.
    """

    slot: Slot
    instances: tuple[str, ...]
    shrink: bool
    members: frozenset[str]
    desired: int

    def __str__(self) -> str:
        count, shown = len(self.instances), ", ".join(self.instances[:3])
        rest = f" and {count - 3} more" if count > 3 else ""
        after = "they are surplus now" if self.shrink else "the group replaces them"
        return f"terminate {shown}{rest} of {self.slot}: {after}"


@dataclass(frozen=True, slots=True)
class Suspend:
    """Processes of the slot's group stop, until they are resumed (aws-facts 3.2)."""

    slot: Slot
    processes: tuple[str, ...]

    def __str__(self) -> str:
        return f"suspend {', '.join(self.processes)} of {self.slot}"


@dataclass(frozen=True, slots=True)
class ResumeProcesses:
    """Processes of the slot's group run again."""

    slot: Slot
    processes: tuple[str, ...]

    def __str__(self) -> str:
        return f"resume {', '.join(self.processes)} of {self.slot}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """The slot's group does not get smaller than `floor` by itself any more.

    floor: what its minimum becomes, unless that is as large already; never more than the group is
           asked for now, so that no instance is launched because of it.
    was:   the minimum before.
    """

    slot: Slot
    floor: int
    was: int

    def __str__(self) -> str:
        return f"keep at least {self.floor} instances of {self.slot}"


@dataclass(frozen=True, slots=True)
class SetFloor:
    """The slot's group keeps at least `floor` instances from now on, or as many as it is asked for.

    It outlives the deployment, unlike Freeze.
    """

    slot: Slot
    floor: int

    def __str__(self) -> str:
        return f"let {self.slot} shrink no further than to {self.floor} instances"


@dataclass(frozen=True, slots=True)
class Thaw:
    """The slot's group may be as small as `floor` again.

    raised: the minimum that the deployment has given it: another one, smaller or larger, is
            somebody's wish, and stays.
    """

    slot: Slot
    floor: int
    raised: int

    def __str__(self) -> str:
        return f"let {self.slot} be as small as {self.floor} instances again"


Change = (
    SetWeights
    | SetCohort
    | Stick
    | SetPage
    | PinRelease
    | SetDesired
    | Terminate
    | Suspend
    | ResumeProcesses
    | Freeze
    | Thaw
    | SetFloor
)

Effect = Change | RunHook  # everything that a step may ask for
