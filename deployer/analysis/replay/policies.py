"""The policies that a recording can be played through, by name, and what of them can be set.

A policy is named `flagger`, or with settings `flagger:success=0.95,threshold=2`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from deployer.analysis.peers.argo import Argo
from deployer.analysis.peers.codedeploy import CodeDeploy
from deployer.analysis.peers.flagger import Flagger
from deployer.analysis.peers.policy import Policy
from deployer.analysis.peers.spinnaker import Spinnaker
from deployer.analysis.peers.z_test import ZTest
from deployer.analysis.replay.ours import Adaptive, Fixed
from deployer.analysis.terms import Terms

Value = int | float | bool
WORDS = {int: "whole number", float: "number"}
MOST = 100_000
PER_MILLE = 1000
PARTS = ("share", "step", "most")  # settings that are per mille of the traffic
FRACTIONS = ("success", "rate")  # ... that are 0 to 1
ZERO = ("limit", "warm_up", "count")  # settings, whole numbers, that may be 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """A policy by name.

    says:     its rule in one line.
    make:     a new one, by the recorded terms and what was set.
    settings: what can be set, with the default.
    """

    says: str
    make: Callable[[Terms, Mapping[str, Value]], Policy]
    settings: Mapping[str, Value]


def of_a_peer(says: str, kind: Callable[..., Policy], **fixed: Value | None) -> Recipe:
    """Its dataclass says what can be set; `fixed`: what is another value here."""
    known: dict[str, Value] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        default = fixed.get(each.name, each.default)
        if each.init and isinstance(default, int | float):
            known[each.name] = default
    return Recipe(says, lambda _, given: kind(**{**fixed, **given}), known)


RECIPES: dict[str, Recipe] = {
    "ours": Recipe(
        "evidence that holds at every look, and a ramp by harm budget (docs/analysis.md)",
        lambda terms, _: Adaptive(terms),
        {},
    ),
    "ours-fixed": Recipe(
        "the same evidence at 5, 25, 50 and 95 %, ten minutes each",
        lambda terms, _: Fixed(terms),
        {},
    ),
    "argo": of_a_peer(
        "20, 40, 60, 80 %, ten minutes each; every 5 min at least 95 % succeed; the fourth failed "
        "measurement aborts",
        Argo,
    ),
    "argo-inline": of_a_peer(
        "the same steps, five minutes and one measurement each; the first failed one aborts",
        Argo,
        limit=0,
        step_min=5,
    ),
    "flagger": of_a_peer(
        "10 % more a minute up to 50 %; at least 99 % succeed and p99 holds; goes back after 5 failed "
        "checks",
        Flagger,
    ),
    "kayenta": of_a_peer(
        "10 % for an hour, judged every 20 min by Mann-Whitney; 50 or less goes back, the last must "
        "reach 75",
        Spinnaker,
    ),
    "codedeploy": of_a_peer("10 % for 5 min, then everything; an alarm on any 5xx", CodeDeploy),
    "codedeploy-rate": of_a_peer(
        "the same, with an alarm on more than 1 % of 5xx in 2 of 2 minutes",
        CodeDeploy,
        count=None,
        m=2,
    ),
    "z-test": of_a_peer("5, 25, 50 and 95 %, ten minutes each; aborts beyond 1.96 sigma", ZTest),
}


def recipe(text: str) -> tuple[Recipe, Mapping[str, Value]]:
    """What `NAME` or `NAME:key=value,key=value` stands for.

    Raises:
        ValueError: there is no such policy or setting, or the value is none; says what there is.
    """
    name, _, settings = text.partition(":")
    found = RECIPES.get(name)
    if found is None:
        raise ValueError(f"there is no policy {name!r}: known are {', '.join(RECIPES)}")
    given = dict(_setting(name, found, each) for each in settings.split(",") if each.strip())
    return found, given


def _setting(name: str, found: Recipe, text: str) -> tuple[str, Value]:
    key, _, value = (part.strip() for part in text.partition("="))
    default = found.settings.get(key)
    if default is None:
        known = ", ".join(f"{each}={value}" for each, value in found.settings.items()) or "nothing"
        raise ValueError(f"{name} has no setting {key!r}: it has {known}")
    if isinstance(default, bool):
        if value not in ("true", "false"):
            raise ValueError(f"{name}: {key} is true or false, not {value!r}")
        return key, value == "true"
    most = PER_MILLE if key in PARTS else 1 if key in FRACTIONS else MOST
    return key, _number(f"{name}: {key}", type(default), value, most)


def _number(what: str, kind: type[int | float], value: str, most: int) -> Value:
    least = 0 if what.endswith(ZERO) else 1 if kind is int else 0
    try:
        read = kind(value)
    except ValueError:
        raise ValueError(f"{what}={value} is no {WORDS[kind]}") from None
    if not least <= read <= most:
        raise ValueError(f"{what} is {least} to {most}, not {value}")
    return read
