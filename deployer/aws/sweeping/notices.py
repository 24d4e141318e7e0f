"""Notices in the environments' own journals: one item each, `notice`, beside the deployments.

`notice` is the id of the notice that stands; it is absent when none does, and `extended_until` stays.
Every change asks for the notice that it is about, so that of an extension and a sweep which meet one
comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from deployer.aws.needs import Need, Resource
from deployer.aws.records import number, partition
from deployer.aws.session import Aws
from deployer.aws.table import Table, Values, key
from deployer.operations.idle.ports import Level, Notice, Standing
from deployer.ports import Clock

NEEDS = (
    Need("dynamodb:GetItem", Resource.JOURNAL),
    Need("dynamodb:UpdateItem", Resource.JOURNAL),
)
SORT = "notice"
FIELDS = ("notice", "given_at", "due_at", "level", "why", "told", "begun")
FREE = "(attribute_not_exists(extended_until) OR extended_until <= :given_at)"


class JournalNotices:
    """The port `Notices`; `table_of` gives the name of an environment's journal table.

    Every method raises CloudUnavailable, AccessProblem or NotFound as `failures.asking`.
    """

    def __init__(
        self, aws: Aws, service: str, clock: Clock, table_of: Callable[[str], str]
    ) -> None:
        self._aws, self._service, self._clock = aws, service, clock
        self._table_of = table_of

    def read(self, environment: str) -> Standing:
        """What is said of it now. One call."""
        found = self._table(environment).get(partition(self._service, environment), SORT)
        return understood(found or {})

    def give(self, environment: str, notice: Notice, instead: str = "") -> bool:
        """As the port says. One call; one more to tell a lost reply from a refusal."""
        before = "#notice = :instead" if instead else "attribute_not_exists(#notice)"
        beside: Values = {":instead": {"S": instead}} if instead else {}
        written = self._change(environment, _written(notice), f"{before} AND {FREE}", beside)
        return written or self.read(environment).notice == notice

    def told(self, environment: str, notice_id: str) -> bool:
        """People know. One call."""
        return self._mark(environment, notice_id, "told")

    def begin(self, environment: str, notice_id: str) -> bool:
        """The act begins. One call."""
        return self._mark(environment, notice_id, "begun")

    def withdraw(self, environment: str, notice_id: str) -> None:
        """Take it back; nothing if it is another one by now. One call."""
        gone: Values = {"withdrawn": {"S": notice_id}}
        seen: Values = {":seen": {"S": notice_id}}
        self._change(environment, gone, "#notice = :seen", seen, remove=FIELDS)

    def extend(self, environment: str, until: float) -> Standing:
        """No notice stands, and none is given before `until`. Two calls."""
        longer: Values = {"extended_until": number(until)}
        condition = "attribute_not_exists(#extended_until) OR #extended_until <= :extended_until"
        self._change(environment, longer, condition, remove=FIELDS)
        return self.read(environment)

    def _mark(self, environment: str, notice_id: str, mark: str) -> bool:
        seen: Values = {":seen": {"S": notice_id}}
        return self._change(environment, {mark: {"BOOL": True}}, "notice = :seen", seen)

    def _change(
        self,
        environment: str,
        values: Values,
        condition: str,
        beside: Values | None = None,
        remove: tuple[str, ...] = (),
    ) -> bool:
        table = self._table(environment)
        where = key(partition(self._service, environment), SORT)
        return table.update(table.change(where, values, condition, beside, remove))

    def _table(self, environment: str) -> Table:
        return Table(self._aws, self._table_of(environment), self._clock)


def _written(notice: Notice) -> Values:
    return {
        "notice": {"S": notice.id},
        "given_at": number(notice.given_at),
        "due_at": number(notice.due_at),
        "level": {"S": notice.level},
        "why": {"S": notice.why},
        "told": {"BOOL": notice.told},
        "begun": {"BOOL": notice.begun},
    }


def understood(item: Mapping[str, Any]) -> Standing:
    """The item read back. Pure."""
    extended = float(item["extended_until"]["N"]) if "extended_until" in item else 0.0
    if "notice" not in item:
        return Standing(None, extended)
    notice = Notice(
        id=item["notice"]["S"],
        given_at=float(item["given_at"]["N"]),
        due_at=float(item["due_at"]["N"]),
        level=cast("Level", item["level"]["S"]),
        why=item["why"]["S"],
        told=bool(item["told"]["BOOL"]),
        begun=bool(item["begun"]["BOOL"]),
    )
    return Standing(notice, extended)
