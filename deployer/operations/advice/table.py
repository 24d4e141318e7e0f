"""The reasoning: how careful, how soon a verdict, which strategy. One row a rule; the first that fits decides.

`settings_table` goes on from there. To change the advice, change a row: docs/recommend.md is generated from
them (`make reference` writes it), and tests hold any table to what must be true of it: every
answer gets advice, and what is more critical is never less safe (tests/advice).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.operations.advice.conditions import AtLeast, AtMost, Below, Condition, OneOf

Value = str | int | float | bool | tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One rule.

    decides: a fact, `care`, `evidence` or `strategy`; or a setting: `canary.bake`.
    value:   what it is then; of a setting as deployer.toml has it.
    when:    all of these must hold.
    because: the reason, as a sentence without its full stop.
    """

    decides: str
    value: Value
    when: tuple[Condition, ...]
    because: str


def care(*levels: str) -> OneOf:
    """How careful to be."""
    return OneOf("care", levels)


def evidence(*kinds: str) -> OneOf:
    """How soon a verdict can be had."""
    return OneOf("evidence", kinds)


CARE_LEVELS = ("least", "little", "usual", "high", "utmost")
PRODUCTION = OneOf("stage", ("production",))
STAGING = OneOf("stage", ("staging",))
USED_UP = Below("error-budget", 1)

CARE = (
    Row(
        "care", "utmost", (PRODUCTION, OneOf("criticality", ("critical",))),
        "a bad minute costs much money, or somebody's safety",
    ),
    Row(
        "care", "utmost", (PRODUCTION, AtLeast("sla", 99.99)),
        "99.99 % allows four minutes a month: one bad release can spend them all",
    ),
    Row("care", "utmost", (PRODUCTION, USED_UP), "nothing is left this month that may fail"),
    Row(
        "care", "high", (PRODUCTION, OneOf("criticality", ("high",))),
        "a bad minute costs money, or trust",
    ),
    Row(
        "care", "high", (PRODUCTION, AtLeast("sla", 99.9)),
        "99.9 % allows 43 minutes a month: a bad release must not spend many of them",
    ),
    Row(
        "care", "high", (PRODUCTION, Below("error-budget", 25)),
        "little is left this month that may fail",
    ),
    Row(
        "care", "usual", (PRODUCTION, OneOf("criticality", ("medium",))),
        "users meet the release",
    ),
    Row("care", "little", (PRODUCTION,), "users meet the release, and hardly notice a bad minute"),
    Row("care", "little", (STAGING,), "a rehearsal goes the way of production, only quicker"),
    Row("care", "least", (), "only its makers use it"),
)  # fmt: skip

EVIDENCE = (
    Row(
        "evidence", "minutes", (AtMost("verdict", 30),),
        "there is traffic enough to call a good release good within half an hour",
    ),
    Row(
        "evidence", "hours", (AtMost("verdict", 1440),),
        "with this traffic it takes hours to call a good release good",
    ),
    Row(
        "evidence", "scarce", (AtLeast("traffic", 0),),
        "with so few requests no day is long enough to call a good release good",
    ),
    Row("evidence", "unknown", (), "nobody said how many requests come"),
)  # fmt: skip

STRATEGY = (
    Row(
        "strategy", "blue-green", (OneOf("database", ("breaking",)),),
        "the release before cannot work with the data of the new one: one change of traffic keeps "
        "the time in which both serve shortest",
    ),
    Row(
        "strategy", "blue-green", (OneOf("two-versions", ("no", "briefly")),),
        "two releases must not serve side by side: all of the traffic moves in one change, and back "
        "in one",
    ),
    Row(
        "strategy", "blue-green",
        (OneOf("two-versions", ("per-user",)), OneOf("budget", ("none", "little"))),
        "in one group nothing keeps a user with one release, and shares need a second group",
    ),
    Row(
        "strategy", "rolling", (OneOf("budget", ("none", "little")),),
        "a second group of instances is beyond the budget: the one that serves is replaced in place",
    ),
    Row(
        "strategy", "blue-green", (care("least"),),
        "nobody is harmed by a bad release here, and this is quickest",
    ),
    Row(
        "strategy", "canary", (care("high", "utmost"),),
        "a bad release must meet few users before it is found",
    ),
    Row(
        "strategy", "blue-green", (evidence("scarce"),),
        "a share of so little traffic tells nothing: with all of it most is seen, and the way back is "
        "one change",
    ),
    Row(
        "strategy", "canary", (),
        "a bad release meets few users before it is found, and there is traffic to find it by",
    ),
)  # fmt: skip

TABLES: Mapping[str, tuple[Row, ...]] = {
    "How careful to be": CARE,
    "How soon a verdict can be had": EVIDENCE,
    "Which strategy": STRATEGY,
}
