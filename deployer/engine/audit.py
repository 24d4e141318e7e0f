"""A record's audit: every act is written with it, in the same write as what it tells of. Pure.

The first act, which says who began the deployment, is always kept; of the others the newest.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from deployer.changes import Effect, SetCohort, SetWeights
from deployer.model import Weights
from deployer.plan import Deployment
from deployer.record.acts import CARRIES, GROUP, WEIGHTS, Act, Actor

MOST = 200  # acts that a record keeps: DynamoDB's items have 400 KB
LONGEST = 300  # characters of a name, an origin or a note


def did(
    deployment: Deployment,
    actor: Actor,
    what: str,
    at: float,
    *,
    note: str = "",
    weights: Weights | None = None,
) -> Deployment:
    """The record with one act more; `weights` None: those that it has confirmed."""
    actors, number = _among(deployment.actors, _short(actor))
    act = Act(at, what, number, weights or deployment.written, note[:LONGEST])
    return replace(deployment, actors=actors, audit=_kept((*deployment.audit, act)))


def carried(deployment: Deployment, actor: Actor, change: Effect | None, at: float) -> Deployment:
    """The record as `actor`'s runner writes it, before it makes `change`.

    That somebody carries it out is written when it is somebody else than before, and a change that
    is repeated, because it was not seen yet, once.
    """
    after = deployment
    if _carries(deployment) != _short(actor):
        after = did(after, actor, CARRIES, at)
    if isinstance(change, SetWeights):
        return _once(
            after, did(after, actor, WEIGHTS, at, note=str(change), weights=change.weights)
        )
    if isinstance(change, SetCohort):
        return _once(after, did(after, actor, GROUP, at, note=str(change)))
    return after


def acts(deployment: Deployment) -> Iterator[tuple[Act, Actor]]:
    """Each act with whose it was, oldest first."""
    return ((act, deployment.actors[act.actor]) for act in deployment.audit)


def carrier(deployment: Deployment, at: float) -> Actor | None:
    """Who carried it out at that moment, and so made what the record tells of it; None: not known."""
    found = [who for act, who in acts(deployment) if act.what == CARRIES and act.at <= at]
    return found[-1] if found else None


def _carries(deployment: Deployment) -> Actor | None:
    return next((who for act, who in reversed([*acts(deployment)]) if act.what == CARRIES), None)


def _once(before: Deployment, after: Deployment) -> Deployment:
    """The record with its new act, unless that is what was done last."""
    last, new = before.audit[-1], after.audit[-1]
    return before if (last.what, last.note) == (new.what, new.note) else after


def _among(actors: tuple[Actor, ...], actor: Actor) -> tuple[tuple[Actor, ...], int]:
    if actor in actors:
        return actors, actors.index(actor)
    return (*actors, actor), len(actors)


def _kept(audit: tuple[Act, ...]) -> tuple[Act, ...]:
    return audit if len(audit) <= MOST else (audit[0], *audit[-MOST + 1 :])


def halved(deployment: Deployment) -> Deployment:
    """With who began it, the newer half of the other acts, and their actors alone."""
    first, *others = deployment.audit
    left = (first, *others[len(others) // 2 + 1 :])
    actors = tuple(dict.fromkeys(deployment.actors[act.actor] for act in left))
    acts = (replace(a, actor=actors.index(deployment.actors[a.actor])) for a in left)
    return replace(deployment, actors=actors, audit=tuple(acts))


def _short(actor: Actor) -> Actor:
    return Actor(actor.name[:LONGEST], actor.identity[:LONGEST], actor.origin[:LONGEST])
