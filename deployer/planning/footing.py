"""What a plan may begin from: one slot that serves, healthy, and room for the other. Pure."""

from deployer.errors import NotPossibleNow, PlanInvalid
from deployer.model import Slot, Snapshot


def serving(seen: Snapshot) -> Slot | None:
    """The slot that serves everything; None if nothing was ever released.

    Raises:
        NotPossibleNow: both slots have traffic, or the environment sleeps.
    """
    if seen.asleep:
        raise NotPossibleNow(
            "the environment is asleep, and a page answers everybody: `deployer wake` first, then "
            "run the command again"
        )
    if seen.weights is None:
        return None
    if seen.weights.sole is None:
        raise NotPossibleNow(
            f"both slots serve ({seen.weights}): an earlier deployment was left half-way; "
            "`deployer status` names the command that leads on"
        )
    return seen.weights.sole


def require_sound(seen: Snapshot, stable: Slot) -> None:
    """A deployment begins from a healthy environment only.

    Raises:
        NotPossibleNow: the live slot has fewer healthy instances than it should, or is being
            scaled to none, so that nobody knows how many the release needs.
    """
    state = seen[stable]
    if state.desired == 0:
        raise NotPossibleNow(
            f"{stable} serves everything, and its group is asked for 0 instances: give it its "
            "desired capacity back, then run the command again"
        )
    if state.healthy() < state.desired:
        raise NotPossibleNow(
            f"{stable} serves everything with {state.healthy()} of {state.desired} instances "
            "healthy: wait until it has recovered, then run the command again"
        )


def require_room(seen: Snapshot, candidate: Slot, capacity: int) -> None:
    """A slot that cannot grow to the size it needs is refused before anything is changed.

    Raises:
        PlanInvalid: the group is too small.
    """
    if seen[candidate].max_size < capacity:
        raise PlanInvalid(
            f"{candidate} may have at most {seen[candidate].max_size} instances and {capacity} "
            "are needed: raise max_instances in deployer.toml and deploy the stacks"
        )
