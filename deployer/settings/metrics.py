"""[[analysis.metrics]]: what else than failed and slow requests a release is judged by.

Each is a count of bad ones among all, per minute and slot, from one of the sources below. What a
source must answer, and what becomes of an answer that does not come, is in docs/analysis.md.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from deployer.analysis.limits import FAILURES, SLOW, Metric
from deployer.settings.kinds import VEILED, Seconds, within
from deployer.settings.objection import Objection
from deployer.settings.placeholders import NAMES, TELLING, TIMES, apart, strange

RESERVED = (FAILURES.name, SLOW.name)
MOST = 20
LONGEST_S = 10.0  # that a source is waited for: the lease must be renewed meanwhile
_SERIES = re.compile(r"[a-z][a-zA-Z0-9_]{0,63}")
_WORD = re.compile(r"\b[a-z][a-zA-Z0-9_]*\b")
# Whose value in a minute depends on other minutes, or on other metrics of the same call.
_BEYOND = re.compile(
    r"\b(METRICS|RATE|DIFF|DIFF_TIME|RUNNING_SUM|REPEAT|LINEAR|ANOMALY_DETECTION_BAND)\b"
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_RISING = "two rising percents above 0 and below 100, such as [0.005, 0.1]"

Name = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,64}$",
        description=f"up to 64 characters on one line, other than {' and '.join(RESERVED)}",
    ),
]
Query = Annotated[str, Meta(min_length=1, max_length=8192, description="PromQL, not empty")]
Expression = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1024,
        description="one of the names under series, or CloudWatch metric math over them",
    ),
]
Word = Annotated[str, Meta(min_length=1, max_length=255, description="1 to 255 characters")]
Address = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s/?#@\\]+(?:[/?][!-~]*)?$",
        max_length=2048,
        description="an address such as https://metrics.example.com/orders, without a password",
    ),
]
Variable = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$",
        description='the name of an environment variable, never the token itself; or ""',
        extra={VEILED: True},
    ),
]
Weight = Annotated[float, Meta(ge=0.01, le=100, description="a number from 0.01 to 100")]
Ratio = Annotated[float, Meta(ge=1, le=100, description="a ratio from 1 to 100, such as 1.1")]
Percent = Annotated[float, Meta(ge=0, le=100, description="percent from 0 to 100, such as 0.002")]
Percents = Annotated[tuple[Percent, Percent], Meta(description=_RISING)]
Patience = Annotated[Seconds, within(0.1, LONGEST_S, f"a duration from 0.1s to {LONGEST_S:g}s")]
Absent = Annotated[Literal["unknown", "none"], Meta(description='"unknown" or "none"')]


class MetricSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a metric of any source says.

    weight:     its part of the evidence, beside 1 of the failures and 1 of the slow requests.
    tolerated:  ratio of candidate's to stable's rate that is fine.
    min_excess: rate added, percent, below which no release goes back.
    harmful:    least and largest rate, percent, that counts as harm where stable has next to none.
    settles:    its first minute after a change of weight does not count.
    """

    name: Name
    weight: Weight = 1.0
    tolerated: Ratio = 1.1
    min_excess: Percent = 0.002
    harmful: Percents = (0.005, 0.1)
    settles: Annotated[bool, Meta(description="true or false")] = False

    def metric(self) -> Metric:
        """As the analysis knows it: rates are 0..1 there."""
        least, most = self.harmful
        return Metric(
            self.name, float(self.weight), float(self.tolerated), self.min_excess / 100,
            (least / 100, most / 100), settles=self.settles,
        )  # fmt: skip


