"""Which past deployments somebody wants to see. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from deployer.journal import Unreadable
from deployer.plan import Deployment

UNREADABLE = "unreadable"
FIRST, MORE, MOST = 50, 4, 5_000  # records read at once, how many times more next, and in the end
Record = Deployment | Unreadable


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a deployment must be like to be shown; what is empty, or None, excludes nothing.

    statuses, strategies: one of them.
    release: its name, or a pattern such as `v4*`.
    since:   begun at that moment or later, epoch seconds.
    by:      part of who began it, in upper or lower case.
    """

    statuses: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    release: str = ""
    since: float | None = None
    by: str = ""

    @property
    def all(self) -> bool:
        """Nothing is excluded."""
        return self == Wanted()

    def __contains__(self, record: Record) -> bool:
        """What a record of another version does not tell, does not exclude it."""
        if isinstance(record, Unreadable):
            status, name = UNREADABLE, record.release
        else:
            status, name = record.status.value, record.first_plan.release.name
        if self.statuses and status not in self.statuses:
            return False
        if self.release and not fnmatchcase(name, self.release):
            return False
        return isinstance(record, Unreadable) or self._begun_so(record)

    def _begun_so(self, record: Deployment) -> bool:
        strategy = record.first_plan.strategy
        return (
            (not self.strategies or strategy in self.strategies)
            and self.by.casefold() in record.by.casefold()
            and not self.before(record)
        )

    def before(self, record: Record) -> bool:
        """It began too early, and so did all older ones."""
        return (
            self.since is not None
            and isinstance(record, Deployment)
            and record.started_at < self.since
        )


def newest(
    read: Callable[[int], Sequence[Record]], wanted: Wanted, limit: int
) -> tuple[Record, ...]:
    """The newest `limit` records that are wanted, newest first; of the newest 5,000 there are.

    read: the newest so many records, newest first.
    """
    size = limit if wanted.all else max(limit, FIRST)
    while True:
        known = read(size)
        kept = tuple(record for record in _in_time(known, wanted) if record in wanted)
        ended = len(known) < size or size >= MOST or any(map(wanted.before, known))
        if wanted.all or ended or len(kept) >= limit:
            return kept[:limit]
        size = min(MOST, size * MORE)


def _in_time(records: Sequence[Record], wanted: Wanted) -> Sequence[Record]:
    """Back to the first that is too old: what cannot be read and lies before that is as old."""
    for number, record in enumerate(records):
        if wanted.before(record):
            return records[:number]
    return records
