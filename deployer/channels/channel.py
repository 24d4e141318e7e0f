"""What a channel is: a name, what it wants to hear of, and a way to send one notice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from deployer.errors import DeployError
from deployer.news import Kind
from deployer.operations.notices import Notice

TIMEOUT_S: Final = 5.0  # real seconds that one attempt may take


class Undelivered(DeployError):
    """It was not sent, as far as is known; says where and why, without a secret.

    reached: it may have been taken all the same: the answer did not come.
    lasting: another attempt meets the same.
    """

    def __init__(self, words: str, *, reached: bool = False, lasting: bool = False) -> None:
        super().__init__(words)
        self.reached = reached
        self.lasting = lasting


class Send(Protocol):
    """Sends one notice, within `TIMEOUT_S` or nearly."""

    def __call__(self, notice: Notice, /) -> None:
        """It is there.

        Raises:
            DeployError: it is not; `Undelivered` says more.
        """
        ...


@dataclass(frozen=True, slots=True)
class Channel:
    """One place to tell.

    name:    as the settings call it; marks are kept by it.
    kinds:   what it wants to hear of.
    send:    sends one notice.
    prepare: makes what only the main thread may make; called once, before the first notice.
    marked:  each notice is sent once. Else whoever looks sends everything again: for what only
             keeps the newest, such as a file of metrics.
    """

    name: str
    kinds: frozenset[Kind]
    send: Send
    prepare: Callable[[], object] = lambda: None
    marked: bool = True

    def wants(self, notice: Notice) -> bool:
        """Whether that is for it."""
        return not self.kinds.isdisjoint(notice.kinds)
