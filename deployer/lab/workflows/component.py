"""The lab's Step Functions as one part: Standard executions, on the virtual clock.

    workflows = Workflows(context)                # after actions.install(context)
    workflows.tick(context.clock.now())           # under the lock: whatever can go on, goes on

Calls are made by threads of their own, without the lock: a function calls the lab in turn.
"""

from concurrent.futures import Executor, ThreadPoolExecutor

from deployer.lab import actions
from deployer.lab.context import Context
from deployer.lab.workflows.api import Api
from deployer.lab.workflows.book import Book, Execution
from deployer.lab.workflows.problems import Problem
from deployer.lab.workflows.strands import Ticket
from deployer.lab.workflows.tasks import Tasks

AT_ONCE = 32  # calls that last at the same time


class Workflows:
    """A component of the lab; answers Step Functions' actions from when it is made.

    hands: where calls are made.
    """

    def __init__(self, context: Context, hands: Executor | None = None) -> None:
        self._context = context
        self._tasks = Tasks(context)
        self._hands = hands or ThreadPoolExecutor(AT_ONCE, "lab-workflows")
        self.book = Book(f"{context.region}:{context.account}", context.clock.now)
        self._running: dict[str, Execution] = {}
        actions.own("stepfunctions")
        api = Api(self.book, self._tasks, self._start)
        for action, handler in api.actions().items():
            actions.replace("stepfunctions", action, handler)

    def _start(self, machine_arn: str, name: str, given: str) -> Execution:
        made = self.book.start(self.book.machine(machine_arn), name, given, self._ask)
        self._running[made.arn] = made
        return made

    def _ask(self, execution: Execution, ticket: Ticket) -> None:
        self._hands.submit(self._carry, execution, ticket)

    def _carry(self, execution: Execution, ticket: Ticket) -> None:
        try:
            ticket.give(self._tasks.result(ticket.call, execution.role, execution.machine))
        except Exception as error:  # the lab's own defect must not leave an execution waiting
            ticket.give(Problem("LabDefect", f"{type(error).__name__}: {error}"))
            raise
        finally:
            self._context.wake.set()

    def tick(self, now: float) -> None:
        """Let every execution go on that can."""
        for execution in list(self._running.values()):
            execution.advance(now)
            if execution.status != "RUNNING":
                del self._running[execution.arn]

    def poll(self, now: float) -> None:
        """Nothing here waits for anybody."""

    def close(self) -> None:
        """Calls that last are left to their ends; none begins any more."""
        self._hands.shutdown(wait=False, cancel_futures=True)
