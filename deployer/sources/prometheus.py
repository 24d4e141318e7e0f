"""Prometheus, or what speaks its HTTP API: PromQL over the minutes of both slots.

Source: prometheus.io/docs/prometheus/latest/querying/api, "Range queries". An expression is evaluated
at the end of each minute, so that `increase(...[1m])` is what the minute counted. More than one series
is nobody's count, and a warning ("errors that do not inhibit the request execution") means that there
is more than came: neither is taken for an answer.
"""

import time
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from deployer.errors import CloudUnavailable
from deployer.model import Slot
from deployer.operations.counting import Counted, Series, counted
from deployer.settings.metrics import PrometheusMetric
from deployer.settings.placeholders import filled
from deployer.sources.asking import answer, shown, token_of

MINUTE_S = 60
SAID = 160  # characters of what a server says is wrong


class _One(msgspec.Struct):
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[msgspec.Raw]
    resultType: str  # noqa: N815  as it is called there


class _Answer(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""
    warnings: list[str] = []


class Prometheus:
    """One metric of a Prometheus server's: a `Source`."""

    def __init__(self, metric: PrometheusMetric, environ: Mapping[str, str]) -> None:
        self._metric = metric
        self._environ = environ
        self._url = f"{metric.url.rstrip('/')}/api/v1/query_range"

    @property
    def timeout_s(self) -> float:
        return float(self._metric.timeout_s)

    def counts(self, starts: range, facts: Mapping[Slot, Mapping[str, str]]) -> Counted:
        """As the port says.

        Raises:
            CloudUnavailable: as the port says.
        """
        metric = self._metric
        until = time.monotonic() + self.timeout_s
        bad = {slot: self._series(metric.bad, starts, facts[slot], until) for slot in Slot}
        total = {slot: self._series(metric.total, starts, facts[slot], until) for slot in Slot}
        return counted(bad, total, starts, absent=metric.absent)

    def _series(self, query: str, starts: range, facts: Mapping[str, str], until: float) -> Series:
        asked = {
            "query": filled(query, facts),
            "start": starts[0] + MINUTE_S,
            "end": starts[-1] + MINUTE_S,
            "step": MINUTE_S,
        }
        token = token_of(self._metric.token_from, self._environ)
        form = urlencode(asked).encode()
        status, body = answer(self._url, until=until, token=token, form=form)
        return series_of(status, body, shown(self._url), token)


def series_of(status: int, body: bytes, where: str, token: str = "") -> Series:
    """Values by the start of the minute that they end.

    Raises:
        CloudUnavailable: no answer that can be used; says what the server says, without `token`.
    """
    try:
        found = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, RecursionError):
        raise CloudUnavailable(f"{where} answered {status}, and nothing of Prometheus's") from None
    said = " ".join((found.error or "; ".join(found.warnings)).split())
    if token:
        said = said.replace(token, "***")
    if found.status != "success" or found.data is None or not 200 <= status < 300:
        raise CloudUnavailable(f"{where} answered {status}: {said[:SAID]}")
    if found.warnings:
        raise CloudUnavailable(f"{where} did not answer completely: {said[:SAID]}")
    return _only(found.data, where)


def _only(data: _Data, where: str) -> Series:
    if data.resultType != "matrix" or len(data.result) > 1:
        told = f"{len(data.result)} series" if data.resultType == "matrix" else data.resultType
        raise CloudUnavailable(f"{where} answered with {told}: the query must give one, by sum()")
    try:
        found = [msgspec.json.decode(each, type=_One) for each in data.result]
        return {round(at) - MINUTE_S: float(value) for one in found for at, value in one.values}
    except (msgspec.DecodeError, ValueError, OverflowError):
        raise CloudUnavailable(f"{where} answered with values that are no numbers") from None
