"""Reports of ended deployments, where people find them: uploaded once by whoever writes down the end.

Nobody waits for a page and nothing depends on it: who dies before it is uploaded, or cannot, leaves a
deployment that ended as it did, and `deployer report ID --upload` makes the page anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from deployer.engine.loop import Tell
from deployer.errors import DeployError
from deployer.model import Snapshot
from deployer.operations.looking_back import Archive
from deployer.operations.story import Story, gathered
from deployer.plan import Deployment, Event


class Pages(Protocol):
    """One service's reports. `put` and `signed` raise CloudUnavailable and AccessProblem."""

    def put(self, environment: str, deployment_id: str, page: str) -> None:
        """Upload a page of HTML; one that is there is replaced."""
        ...

    def link(self, environment: str, deployment_id: str) -> str:
        """Where people who may read it find it; empty: nowhere. It asks nobody: it may not be there yet."""
        ...

    def signed(self, environment: str, deployment_id: str, lasts_s: float) -> str:
        """A link with which anybody can read it for as long; empty: it is nowhere."""
        ...


class Unpublished:
    """Nothing is uploaded."""

    def put(self, environment: str, deployment_id: str, page: str) -> None:
        """It is not."""

    def link(self, environment: str, deployment_id: str) -> str:  # noqa: ARG002
        return ""

    def signed(self, environment: str, deployment_id: str, lasts_s: float) -> str:  # noqa: ARG002
        return ""


UNPUBLISHED: Final = Unpublished()


def linked(pages: Pages, record: Deployment) -> str:
    """Where an ended deployment's report is; empty: nowhere, or it has not ended, or nobody can tell."""
    if not record.status.final:
        return ""
    try:
        return pages.link(record.environment, record.id)
    except DeployError:
        return ""  # who is told of a deployment is told of it without


Within = Callable[[Callable[[], str]], str]
"""Does a piece of work and returns what it said; where the process must end first, says that."""


def unhurried(work: Callable[[], str]) -> str:
    """Nothing ends this process before the work is done."""
    return work()


@dataclass
class Publishing:
    """The engine's `Tell`: tells on; once a deployment has ended, uploads its report.

    What goes wrong is told as `unpublished`, once, and goes no further: whatever it is, the deployment
    has ended already.

    draw:   a story as a page of HTML.
    within: how long there is for all of it.
    """

    archive: Archive
    pages: Pages
    draw: Callable[[Story], str]
    tell: Tell
    within: Within = unhurried
    _ended: set[str] = field(default_factory=set)

    def __call__(self, deployment: Deployment, event: Event, seen: Snapshot | None) -> None:
        self.tell(deployment, event, seen)
        ended = deployment.status.final and deployment.id not in self._ended
        if not ended or self.pages is UNPUBLISHED:
            return
        self._ended.add(deployment.id)
        try:
            why = self.within(lambda: self._published(deployment, event.at))
        except Exception as error:  # noqa: BLE001  no thread is left for it: it has ended all the same
            why = f"{type(error).__name__}: {error}"
        if why:
            words = f"its report is not uploaded: {why}"
            self.tell(deployment, Event(event.at, "unpublished", words), seen)

    def _published(self, deployment: Deployment, now: float) -> str:
        """Why it could not be; empty: it is."""
        try:
            page = self.draw(gathered(self.archive, deployment, now))
            self.pages.put(deployment.environment, deployment.id, page)
        except DeployError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  a page that cannot be drawn must stop nobody
            return f"{type(error).__name__}: {error}"
        return ""
