"""Faults at chosen calls, and somebody who tries again until the deployment has come to its end."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from deployer.lab import actions
from deployer.lab.chaos import Fault, Faults, Kind
from deployer.model import Slot
from tests.faults.rig import Done, Rig

FINAL = {0: "shipped", 3: "rolled_back", 4: "halted"}
PATIENCE = 200  # commands, two minutes apart
AGAIN_S = 120.0  # longer than the lease


@dataclass
class EachCall(Faults):
    """Of each action `fail` calls fail, then `work` calls do not, over and over; in kinds by turns."""

    kinds: Sequence[Kind] = (Kind.THROTTLE,)
    fail: int = 1
    work: int = 1
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()
        self._turns: Iterator[Kind] = cycle(self.kinds)

    def draw(self, service: str, action: str) -> Fault | None:
        turn = self.asked[service, action] % (self.fail + self.work)
        self.asked[service, action] += 1
        return Fault(next(self._turns)) if turn < self.fail else None


@dataclass
class OneAction(Faults):
    """Calls of one action fail as long as `lasts` says."""

    kind: Kind
    service: str
    action: str
    lasts: Callable[[], bool]
    hits: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def draw(self, service: str, action: str) -> Fault | None:
        if (service, action) != (self.service, self.action) or not self.lasts():
            return None
        self.hits += 1
        return Fault(self.kind)


@dataclass(frozen=True)
class Outcome:
    """How it ended.

    commands: exit status of each command that it took.
    reasons:  the last words of those that were not the last.
    """

    end: str
    commands: tuple[int, ...]
    reasons: tuple[str, ...]
    last: Done


def persist(
    rig: Rig, command: Sequence[str], after_failure: Callable[[Done], None] = lambda _: None
) -> Outcome:
    """Deploy; whatever stops the command, wait, and resume or begin again."""
    statuses: list[int] = []
    reasons: list[str] = []
    arguments = list(command)
    for _ in range(PATIENCE):
        done = rig.run(*arguments)
        statuses.append(done.status)
        if done.status in FINAL:
            return Outcome(FINAL[done.status], tuple(statuses), tuple(reasons), done)
        require_told(done)
        reasons.append(str(done.result["reason"]))
        after_failure(done)
        rig.clock.sleep(AGAIN_S)
        arguments = ["resume"] if active(rig) else list(command)
        if len(statuses) > 1 and arguments != ["resume"] and ended(rig, command[1]):
            return Outcome(ended(rig, command[1]), tuple(statuses), tuple(reasons), done)
    raise AssertionError(f"not ended after {PATIENCE} commands: {reasons[-1]}")


def require_told(done: Done) -> None:
    """A documented status and a sentence: nothing that nobody has thought of."""
    assert done.status in (1, 2, 5), done
    assert "unexpected" not in done.result["reason"], done
    assert "Traceback" not in done.stderr, done
    assert done.result["reason"], done


def records(rig: Rig) -> list[Any]:
    """The journal's deployments, oldest first."""
    items = rig.admin("dynamodb").scan(TableName="journal")["Items"]
    return sorted((i for i in items if i["sk"]["S"] != "active"), key=lambda i: i["sk"]["S"])


def active(rig: Rig) -> bool:
    return any("finished_at" not in record for record in records(rig))


def ended(rig: Rig, release: str) -> str:
    """How the newest deployment ended, if it is one of `release` and has changed anything."""
    newest = records(rig)[-1:]
    mine = [r for r in newest if r["release"]["S"] == release and "finished_at" in r]
    return str(mine[0]["status"]["S"]) if mine and "not begun" not in str(mine[0]["body"]) else ""


def require_clean(rig: Rig, end: str) -> None:
    """Nobody was left without an answer, and nothing is left half done."""
    assert rig.outages == []
    assert not active(rig)
    weights = rig.moved[-1][1]
    assert sorted(weights.values()) == [0, 999]
    groups = rig.admin("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    live = next(s for s in Slot if weights[rig.published.slots[s].target_group])
    for group in groups:
        assert group["SuspendedProcesses"] == [], end
        assert group["MinSize"] == 0, end
        serves = group["AutoScalingGroupName"] == live.value
        assert group["DesiredCapacity"] == (2 if serves else 0), end
    assert rig.serving(live) == 2


def meeting(faults: Faults) -> None:
    """From now on every call of the deployer's may meet these."""
    actions.gate().faults = faults
