"""A journal of one deployment that nobody else knows of, in which people say yes at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from deployer.errors import NotFound, NotPossibleNow
from deployer.journal import Active, Ask, Lease, Request
from deployer.plan import Deployment, Status
from deployer.steps.approve import Approve

WHO = "whoever is asked"


@dataclass
class Memory:
    """The port `Journal`, as far as a runner goes that nobody takes anything over from.

    people: how many times somebody was waited for.
    wish:   what people want of it besides.
    """

    record: Deployment
    people: int = 0
    wish: Ask | None = None
    _answered: str = ""

    def save(self, deployment: Deployment, lease: Lease) -> Deployment:  # noqa: ARG002
        self.record = replace(deployment, version=deployment.version + 1)
        return self.record

    def requested(self, deployment: Deployment) -> Request | None:
        """What is wanted of it; else that it goes on, wherever it waits for somebody."""
        if self.wish is not None:
            return Request(self.wish, WHO, str(self.wish))
        if deployment.status is not Status.RUNNING:
            return None
        about = f"{deployment.cursor}"
        if deployment.paused_at is not None:
            return self._answer(Ask.RESUME, about)
        return self._answer(Ask.APPROVE, about) if isinstance(deployment.step, Approve) else None

    def _answer(self, ask: Ask, about: str) -> Request:
        name = f"{ask} {about}"
        if name != self._answered:
            self._answered = name
            self.people += 1
        return Request(ask, WHO, name)

    def begin(self, deployment: Deployment, lease: Lease) -> Deployment:
        return self.save(deployment, lease)

    def take_over(self, environment: str, lease: Lease, now: float) -> Deployment:  # noqa: ARG002
        raise NotFound(f"nothing of {environment} is to be taken over")

    def reopen(self, deployment: Deployment, lease: Lease) -> Deployment:
        return self.save(deployment, lease)

    def release(self, deployment: Deployment, lease: Lease) -> None:
        """Nobody else wants it."""

    def rest(self, deployment: Deployment, lease: Lease) -> None:
        """There is no other visit."""

    def ask(self, environment: str, request: Request) -> str:  # noqa: ARG002
        raise NotPossibleNow(f"nobody asks anything of {environment}")

    def active(self, environment: str) -> Active | None:  # noqa: ARG002
        return Active(self.record, Lease(WHO, 0.0))

    def load(self, environment: str, deployment_id: str) -> Deployment:  # noqa: ARG002
        return self.record

    def history(self, environment: str, limit: int) -> Sequence[Deployment]:  # noqa: ARG002
        return [self.record]

    def records(self, environment: str, limit: int) -> Sequence[Deployment]:
        return self.history(environment, limit)
