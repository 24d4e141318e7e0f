"""A user group that comes first: whether it can, and what people should know beforehand. Pure."""

from deployer.cohort import Trait
from deployer.durations import spell
from deployer.errors import NotPossibleNow
from deployer.intent import Intent
from deployer.model import Blocked, Slot, Snapshot

FORGEABLE = "Case does not count in what tells them, and any client can send it."
UNDECIDED = {
    "promote": "goes on all the same", "hold": "waits for a person", "abort": "goes back",
}  # fmt: skip
CONNECTING = "Their address is that of the connection: behind a proxy or a CDN it is theirs."


def require_place(seen: Snapshot, intent: Intent) -> None:
    """A user group that cannot have a rule of its own is refused before anything is changed.

    Raises:
        NotPossibleNow: something stands where its rule would be, or in its way.
    """
    if intent.cohort is not None and isinstance(seen.cohort, Blocked):
        raise NotPossibleNow(f"no user group can go first: {seen.cohort.why}")


def notes(intent: Intent, stable: Slot, candidate: Slot) -> tuple[str, ...]:
    """What people should know of the user group; nothing if there is none."""
    cohort = intent.cohort
    if cohort is None:
        return ()
    least, then = intent.rule.min_requests, UNDECIDED[intent.inconclusive]
    where = (
        f"The users {cohort} go to {candidate} first, all others stay on {stable}; the group stays "
        "there until the release has all of the traffic."
    )
    few = (
        f"With fewer than {least} requests of the group there is no verdict: after "
        f"{spell(intent.group_bake_s + intent.delay_s + intent.patience_s)} it "
        f"{then} (analysis.inconclusive)."
    )
    return (where, CONNECTING if cohort.trait is Trait.SOURCE else FORGEABLE, few)
