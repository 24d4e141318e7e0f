"""Allowed or not, and why: IAM's evaluation logic within one account. Pure.

An explicit deny anywhere wins; else the role's own policies or the resource's must allow; else
nothing does. A permissions boundary limits what the role's own policies allow, and what a resource's
policy allows to the role, though not to one session of it. A resource's policy that allows its own
account leaves it to that account's policies: alone it allows nobody anything.
Source: IAM User Guide, "Policy evaluation logic" and "AWS JSON policy elements: Principal".
Organizations' policies and session policies do not exist in the lab.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.lab.iam.asked import Ask, Context
from deployer.lab.iam.policy import Policy, Statement


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    arn:           `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, or of a user.
    principal_arn: what `aws:PrincipalArn` says: the role's.
    names:         every (kind, name) by which a resource's policy may call it: account, role, …
    """

    arn: str
    principal_arn: str
    names: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Decision:
    """`why` completes AWS's sentence: "… because no identity-based policy allows the X action"."""

    allowed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Policies:
    """What is attached where: to the role, as its boundary, to the resource."""

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    resource: Sequence[Policy] = ()


def decide(ask: Ask, context: Context, who: Principal, policies: Policies) -> Decision:
    """Whether one thing is allowed.

    Raises:
        Unsupported: a statement about this very request says something that the lab cannot evaluate.
    """
    identity = _saying(policies.identity, ask, context)
    bound = _saying([policies.boundary] if policies.boundary else [], ask, context)
    resource = _saying(policies.resource, ask, context, who)
    for statements, kind in (
        (identity, "an identity-based policy"),
        (bound, "a permissions boundary"),
        (resource, "a resource-based policy"),
    ):
        if any(one.effect == "Deny" for one in statements):
            return Decision(allowed=False, why=f"with an explicit deny in {kind}")
    named = [one for one in resource if _meant(one, who)]
    if named and (bound or not policies.boundary or any(_itself(one, who) for one in named)):
        return Decision(allowed=True, why="a resource-based policy allows it")
    if not identity and not named:
        why = f"because no identity-based policy allows the {ask.action} action"
        return Decision(allowed=False, why=why)
    if policies.boundary and not bound:
        why = f"because no permissions boundary allows the {ask.action} action"
        return Decision(allowed=False, why=why)
    return Decision(allowed=True, why="an identity-based policy allows it")


def trusts(ask: Ask, context: Context, who: Principal, trust: Policy) -> bool:
    """Whether a role's trust policy lets this principal do `ask` (sts:AssumeRole) with the role.

    Raises:
        Unsupported: as `decide`.
    """
    said = _saying([trust], ask, context, who)
    return bool(said) and all(one.effect == "Allow" for one in said)


def addressed(statement: Statement, who: Principal) -> bool:
    """Whether a resource's policy speaks of this principal."""
    named = statement.principals or frozenset()
    return ("AWS", "*") in named or bool(named & who.names)


def _meant(statement: Statement, who: Principal) -> bool:
    """He is meant, or everybody; not only the account that he belongs to."""
    by_role = ("AWS", who.principal_arn) in (statement.principals or ())
    return by_role or _itself(statement, who)


def _itself(statement: Statement, who: Principal) -> bool:
    """The very session is meant, the user, the service, or everybody."""
    own = {("AWS", "*"), ("AWS", who.arn), ("Service", who.arn)}
    return bool(own & (statement.principals or frozenset()))


def forbidden(ask: Ask, context: Context, who: Principal, resource: Sequence[Policy]) -> bool:
    """Whether a resource's own policy denies this, whatever else the caller may do: deny wins.

    Raises:
        Unsupported: as `decide`.
    """
    return any(one.effect == "Deny" for one in _saying(resource, ask, context, who))


def _saying(
    policies: Sequence[Policy], ask: Ask, context: Context, who: Principal | None = None
) -> list[Statement]:
    """The statements about this request; `who`: those of resources only, if they speak of him."""
    return [
        statement
        for policy in policies
        for statement in policy.statements
        if (who is None or addressed(statement, who)) and statement.applies(ask, context)
    ]
