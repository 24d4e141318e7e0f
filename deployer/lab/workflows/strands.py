"""What drives a generator of `interpreter`: until everything in it waits for time or for a call.

Under the lab's lock. Calls are made elsewhere, without it: a `Ticket` is what is handed over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from deployer.lab.workflows.interpreter import Call, Fork, Run, Until, Wish
from deployer.lab.workflows.problems import TIMEOUT, Problem


@dataclass(slots=True)
class Ticket:
    """A call to be made; whoever has made it puts its result, or its Problem, into `answer`."""

    call: Call
    answer: Any = None
    answered: bool = False

    def give(self, answer: Any) -> None:
        """The call has ended."""
        self.answer, self.answered = answer, True


@dataclass(slots=True)
class Strand:
    """One generator and what it waits for.

    calls:  hears of each new call.
    result: once `done`; a Problem if it ended with one.
    """

    run: Run
    calls: Callable[[Ticket], None]
    wish: Wish | None = None
    ticket: Ticket | None = None
    branches: list["Strand"] = field(default_factory=list)
    begun: bool = False
    done: bool = False
    result: Any = None

    def advance(self, now: float) -> None:
        """Go on as far as nothing has to be waited for."""
        while not self.done:
            try:
                answer = self._answer(now)
            except Problem as problem:
                self._step(partial(self.run.throw, problem))
                continue
            if answer is _NOT_YET:
                return
            self._step(partial(self.run.send, answer))

    def _answer(self, now: float) -> Any:
        """What the generator waits for, or `_NOT_YET`.

        Raises:
            Problem: that came of it.
        """
        wish = self.wish
        if wish is None:
            return None
        if isinstance(wish, Until):
            return None if now >= wish.at else _NOT_YET
        if isinstance(wish, Call):
            return self._called(wish, now)
        return self._joined(wish, now)

    def _called(self, wish: Call, now: float) -> Any:
        assert self.ticket is not None  # noqa: S101  made when the wish was heard
        if self.ticket.answered:
            if isinstance(self.ticket.answer, Problem):
                raise self.ticket.answer
            return self.ticket.answer
        if wish.deadline is not None and now >= wish.deadline:
            raise Problem(TIMEOUT)
        return _NOT_YET

    def _joined(self, wish: Fork, now: float) -> Any:
        """All branches, so many at a time; the first one that fails ends the others."""
        while True:
            for each in self.branches:
                each.begun = each.begun or self._running() < wish.most
                if each.begun and not each.done:
                    each.advance(now)
                if isinstance(each.result, Problem):
                    self._give_up(wish)
                    raise each.result
            if all(each.done for each in self.branches):
                return [each.result for each in self.branches]
            if all(each.begun for each in self.branches) or self._running() >= wish.most:
                return _NOT_YET

    def _running(self) -> int:
        return sum(each.begun and not each.done for each in self.branches)

    def _give_up(self, wish: Fork) -> None:
        for index, each in enumerate(self.branches):
            if each.begun and not each.done:
                each.close()
                wish.aborted(index)

    def _step(self, resume: Callable[[], Wish]) -> None:
        """Let the generator go on until its next wish."""
        try:
            self.wish = resume()
        except StopIteration as end:
            self.done, self.result = True, end.value
            return
        except Problem as problem:
            self.done, self.result = True, problem
            return
        self.ticket, self.branches = None, []
        if isinstance(self.wish, Call):
            self.ticket = Ticket(self.wish)
            self.calls(self.ticket)
        elif isinstance(self.wish, Fork):
            self.branches = [Strand(run, self.calls) for run in self.wish.branches]

    def close(self) -> None:
        """It goes on no more; answers to its calls are not heard."""
        for each in self.branches:
            each.close()
        self.run.close()
        self.done = True


_NOT_YET = object()
