"""What the supervisor's visit came to, for people and for programs. Pure."""

from rich.text import Text

from deployer.durations import spell
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment
from deployer.render.documents import Document, deployment_document
from deployer.render.plan import goal, title
from deployer.render.progress import WORDS, position
from deployer.render.words import iso, one_line

STYLES = {State.STUCK: "red", State.OURS: "cyan", State.EXPIRED: "cyan"}


def visit_text(visit: Visit, place: str) -> Text:
    """One line."""
    return Text(f"{place}: {_words(visit)}", style=STYLES.get(visit.state, ""))


def _words(visit: Visit) -> str:
    deployment = visit.deployment
    about = f"{title(deployment.first_plan)} ({deployment.id})" if deployment else ""
    if visit.problem is not None:
        return f"{about or 'it'} could not be carried on: {one_line(str(visit.problem))}"
    if deployment is None:
        return visit.state.value
    if visit.state is State.OURS:
        return f"carrying on {about}, {_standing(deployment)}{_late(visit)}"
    if visit.state is State.EXPIRED:
        return f"emptying the idle slot, which nobody can want any more ({deployment.id})"
    if visit.state is State.ENDED:
        return f"{about} has ended: {WORDS[deployment.status]}"
    return f"{about} has its runner"


def _late(visit: Visit) -> str:
    """Visits that always come too late would let no deadline ever run out."""
    if not visit.late_s:
        return ""
    return (
        f"; this visit came {spell(visit.late_s)} after its lease had run out, so the step's "
        "deadline begins anew: --every must be how often visits come"
    )


def _standing(deployment: Deployment) -> str:
    held = "paused " if deployment.paused_at is not None else ""
    return f"{held}at {position(deployment)} ({goal(deployment.step)})"


def visit_document(visit: Visit, at: float) -> Document:
    """The same."""
    deployment = visit.deployment
    return {
        "at": iso(at), "deployment": deployment.id if deployment else None, "event": "visit",
        "state": visit.state.name.lower(),
        "problem": str(visit.problem) if visit.problem is not None else None,
        "late_s": visit.late_s,
        "record": deployment_document(deployment, at, whole=False) if deployment else None,
    }  # fmt: skip
