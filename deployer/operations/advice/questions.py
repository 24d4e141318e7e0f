"""What is asked before a strategy is recommended: each question, its answers and what they mean.

The command line makes its flags and prompts of this, docs/recommend.md its table.
"""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Whom a bad release meets."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Criticality(StrEnum):
    """What a bad minute costs."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Together(StrEnum):
    """Whether two releases may serve at once."""

    YES = "yes"
    PER_USER = "per-user"
    BRIEFLY = "briefly"
    NO = "no"


class Spare(StrEnum):
    """How many instances more a deployment may run."""

    NONE = "none"
    LITTLE = "little"
    DOUBLE = "double"
    PLENTY = "plenty"


class Database(StrEnum):
    """What releases change in data that both use."""

    NONE = "none"
    ADDITIVE = "additive"
    BREAKING = "breaking"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    name:    of the flag, and of the fact in the table.
    asks:    the question, for a person.
    answers: what may be said, and what it means; empty: a number.
    assumed: what is taken where nobody says anything; empty: it is unknown.
    """

    name: str
    asks: str
    answers: tuple[tuple[str, str], ...] = ()
    assumed: str = ""


STAGE = Question(
    "stage", "What is this environment?",
    (
        (Stage.DEVELOPMENT, "only its makers use it"),
        (Stage.STAGING, "releases are rehearsed here"),
        (Stage.PRODUCTION, "users"),
    ),
    Stage.PRODUCTION,
)  # fmt: skip
CRITICALITY = Question(
    "criticality", "What does it cost when it fails for some minutes?",
    (
        (Criticality.LOW, "hardly anybody notices"),
        (Criticality.MEDIUM, "users are annoyed"),
        (Criticality.HIGH, "money, or trust"),
        (Criticality.CRITICAL, "much money, or somebody's safety"),
    ),
    Criticality.MEDIUM,
)  # fmt: skip
SLA = Question("sla", "Which availability is promised, in percent (99.9)? 0 for none.", assumed="0")
ERROR_BUDGET = Question(
    "error-budget", "How much of this month's error budget is left, in percent?", assumed="100"
)
TRAFFIC = Question("traffic", "How many requests a second come, roughly?")
TOGETHER = Question(
    "two-versions", "May the old and the new release serve at the same time?",
    (
        (Together.YES, "yes, even one user's requests in turn"),
        (Together.PER_USER, "yes, if each user stays with one of them"),
        (Together.BRIEFLY, "for some minutes only"),
        (Together.NO, "no: a protocol, a session format, a cache that only one of them knows"),
    ),
    Together.YES,
)  # fmt: skip
SPARE = Question(
    "budget", "How many instances more may a deployment run while it lasts?",
    (
        (Spare.NONE, "not one"),
        (Spare.LITTLE, "a few"),
        (Spare.DOUBLE, "as many again, no longer than needed"),
        (Spare.PLENTY, "as many again, for as long as it helps"),
    ),
    Spare.DOUBLE,
)  # fmt: skip
DATABASE = Question(
    "database", "What do releases change in the database, or in anything that both releases use?",
    (
        (Database.NONE, "nothing, or nothing that the other release sees"),
        (Database.ADDITIVE, "they add: the release before works with it"),
        (Database.BREAKING, "the release before cannot work with it"),
    ),
    Database.NONE,
)  # fmt: skip

QUESTIONS = (STAGE, CRITICALITY, SLA, ERROR_BUDGET, TRAFFIC, TOGETHER, SPARE, DATABASE)
