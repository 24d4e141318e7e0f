"""Whatever answers a GET with counts by minute.

The answer, as docs/analysis.md describes it:

    {"minutes": [{"start": 1700000040, "bad": 3, "total": 300}]}

`start`: epoch seconds of a whole minute. A minute that is not there had nothing to count. Further keys
are left alone; an answer that is not like this is no answer.
"""

import time
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from deployer.errors import CloudUnavailable
from deployer.model import Slot
from deployer.operations.counting import Counted, counted
from deployer.settings.metrics import WebhookMetric
from deployer.settings.placeholders import filled
from deployer.sources.asking import ask, shown, token_of

MINUTE_S = 60


class _Minute(msgspec.Struct):
    start: float
    bad: float
    total: float


class _Answer(msgspec.Struct):
    minutes: list[_Minute]


class Webhook:
    """One metric of an address's: a `Source`."""

    def __init__(self, metric: WebhookMetric, environ: Mapping[str, str]) -> None:
        self._metric = metric
        self._environ = environ

    @property
    def timeout_s(self) -> float:
        return float(self._metric.timeout_s)

    def counts(self, starts: range, facts: Mapping[Slot, Mapping[str, str]]) -> Counted:
        """As the port says.

        Raises:
            CloudUnavailable: as the port says.
        """
        until = time.monotonic() + self.timeout_s
        found = {slot: self._minutes(starts, facts[slot], until) for slot in Slot}
        bad = {slot: {at: one.bad for at, one in found[slot].items()} for slot in Slot}
        total = {slot: {at: one.total for at, one in found[slot].items()} for slot in Slot}
        return counted(bad, total, starts, absent="unknown")

    def _minutes(self, starts: range, facts: Mapping[str, str], until: float) -> dict[int, _Minute]:
        times = {"since": str(starts[0]), "until": str(starts[-1] + MINUTE_S)}
        url = filled(self._metric.url, {**facts, **times}, lambda value: quote(value, safe=""))
        token = token_of(self._metric.token_from, self._environ)
        return minutes_of(ask(url, until=until, token=token), shown(url))


def minutes_of(body: bytes, where: str) -> dict[int, _Minute]:
    """The answer's minutes, by start.

    Raises:
        CloudUnavailable: it is not what it should be; says where.
    """
    try:
        found = msgspec.json.decode(body, type=_Answer).minutes
    except msgspec.ValidationError as error:
        raise CloudUnavailable(f"{where} answered otherwise than documented: {error}") from None
    except (msgspec.DecodeError, RecursionError):
        raise CloudUnavailable(f"{where} answered with no JSON") from None
    whole = {int(each.start): each for each in found if each.start % MINUTE_S == 0}
    if len(whole) < len(found):
        raise CloudUnavailable(f"{where} answered with minutes that are not whole, or come twice")
    return whole
