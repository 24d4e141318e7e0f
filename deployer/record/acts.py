"""Who did what to a deployment, and from where: what a record's audit is made of. Pure data."""

import msgspec

from deployer.model import Weights

# What an act is called, beside the wishes of people (`journal.Ask`), which have their own names.
BEGAN, CARRIES, WEIGHTS, GROUP = "began", "carries", "weights", "group"
REFUSED, OVERRODE = "refused", "override-freeze"


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acted.

    name:     for people: `alice@laptop`, `CodeBuild shop:4f1e`.
    identity: the ARN that AWS knew the credentials by (sts:GetCallerIdentity); empty: not known.
    origin:   from where: the host, the pipeline's execution, the CI run's address, the function.
    """

    name: str
    identity: str = ""
    origin: str = ""


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that somebody did.

    at:      epoch seconds.
    what:    `began`, `carries` (from now on that actor's process carries it out), `weights`, `group`,
             `override-freeze`, `refused`, or the wish that was granted: `pause`, `promote`, ...
    actor:   whose doing: index in the record's `actors`.
    weights: those that it led to (`weights`), or the live ones as last confirmed; None: no rule yet.
    note:    why, or what, in words.
    """

    at: float
    what: str
    actor: int
    weights: Weights | None = None
    note: str = ""
