"""An outbox that remembers, for ever and for everybody, what it was asked to tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from deployer.news import Kind
from deployer.operations.notices import Notice, Place, notices
from deployer.plan import Deployment, Event


@dataclass
class SimOutbox:
    """The port `Outbox`, of one channel that wants everything.

    broken: why it tells nothing; it says so whenever it is to tell something.
    """

    place: Place = field(default_factory=lambda: Place("shop", "sim"))
    told: list[Notice] = field(default_factory=list)
    broken: str = ""
    closed: int = 0
    _trouble: str = ""
    _since: int = 0

    def offer(self, record: Deployment, event: Event | None = None) -> None:
        for notice in notices(self.place, record, event):
            self.tell(notice)

    def tell(self, *found: Notice) -> None:
        for notice in found:
            if self.broken:
                self._trouble = self.broken
            elif notice.id not in {one.id for one in self.told}:
                self.told.append(notice)

    def troubles(self) -> Sequence[str]:
        said, self._trouble = self._trouble, ""
        return (said,) if said else ()

    def close(self) -> Sequence[str]:
        self.closed += 1
        new, self._since = self.told[self._since :], len(self.told)
        return tuple(f"sim: {one.title}" for one in new)

    def titles(self, *kinds: Kind) -> list[str]:
        """Of those of a kind, or of all."""
        return [one.title for one in self.told if not kinds or not set(kinds).isdisjoint(one.kinds)]