class Series(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One CloudWatch metric, a value a minute; its dimensions may have placeholders."""

    namespace: Word
    metric: Word
    dimensions: dict[str, str] = {}
    stat: Word = "Sum"


class CloudWatchMetric(
    MetricSettings, frozen=True, kw_only=True, tag_field="source", tag="cloudwatch"
):
    """Any CloudWatch metrics of the environment's account and Region, asked for with the others.

    series: what `bad` and `total` are made of, by a name that is known in those two alone.
    absent: what no value of `bad` means in a minute that has one of `total`.
    """

    bad: Expression
    total: Expression
    series: Annotated[
        dict[str, Series],
        Meta(
            min_length=1,
            max_length=10,
            description='such as {refused = {namespace = "Shop", metric = "Refused", dimensions = '
            '{Slot = "{slot}"}}}',
        ),
    ]  # fmt: skip
    absent: Absent = "unknown"


class HttpMetric(MetricSettings, frozen=True, kw_only=True):
    """What is asked over HTTP.

    token_from: environment variable whose value is sent as `Authorization: Bearer`; "": none.
    timeout_s:  real seconds for all that one look asks of it.
    """

    url: Address
    token_from: Variable = ""
    timeout_s: Patience = field(name="timeout", default=Seconds(5))


class PrometheusMetric(HttpMetric, frozen=True, kw_only=True, tag_field="source", tag="prometheus"):
    """PromQL, whose value at the end of a minute is that of the minute.

    url:    of the server: /api/v1/query_range comes after it.
    absent: as of CloudWatch.
    """

    bad: Query
    total: Query
    absent: Absent = "unknown"


class WebhookMetric(HttpMetric, frozen=True, kw_only=True, tag_field="source", tag="webhook"):
    """Whatever answers a GET of `url` with {"minutes": [{"start": …, "bad": 3, "total": 300}]}."""


AnyMetric = CloudWatchMetric | PrometheusMetric | WebhookMetric
Metrics = Annotated[
    tuple[AnyMetric, ...],
    Meta(max_length=MOST, description=f"up to {MOST} tables [[analysis.metrics]]"),
]


def objections(metrics: tuple[AnyMetric, ...]) -> Iterator[Objection]:
    """What one value alone cannot break."""
    for n, metric in enumerate(metrics):
        where = f"analysis.metrics[{n}]"
        taken = (*RESERVED, *(other.name for other in metrics[:n]))
        if metric.name in taken:
            yield Objection(f"{where}.name", f"another name than {', '.join(taken)}")
        low, high = metric.harmful
        if not 0 < low < high < 100:
            yield Objection(f"{where}.harmful", _RISING)
        yield from _of_source(metric, where)


def _of_source(metric: AnyMetric, where: str) -> Iterator[Objection]:
    match metric:
        case CloudWatchMetric():
            yield from _braced(where, NAMES, bad=metric.bad, total=metric.total)
            yield from _series(metric, where)
        case PrometheusMetric():
            yield from _braced(where, (), url=metric.url)
            if "?" in metric.url:
                yield Objection(f"{where}.url", "that of the server: nothing comes after its path")
            yield from _braced(where, NAMES, bad=metric.bad, total=metric.total)
        case WebhookMetric():
            yield from _braced(where, (*NAMES, *TIMES), url=metric.url)
    yield from _alike(metric, where)
    if isinstance(metric, HttpMetric):
        yield from _address(metric, f"{where}.url")


def _address(metric: HttpMetric, where: str) -> Iterator[Objection]:
    try:
        parts = urlsplit(metric.url)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is none
        good = False
    if not good:
        yield Objection(where, "an address with a host, and a port from 1 to 65535 if it names one")
    elif metric.token_from and not _secure(metric.url):
        yield Objection(where, "an address with https: nobody on the way reads the token")


def _alike(metric: AnyMetric, where: str) -> Iterator[Objection]:
    """Both slots would be told the same: such a metric speaks for every release."""
    asked = {"url": metric.url} if isinstance(metric, WebhookMetric) else _asked(metric)
    for key, text in asked.items():
        if not apart(text):
            known = ", ".join(f"{{{name}}}" for name in TELLING)
            yield Objection(
                f"{where}.{key}",
                f"asked for each slot by itself, with one of {known}: now both are told the same",
            )


def _asked(metric: CloudWatchMetric | PrometheusMetric) -> dict[str, str]:
    """What is asked for `bad` and `total`, with the dimensions of all series that are in it."""
    if isinstance(metric, PrometheusMetric):
        return {"bad": metric.bad, "total": metric.total}
    found = {}
    for key, text in (("bad", metric.bad), ("total", metric.total)):
        named = [metric.series[word] for word in _WORD.findall(text) if word in metric.series]
        dimensions = [value for each in named for value in each.dimensions.values()]
        found[key] = " ".join([text, *dimensions])
    return found


def _braced(where: str, known: tuple[str, ...], **texts: str) -> Iterator[Objection]:
    for key, text in texts.items():
        if word := strange(text, known):
            there = f"; known: {', '.join(f'{{{each}}}' for each in known)}" if known else ""
            yield Objection(f"{where}.{key}", f"without {{{word}}}{there}")


def _series(metric: CloudWatchMetric, where: str) -> Iterator[Objection]:
    for name, one in metric.series.items():
        if not _SERIES.fullmatch(name):
            yield Objection(
                f"{where}.series",
                f"with names of letters, digits and _, the first small: not {name!r}",
            )
        yield from _braced(where, NAMES, series=" ".join(one.dimensions.values()))
    for key in ("bad", "total"):
        text = _QUOTED.sub("", getattr(metric, key))
        unknown = [word for word in _WORD.findall(text) if word not in metric.series]
        if "{" in text:
            yield Objection(f"{where}.{key}", "with words in braces inside quotation marks only")
        elif unknown:
            yield Objection(
                f"{where}.{key}", f"made of {', '.join(metric.series)}: there is no {unknown[0]}"
            )
        if wide := _BEYOND.search(text):
            yield Objection(
                f"{where}.{key}",
                f"what one minute says by itself: without {wide[0]}, which looks further",
            )


def _secure(url: str) -> bool:
    """Whether a token may go there: on this machine nobody is on the way."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
