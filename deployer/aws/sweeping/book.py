"""What sweeps remember, in a table of their own: the lease of the one that runs, and the dry runs."""

from __future__ import annotations

from deployer.aws.needs import Need, Resource
from deployer.aws.records import at, number
from deployer.aws.session import Aws
from deployer.aws.table import TRIES, Table, Values, key
from deployer.ports import Clock

NEEDS = (
    Need("dynamodb:GetItem", Resource.SWEEPS),
    Need("dynamodb:UpdateItem", Resource.SWEEPS),
)
PART, LEASE, COUNT = "sweep", "lease", "count"


class SweepBook:
    """The port `Book`: every method raises CloudUnavailable, AccessProblem as `failures.asking`."""

    def __init__(self, aws: Aws, table: str, clock: Clock) -> None:
        self._table = Table(aws, table, clock)

    def take(self, owner: str, until: float, now: float) -> str:
        """Hold the lease, or tell who does. One call; two more if it is taken."""
        ours: Values = {"owner": {"S": owner}, "held_until": number(until)}
        free = "attribute_not_exists(#owner) OR #owner = :owner OR #held_until <= :now"
        for _ in range(TRIES):
            change = self._table.change(key(PART, LEASE), ours, free, {":now": number(now)})
            if self._table.update(change):
                return ""
            found = self._table.get(PART, LEASE)
            if found is not None and "owner" in found:
                held_until = float(found["held_until"]["N"])
                return f"{found['owner']['S']} holds the lease until {at(held_until)}"
        raise self._table.busy()

    def keep(self, owner: str, until: float) -> bool:
        """Hold it for longer. One call."""
        ours: Values = {"owner": {"S": owner}, "held_until": number(until)}
        return self._table.update(self._table.change(key(PART, LEASE), ours, "#owner = :owner"))

    def free(self, owner: str) -> None:
        """Let it go; nothing if it is somebody else's. One call."""
        gone: Values = {"freed_by": {"S": owner}}
        remove = ("owner", "held_until")
        self._table.update(
            self._table.change(key(PART, LEASE), gone, "#owner = :freed_by", remove=remove)
        )

    def dry_runs(self) -> int:
        """How many there were. One call."""
        found = self._table.get(PART, COUNT)
        return int(found["dry_runs"]["N"]) if found else 0

    def count_dry(self, before: int) -> None:
        """One more than `before`; nothing if another run has counted already. One call."""
        more: Values = {"dry_runs": {"N": str(before + 1)}}
        seen: Values = {":before": {"N": str(before)}}
        condition = "attribute_not_exists(#dry_runs) OR #dry_runs = :before"
        self._table.update(self._table.change(key(PART, COUNT), more, condition, seen))
