"""Every function of the lab: invoked in processes of their own, at once or later, and observed.

    functions = Functions(context, telemetry.store)     # after actions.install(context)
    functions.invoke("NAME or ARN", b'{"a": 1}')        # never under the lab's lock: it waits
    functions.accept("NAME or ARN", b'{"a": 1}')        # an asynchronous event: returns at once

Other parts of the lab (a scheduler, a state machine) call these two after they have judged whether
their own role may `lambda:InvokeFunction`.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path
from typing import Any
from uuid import uuid4

from deployer.lab.context import Context
from deployer.lab.functions import destinations, events
from deployer.lab.functions.events import Event, GivenUp
from deployer.lab.functions.invocation import Warm, begin, invoke
from deployer.lab.functions.model import Function, unsimulated
from deployer.lab.functions.observed import Observed
from deployer.lab.functions.sandbox import Outcome
from deployer.lab.telemetry.store import Store
from deployer.lab.wire import Refused

MOST_AT_ONCE = 20  # of all functions: each is a process on this machine
IDLE_S = 900.0  # in the lab's time: then a process that nobody needs ends (AWS does not say when)
LARGEST = 6 * 1024 * 1024  # bytes of a synchronous event or answer
LARGEST_EVENT = 1024 * 1024  # of an asynchronous one


class Throttled(Refused):
    """As many invocations as may be are under way."""

    def __init__(self, reason: str) -> None:
        super().__init__("TooManyRequestsException", f"Rate Exceeded. ({reason})", 429)


class Functions:
    """A component of the lab. `by_name` is read and written under the lab's lock."""

    def __init__(self, context: Context, store: Store) -> None:
        self.context = context
        self.by_name: dict[str, Function] = {}
        self.observed = Observed(context, store)
        self._idle: dict[str, list[Warm]] = {}
        self._busy: Counter[str] = Counter()
        self._all: set[Warm] = set()
        self._waiting: list[tuple[float, str, Event]] = []
        self._closing = False
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="lab-function")

    # -- invocation

    def find(self, name: str) -> Function:
        """The function of this name or ARN; under the lab's lock.

        Raises:
            Refused: there is none; or a version or an alias is asked for.
        """
        bare, _, qualifier = name.rpartition("function:")[2].partition(":")
        if qualifier and qualifier != "$LATEST":
            raise unsimulated("versions and aliases")
        found = self.by_name.get(bare)
        if found is None:
            scope = f"{self.context.region}:{self.context.account}"
            what = f"Function not found: arn:aws:lambda:{scope}:function:{bare}"
            raise Refused("ResourceNotFoundException", what, 404)
        return found

    def invoke(self, name: str, payload: bytes, request_id: str = "") -> Outcome:
        """Run it now, and wait; must not be called under the lab's lock.

        Raises:
            Refused: there is none, it is throttled (`Throttled`), or Lambda may not use its role.
        """
        if len(payload) > LARGEST:
            raise Refused("RequestTooLargeException", f"{len(payload)} bytes are too many", 413)
        with self.context.lock:
            function = self.find(name)
            self._require_room(function)
            self._busy[function.name] += 1
        try:
            warm = self._warm(function)
            began = self.context.clock.now()
            outcome = invoke(self.context, warm, payload, request_id or str(uuid4()))
            self.observed.invoked(warm, outcome, began)
            self._done(warm)
        finally:
            with self.context.lock:
                self._busy[function.name] -= 1
        return outcome

    def accept(self, name: str, payload: bytes) -> str:
        """Queue an asynchronous event; its request id.

        Raises:
            Refused: there is no such function, or the event is too large.
        """
        if len(payload) > LARGEST_EVENT:
            raise Refused("RequestTooLargeException", f"{len(payload)} bytes are too many", 413)
        now = self.context.clock.now()
        with self.context.lock:
            event = Event(str(uuid4()), self.find(name).name, payload, now, now)
            self._queue(event)
        self.context.wake.set()
        return event.id

    def _require_room(self, function: Function) -> None:
        busy = self._busy[function.name]
        if function.reserved is not None and busy >= function.reserved:
            self.observed.throttled(function)
            raise Throttled("Reserved function concurrency limit exceeded")
        if self._busy.total() >= MOST_AT_ONCE:
            self.observed.throttled(function)
            raise Throttled(f"the lab runs {MOST_AT_ONCE} functions at once")

    def _warm(self, function: Function) -> Warm:
        """A process that waits for work, or a new one."""
        while True:
            with self.context.lock:
                idle = self._idle.get(function.name, [])
                warm = idle.pop() if idle else None
            if warm is None:
                break
            if warm.fits(function):
                return warm
            self._end(warm)
        warm = begin(self.context, function)
        with self.context.lock:
            self._all.add(warm)
            closing = self._closing
        if closing:
            self._end(warm)
        return warm

    def _done(self, warm: Warm) -> None:
        warm.used_at = self.context.clock.now()
        with self.context.lock:
            current = self.by_name.get(warm.function.name)
            kept = not self._closing and current is not None and warm.fits(current)
            if kept:
                self._idle.setdefault(warm.function.name, []).append(warm)
        if not kept:
            self._end(warm)

    def _end(self, warm: Warm) -> None:
        warm.sandbox.close()
        with self.context.lock:
            self._all.discard(warm)

    # -- events

    def _queue(self, event: Event) -> None:
        heappush(self._waiting, (event.due_at, event.id, event))

    def _attempt(self, event: Event) -> None:
        """One attempt of an asynchronous event, and what follows from it."""
        outcome: Outcome | None = None
        try:
            outcome = self.invoke(event.function, event.payload, event.id)
        except Throttled:
            pass
        except Refused as error:
            self.observed.note(event.function, f"event {event.id}: {error}")
            return
        with self.context.lock:
            function = self.by_name.get(event.function)
        if function is None or self._closing:
            return
        now = self.context.clock.now()
        next_ = events.after(event, outcome, function.asynchronous, now)
        if isinstance(next_, Event):
            with self.context.lock:
                self._queue(next_)
        elif isinstance(next_, GivenUp):
            for wrong in destinations.tell(self.context, function, event, next_, outcome):
                self.observed.undelivered(function, wrong)

    # -- a component's life

    def tick(self, now: float) -> None:
        """Give events that are due to threads of their own."""
        while self._waiting and self._waiting[0][0] <= now and not self._closing:
            _, _, event = heappop(self._waiting)
            self._threads.submit(self._attempt, event)

    def poll(self, now: float) -> None:
        """End processes that nobody has needed for long, or whose function has changed."""
        with self.context.lock:
            gone: list[Warm] = []
            for name, idle in self._idle.items():
                current = self.by_name.get(name)
                old = [
                    one
                    for one in idle
                    if current is None or not one.fits(current) or now - one.used_at > IDLE_S
                ]
                gone += old
                idle[:] = [one for one in idle if one not in old]
        for warm in gone:
            self._end(warm)

    def close(self) -> None:
        """End all of them; invocations under way fail."""
        with self.context.lock:
            self._closing = True
            everything = list(self._all)
        for warm in everything:
            warm.sandbox.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def put(self, function: Function) -> None:
        """Keep a function as it is now, one revision later; under the lab's lock."""
        before = self.by_name.get(function.name)
        revision = before.revision + 1 if before else 1
        now = self.context.clock.now()
        self.by_name[function.name] = replace(function, revision=revision, modified_at=now)

    def describe(self) -> list[dict[str, Any]]:
        """The lab's page `functions`."""
        with self.context.lock:
            return [
                {
                    "name": function.name,
                    "role": function.role.rsplit("/", 1)[-1],
                    "running": self._busy[function.name],
                    "waiting": sum(each.function == function.name for _, _, each in self._waiting),
                    **self.observed.of(function.name),
                }
                for function in self.by_name.values()
            ]

    def folder(self, name: str) -> Path:
        """Where a function's code and logs are."""
        return self.context.directory / "functions" / name
