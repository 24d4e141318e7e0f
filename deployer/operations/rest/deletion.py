"""Delete an environment's stacks, one after the other, and say what stops it. Nothing is forced.

Those that use others' exports go first; each is polled by its id, since a name tells nothing of a stack
that is gone. What is known to stop a deletion is told before it is asked for: a stack that failed to
delete halfway has lost resources already. Kill it anywhere: whoever calls it again finds what is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployer.ports import Clock
from deployer.topology import CLASS_TAG, EPHEMERAL

# Each uses what those behind it export.
ORDER = ("monitoring", "runner", "service", "network", "control")
GONE = "DELETE_COMPLETE"
FAILED = "DELETE_FAILED"
DELETING = "DELETE_IN_PROGRESS"
PATIENCE_S = (
    3600.0  # as long as AWS's own waiter: a function in a VPC keeps its interfaces for long
)


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack as it was found.

    id:        its ARN.
    protected: termination protection is on.
    tags:      its own.
    """

    part: str
    name: str
    id: str
    status: str
    protected: bool
    tags: frozenset[tuple[str, str]] = frozenset()


class Stacks(Protocol):
    """One environment's stacks; each method raises CloudUnavailable, AccessProblem."""

    def look(self) -> Sequence[Stack]:
        """Those that exist, in the order in which they go."""
        ...

    def status(self, stack: Stack) -> str:
        """As it is now; GONE when it is."""
        ...

    def delete(self, stack: Stack) -> None:
        """Ask for its deletion.

        Raises:
            ChangeRefused: AWS refuses.
        """
        ...

    def full(self, stack: Stack) -> Sequence[str]:
        """Its buckets that are not empty: CloudFormation deletes none of those."""
        ...

    def failures(self, stack: Stack) -> Sequence[str]:
        """What its last deletion could not delete, and why, a sentence each."""
        ...


@dataclass(frozen=True, slots=True)
class Deletion:
    """What has become of the stacks.

    gone:    names, in the order in which they went.
    left:    names that still exist.
    blocked: what stops the first of them, and how to go on; empty: nothing, or it goes on by itself.
    """

    gone: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    blocked: str = ""


Tell = Callable[[Stack, str], None]
Ask = Callable[[Stack], None]


def run(stacks: Stacks, clock: Clock, poll_s: float, tell: Tell, ask: Ask) -> Deletion:
    """Delete all of them; one that failed before is tried once more, since a person wants that.

    ask: asks for a deletion; by default that is `stacks.delete`, perhaps under a lease.

    Raises:
        CloudUnavailable, AccessProblem, ChangeRefused, Locked: as the ports; what is gone is gone.
    """
    found = stacks.look()
    gone: list[str] = []
    if kept := lasting(found):
        return Deletion((), tuple(each.name for each in found), kept)
    for at, stack in enumerate(found):
        blocked = obstacle(stack, stacks.full(stack))
        if not blocked:
            if stack.status != DELETING:
                ask(stack)
            tell(stack, DELETING)
            status = _awaited(stacks, stack, clock, poll_s)
            tell(stack, status)
            blocked = "" if status == GONE else stuck(stack, status, stacks.failures(stack))
        if blocked:
            return Deletion(tuple(gone), tuple(each.name for each in found[at:]), blocked)
        gone.append(stack.name)
    return Deletion(tuple(gone))


def visit(stacks: Stacks, ask: Ask) -> Deletion:
    """One look and at most one deletion, waiting for nothing: for a function that comes again.

    One that has failed is a person's: nothing is tried again and again by itself.

    Raises:
        CloudUnavailable, AccessProblem, ChangeRefused, Locked: as `run`.
    """
    found = stacks.look()
    if not found:
        return Deletion()
    first, left = found[0], tuple(each.name for each in found)
    if kept := lasting(found):
        return Deletion((), left, kept)
    if first.status == DELETING:
        return Deletion((), left)
    blocked = obstacle(first, stacks.full(first))
    if first.status == FAILED:
        blocked = stuck(first, FAILED, stacks.failures(first))
    if not blocked:
        ask(first)
    return Deletion((), left, blocked)


def lasting(found: Sequence[Stack]) -> str:
    """Which of them are not ephemeral, so that none goes, and how to go on; empty: all are. Pure."""
    names = [each.name for each in found if (CLASS_TAG, EPHEMERAL) not in each.tags]
    if not names:
        return ""
    return (
        f"{', '.join(names)}: no tag {CLASS_TAG} = {EPHEMERAL}, and only an environment all of whose "
        "stacks have it is deleted: deploy them with settings that say so"
    )


def obstacle(stack: Stack, full: Sequence[str]) -> str:
    """What is known to stop its deletion, and how to go on; empty: nothing. Pure."""
    if stack.status == DELETING:
        return ""
    if stack.protected:
        return (
            f"{stack.name} has termination protection: `aws cloudformation "
            f"update-termination-protection --no-enable-termination-protection --stack-name "
            f"{stack.name}`, if you mean it"
        )
    if stack.status.endswith("_IN_PROGRESS"):
        return f"{stack.name} is {stack.status}: wait until that is over"
    if full:
        emptied = "; ".join(map(_emptied, full))
        return (
            f"{stack.name} stays as it is, since CloudFormation deletes no bucket that holds "
            f"anything: copy what you need from {', '.join(full)}, then {emptied}"
        )
    return ""


def stuck(stack: Stack, status: str, failures: Sequence[str]) -> str:
    """Why a deletion did not end, and how to go on. Pure."""
    if status == DELETING:
        return f"{stack.name} is still being deleted, which goes on by itself: look again later"
    why = "; ".join(failures) or "CloudFormation does not say why"
    return f"{stack.name} is {status}: {why}"


def _emptied(bucket: str) -> str:
    return (
        f"""`python3 -c 'import boto3; boto3.resource("s3").Bucket("{bucket}")"""
        """.object_versions.delete()'`"""
    )


def _awaited(stacks: Stacks, stack: Stack, clock: Clock, poll_s: float) -> str:
    """Its status once nothing more happens, or we have waited for long enough."""
    until = clock.now() + PATIENCE_S
    status = stacks.status(stack)
    while status == DELETING and clock.now() < until:
        clock.sleep(poll_s)
        status = stacks.status(stack)
    return status
