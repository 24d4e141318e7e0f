"""What a sweep is to do with every environment: one move each, and whether it is too much. Pure.

judged in use    a notice is withdrawn
judged free      no notice, or another level's, or one that nobody was told: a notice is given
                 the notice is not due, or people work: it waits
                 it is due: the act
an act has begun it is carried to its end, if anything of it is there: else it died before it did
                 anything, or somebody has turned it back, and people are told anew
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deployer.operations.idle.judge import Judgement, Why
from deployer.operations.idle.ports import Facts, Level, Notice


class Move(StrEnum):
    """What becomes of one environment in this sweep."""

    LEAVE = "leave"
    WITHDRAW = "withdraw"
    GIVE = "give notice"
    WAIT = "wait"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the agenda; `level` is what an act would come to."""

    environment: str
    judgement: Judgement
    move: Move
    notice: Notice | None = None
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Agenda:
    """Every environment, in the order of names.

    excess: why nothing at all may be touched; empty: nothing is too much.
    """

    items: tuple[Item, ...]
    excess: str = ""

    def of(self, move: Move) -> tuple[Item, ...]:
        """Those with this move."""
        return tuple(item for item in self.items if item.move is move)


def agenda(
    judged: Mapping[str, Judgement],
    facts: Mapping[str, Facts],
    working: Mapping[str, bool],
    *,
    most: int,
    now: float,
) -> Agenda:
    """The moves; `working`: whether it is office hours for the environment."""
    items = tuple(
        item(name, judged[name], facts.get(name), working=working[name], now=now)
        for name in sorted(judged)
    )
    return Agenda(items, excess(items, most))


def item(
    name: str, judgement: Judgement, facts: Facts | None, *, working: bool, now: float
) -> Item:
    """One environment's move."""
    notice = facts.standing.notice if facts else None
    known = judgement.why not in (Why.ABSENT, Why.NOT_TAGGED)
    if notice is not None and notice.begun and known and facts and under_way(facts, notice.level):
        return Item(name, judgement, Move.ACT, notice, notice.level)
    if judgement.level is None:
        move = Move.WITHDRAW if notice and facts and facts.tagged else Move.LEAVE
        return Item(name, judgement, move, notice)
    if notice is None or not notice.told or notice.begun or notice.level != judgement.level:
        return Item(name, judgement, Move.GIVE, notice, judgement.level)
    due = notice.due_at <= now and not working
    return Item(name, judgement, Move.ACT if due else Move.WAIT, notice, notice.level)


def under_way(facts: Facts, level: Level) -> bool:
    """Whether something of an act is there: somebody holds it, stacks move, or instances have left."""
    emptied = 0 in facts.instances if level == "retire" else not any(facts.instances)
    return bool(facts.deployment or facts.moving) or emptied


def excess(items: tuple[Item, ...], most: int) -> str:
    """A sweep that wants too much is more likely wrong than right: it does nothing at all.

    New notices and new acts count apart, so that those of one day do not add up with the next day's;
    what has begun was counted when it began.
    """
    wanted = {
        "be told that they go": sum(item.move is Move.GIVE for item in items),
        "be torn down": sum(item.move is Move.ACT and not _begun(item) for item in items),
    }
    too_many = [f"{count} would {what}" for what, count in wanted.items() if count > most]
    if not too_many:
        return ""
    return (
        f"{' and '.join(too_many)}, but sweep.most is {most}: nothing was touched. Look at them with "
        "`deployer teardown --idle --dry-run`; raise sweep.most, or extend what is needed"
    )


def _begun(item: Item) -> bool:
    return item.notice is not None and item.notice.begun
