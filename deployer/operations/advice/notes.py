"""What to say beside the settings: dangers that none of them removes. All notes that fit are told."""

from dataclasses import dataclass

from deployer.operations.advice.conditions import Condition, OneOf
from deployer.operations.advice.settings_table import CAREFUL, NOT_ONE, PRODUCTION
from deployer.operations.advice.table import USED_UP, evidence

BLUE_GREEN = OneOf("strategy", ("blue-green",))
ROLLING = OneOf("strategy", ("rolling",))
CANARY = OneOf("strategy", ("canary",))


@dataclass(frozen=True, slots=True)
class Note:
    """Told where all of `when` hold."""

    when: tuple[Condition, ...]
    words: str


NOTES = (
    Note(
        (OneOf("database", ("breaking",)),),
        "Safer than any strategy: split the change in two releases, each of which can go back "
        "(docs/schema-changes.md). If it must be one: mark the artifact rollback-safe=false and ship it "
        "with --irreversible; from its first user on nothing goes back by itself.",
    ),
    Note(
        (OneOf("database", ("additive",)),),
        "Let a hook (hooks.before_traffic) add what is new before any user sees the release, and remove "
        "what is old only when nobody goes back past it (docs/schema-changes.md).",
    ),
    Note(
        (OneOf("two-versions", ("no",)),),
        "For seconds around the switch both still answer: requests in flight, and nodes of the load "
        "balancer that learn of it later. Without downtime no strategy avoids that.",
    ),
    Note(
        (BLUE_GREEN, OneOf("budget", ("none", "little"))),
        "As many instances again run while it lasts: more than the budget allows, and nothing cheaper "
        "keeps two releases apart.",
    ),
    Note(
        (ROLLING, NOT_ONE, CAREFUL),
        "One instance more than the budget allows runs for minutes at a time: without it fewer than all "
        "would serve.",
    ),
    Note(
        (ROLLING,),
        "The release is judged by what the group served before, not beside the old one, and the way back "
        "takes as long as the way there.",
    ),
    Note(
        (OneOf("strategy", ("blue-green", "rolling")), evidence("scarce")),
        "Where hardly a request comes, a bake waits a quarter of an hour longer for some (of a rolling "
        "deployment each one): a little load of your own, or `deployer promote`, ends that.",
    ),
    Note(
        (CANARY, OneOf("two-versions", ("per-user",))),
        "The cookie's time is used when the rule is made, by an environment's first release; a rule that "
        "is there keeps what it says (docs/strategies.md, when the rule sticks).",
    ),
    Note(
        (PRODUCTION, USED_UP),
        "The month's error budget is used up: ship what mends it, and let the rest wait.",
    ),
    Note(
        (evidence("unknown"),),
        "The traffic is not known. Ask again when it is: it decides how long a verdict takes, and whether "
        "one can be had.",
    ),
    Note(
        (CAREFUL,),
        "Name what only you know: your alarms (analysis.alarms), and what else must not get worse "
        "([[analysis.metrics]]).",
    ),
)  # fmt: skip
