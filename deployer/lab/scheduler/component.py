"""The lab's EventBridge Scheduler as one part: what is due is called, on the virtual clock.

    scheduler = Scheduler(context)                # after actions.install(context)
    scheduler.tick(context.clock.now())           # under the lock: what is due, is noted
    scheduler.poll(context.clock.now())           # without it: what was noted, is delivered

On AWS an invocation comes within the minute for which it is due; here at the next beat. Of several
times that one beat finds due (the clock is that fast, or the machine slept) the last one counts.
"""

import uuid
from collections.abc import Callable

from deployer.lab import actions
from deployer.lab.context import Context
from deployer.lab.scheduler.api import Api
from deployer.lab.scheduler.book import Book
from deployer.lab.scheduler.delivery import Courier, Delivery


class Scheduler:
    """A component of the lab; answers EventBridge Scheduler's actions from when it is made."""

    def __init__(
        self, context: Context, *, new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._context, self._new_id = context, new_id
        self._courier = Courier(context)
        self.book = Book(f"{context.region}:{context.account}", context.clock.now())
        self._waiting: list[Delivery] = []
        self._answer(Api(self.book, self._courier))

    def _answer(self, api: Api) -> None:
        actions.own("scheduler")
        for action, handler in {
            "CreateSchedule": api.create_schedule,
            "UpdateSchedule": api.update_schedule,
            "GetSchedule": api.get_schedule,
            "DeleteSchedule": api.delete_schedule,
            "ListSchedules": api.list_schedules,
            "CreateScheduleGroup": api.create_group,
            "GetScheduleGroup": api.get_group,
            "DeleteScheduleGroup": api.delete_group,
            "ListScheduleGroups": api.list_groups,
            "TagResource": api.tag,
            "UntagResource": api.untag,
            "ListTagsForResource": api.tags,
        }.items():
            actions.replace("scheduler", action, handler)

    def tick(self, now: float) -> None:
        """Note what is due."""
        for schedule, at in self.book.due(now):
            target = schedule.settings["Target"]
            self._waiting.append(Delivery(schedule.arn, target, self._new_id(), at, now))

    def poll(self, now: float) -> None:
        """Deliver what was noted, and what is to be tried again by now."""
        with self._context.lock:
            due = [each for each in self._waiting if each.due_at <= now]
            self._waiting = [each for each in self._waiting if each.due_at > now]
        later = [self._courier.deliver(each, now) for each in due]
        with self._context.lock:
            self._waiting += [each for each in later if each is not None]

    def close(self) -> None:
        """Nothing was started."""
