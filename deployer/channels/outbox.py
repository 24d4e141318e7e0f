"""The port `Outbox`: every channel has a thread of its own, so that a slow one delays nobody.

It lives as long as something waits: a warm function makes an outbox for each of its calls.

The runner's thread does no more than put a record into a queue. Everything else, what there is to
tell, what was told already, the sending and its retries, happens behind it, is bounded in time, and
ends with the process: what was not sent then, the next runner or the supervisor finds in the record.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from deployer.channels.channel import Channel, Undelivered
from deployer.errors import DeployError
from deployer.operations.notices import Notice, Place, notices
from deployer.operations.notifying import Claimed
from deployer.plan import Deployment, Event
from deployer.ports import Clock

WAITING: Final = 50  # looks that may be waiting; each later one has what the earlier ones had
PAUSES_S: Final = (0.0, 2.0, 8.0)  # real seconds before each attempt
CLAIM_S: Final = 60.0  # an urgent notice is one process's for so long, real seconds
AGAIN_S: Final = 120.0  # before somebody else may try what was given up
CLOSING_S: Final = 6.0  # real seconds that the end of a command waits for all channels together

Look = Callable[[], Sequence[Notice]]


@dataclass
class Post:
    """One channel's side: what waits for it, and what became of the rest.

    scale: how many times faster than the wall's the clock runs, by which claims last.
    """

    channel: Channel
    marks: Claimed
    clock: Clock
    scale: float
    pause: Callable[[float], None] = time.sleep
    waiting: "queue.Queue[Look]" = field(default_factory=lambda: queue.Queue(WAITING))
    sent: list[str] = field(default_factory=list)
    trouble: str = ""
    _complained: bool = False
    _done: set[str] = field(default_factory=set)
    _asked: set[str] = field(default_factory=set)
    _serving: bool = False
    _prepared: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def put(self, look: Look) -> None:
        """Raises nothing."""
        try:
            if not self._prepared:
                self.channel.prepare()
                self._prepared = True
            with self._turn:
                self.waiting.put_nowait(look)
                if not self._serving:
                    name = f"told {self.channel.name}"
                    threading.Thread(target=self._serve, name=name, daemon=True).start()
                    self._serving = True
        except queue.Full:
            self._complain("it does not answer in time")
        except DeployError as error:
            self._complain(str(error))
        except Exception as error:  # noqa: BLE001  a library's, or no thread left: the runner is here
            self._complain(f"{type(error).__name__}: {error}")

    def idle(self) -> bool:
        """Nothing waits, and nothing is on its way."""
        return self.waiting.unfinished_tasks == 0

    def _serve(self) -> None:
        while (look := self._next()) is not None:
            try:
                for notice in self._worth(look()):
                    self._once(notice)
            except DeployError as error:
                self._complain(str(error))
            except Exception as error:  # noqa: BLE001  a flaw here must not end what tells of the rest
                self._complain(f"{type(error).__name__} in the deployer itself")
            finally:
                self.waiting.task_done()

    def _next(self) -> Look | None:
        """None: nothing waits, and so the thread ends; whoever puts something begins another one."""
        with self._turn:
            try:
                return self.waiting.get_nowait()
            except queue.Empty:
                self._serving = False
                return None

    def _worth(self, found: Sequence[Notice]) -> Sequence[Notice]:
        """What is for this channel, and still news; where only the newest is kept, that alone."""
        now = self.clock.now()
        worth = [each for each in found if self.channel.wants(each) and each.fresh(now)]
        return worth if self.channel.marked else worth[-1:]

    def _once(self, notice: Notice) -> None:
        if notice.id in self._done or (self.channel.marked and notice.id in self._told(notice)):
            return
        lasts_s = CLAIM_S * self.scale if notice.urgent else None
        if self.channel.marked and not self.marks.claim(notice.id, self.channel.name, lasts_s):
            if not notice.urgent:  # another process may still fail with one that is
                self._done.add(notice.id)
        elif self._deliver(notice) or not notice.urgent:
            self._done.add(notice.id)

    def _told(self, notice: Notice) -> set[str]:
        """Asked once for each deployment or fleet: from then on this process knows what it has told itself."""
        whose = notice.record or notice.fleet
        about = whose.id if whose else notice.id
        if about not in self._asked:
            self._done |= self.marks.told(about, self.channel.name)
            self._asked.add(about)
        return self._done

    def _deliver(self, notice: Notice) -> bool:
        why = self._attempts(notice)
        if why:
            self._complain(why)
        else:
            self._complained = False
            self._done.add(notice.id)  # before it is marked: that may fail
            if self.channel.marked:
                self.sent.append(f"{self.channel.name}: {notice.title}")
        if self.channel.marked and notice.urgent:
            again_s = AGAIN_S * self.scale if why else None
            self.marks.settle(notice.id, self.channel.name, again_s)
        return not why

    def _attempts(self, notice: Notice) -> str:
        """Why it was given up; empty: it was sent."""
        why = ""
        for pause_s in PAUSES_S:
            self.pause(pause_s)
            try:
                self.channel.send(notice)
            except Undelivered as error:
                why = str(error)
                if error.lasting or (error.reached and not notice.urgent):
                    break
            except DeployError as error:
                why = str(error)
            else:
                return ""
        return why

    def late(self) -> None:
        """Nobody waits for it any longer."""
        self._complain("it did not answer in time")

    def _complain(self, why: str) -> None:
        if not self._complained:
            self._complained = True
            self.trouble = f"the channel {self.channel.name} was not told: {why}"


class Outbox:
    """See the module; `posts` has one for each channel; `patience_s`: of `close`, in real seconds."""

    def __init__(self, place: Place, posts: Sequence[Post], patience_s: float = CLOSING_S) -> None:
        self._place, self._posts, self._patience_s = place, posts, patience_s

    def offer(self, record: Deployment, event: Event | None = None) -> None:
        address = self._place.report(record)  # here: it may make a client, in this thread only
        place = replace(self._place, report=lambda _: address)
        for post in self._posts:
            post.put(lambda: notices(place, record, event))

    def tell(self, *found: Notice) -> None:
        for post in self._posts:
            post.put(lambda: found)

    def troubles(self) -> Sequence[str]:
        found = [post.trouble for post in self._posts if post.trouble]
        for post in self._posts:
            post.trouble = ""
        return found

    def close(self) -> Sequence[str]:
        """What is not sent by the end of a process is found in the record by the next one."""
        until = time.monotonic() + self._patience_s
        for post in self._posts:
            while not post.idle() and time.monotonic() < until:
                time.sleep(0.01)
            if not post.idle():
                post.late()
        sent = [words for post in self._posts for words in post.sent]
        for post in self._posts:
            post.sent = []
        return sent
