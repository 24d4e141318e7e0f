"""Further metrics out of CloudWatch: any metrics of the account and Region, and metric math over them.

They join the one question about the load balancer's. What is wrong with one of them (an expression that
CloudWatch refuses, a metric that it forbids) must silence neither that nor the others: they are asked
for apart, and the minutes of that one are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.aws.metric_data import PERIOD_S, Answer, Group
from deployer.errors import DeployError
from deployer.model import Slot
from deployer.operations.counting import Counted, counted, missing
from deployer.settings.metrics import CloudWatchMetric, Series
from deployer.settings.placeholders import filled

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

Facts = Mapping[Slot, Mapping[str, str]]
_PARTS = re.compile(r"(\"[^\"]*\"|'[^']*')")
_WORD = re.compile(r"\b[a-z][a-zA-Z0-9_]*\b")


class Further:
    """Those metrics of an environment.

    facts: what stands for the words in braces now, by slot.
    """

    def __init__(self, metrics: Sequence[CloudWatchMetric], facts: Callable[[], Facts]) -> None:
        self._metrics = {f"m{n}": metric for n, metric in enumerate(metrics)}
        self._facts = facts
        self._refused: dict[str, tuple[Group, str]] = {}

    def refused(self, prefix: str, group: Group, why: str) -> str:
        """CloudWatch has refused these queries, and will again: they are not asked for any more."""
        self._refused[prefix] = (group, why)
        return why

    def question(self) -> Question:
        """What there is to ask now."""
        groups: dict[str, Group] = {}
        why: dict[str, str] = {}
        for name, metric in self._metrics.items():
            try:
                group = [*queries(name, metric, self._facts())]
            except DeployError as error:
                why[name] = str(error)
                continue
            before, said = self._refused.get(name, ((), ""))
            if group == before:
                why[name] = said
            else:
                groups[name] = group
        return Question(self._metrics, groups, why)


NOTHING_FURTHER = Further((), dict)


@dataclass(frozen=True, slots=True)
class Question:
    """Queries by the metric's prefix; `why`: metrics that cannot be asked for, and why."""

    metrics: Mapping[str, CloudWatchMetric]
    groups: Mapping[str, Group]
    why: Mapping[str, str]

    def told(self, answer: Answer, starts: range, failed: Mapping[str, str]) -> dict[str, Counted]:
        """The metrics by their names.

        failed: those that were not answered, by their prefixes, and why.
        """
        why = {**self.why, **failed}
        return {
            metric.name: self._told(prefix, metric, answer, starts, why.get(prefix, ""))
            for prefix, metric in self.metrics.items()
        }

    def _told(
        self, prefix: str, metric: CloudWatchMetric, answer: Answer, starts: range, why: str
    ) -> Counted:
        several = [id_of(prefix, slot, part) for slot in Slot for part in ("bad", "total")]
        if not why and answer.several.intersection(several):
            why = "CloudWatch answered with several series: the expression must give one"
        if why:
            return missing(starts, why)
        bad = {slot: answer.of(id_of(prefix, slot, "bad")) for slot in Slot}
        total = {slot: answer.of(id_of(prefix, slot, "total")) for slot in Slot}
        return counted(bad, total, starts, absent=metric.absent)


def id_of(prefix: str, slot: Slot, part: str) -> str:
    return f"{prefix}_{slot}_{part}"


def queries(
    prefix: str, metric: CloudWatchMetric, facts: Facts
) -> Iterator[MetricDataQueryTypeDef]:
    """Both slots' queries of one metric; only `bad` and `total` come back.

    Raises:
        NotFound: nothing stands for a word in braces.
    """
    for slot in Slot:
        used: set[str] = set()
        for part, text in (("bad", metric.bad), ("total", metric.total)):
            name = id_of(prefix, slot, part)
            if text in metric.series:  # no metric math where none is needed
                yield _query(name, metric.series[text], facts[slot], returned=True)
                continue
            own = {each: id_of(prefix, slot, f"of_{each}") for each in metric.series}
            used |= set(_WORD.findall(_PARTS.sub("", text)))
            yield {"Id": name, "Expression": expression(text, own, facts[slot]), "ReturnData": True}
        for each in sorted(used):
            yield _query(id_of(prefix, slot, f"of_{each}"), metric.series[each], facts[slot])


def expression(text: str, ids: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """Metric math over the queries' own ids; what it quotes stays as it is, but for words in braces.

    Only what is quoted is filled: whatever stands for such a word, it is a word to CloudWatch.
    """
    return "".join(
        filled(part, facts) if n % 2 else _WORD.sub(lambda found: ids[found[0]], part)
        for n, part in enumerate(_PARTS.split(text))
    )


def _query(
    name: str, series: Series, facts: Mapping[str, str], *, returned: bool = False
) -> MetricDataQueryTypeDef:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": series.namespace,
                "MetricName": series.metric,
                "Dimensions": [
                    {"Name": key, "Value": filled(value, facts)}
                    for key, value in series.dimensions.items()
                ],
            },
            "Period": PERIOD_S,
            "Stat": series.stat,
        },
        "ReturnData": returned,
    }
