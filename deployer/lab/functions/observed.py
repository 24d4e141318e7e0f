"""What functions have done: their metrics, their log streams, and counts for the lab's page.

Source: Lambda Developer Guide, "Types of metrics for Lambda functions" and "Sending Lambda function
logs to CloudWatch Logs": the function's own role must allow the logs, else there are none.
"""

from collections import Counter, deque
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.functions import session
from deployer.lab.functions.invocation import Warm
from deployer.lab.functions.model import Function, log_group_of
from deployer.lab.functions.sandbox import Outcome
from deployer.lab.telemetry.store import Datapoint, Metric, Store

NAMESPACE = "AWS/Lambda"
REMEMBERED = 20  # remarks a function


class Observed:
    """Of all functions; metrics are put in the minute in which the invocation began."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context, self._store = context, store
        self._counts: dict[str, Counter[str]] = {}
        self._notes: dict[str, deque[str]] = {}

    def invoked(self, warm: Warm, outcome: Outcome, began: float) -> None:
        """An invocation has ended."""
        name = warm.function.name
        values = {"Invocations": 1.0, "Errors": float(bool(outcome.error))}
        with self._context.lock:
            for metric, value in values.items():
                self._put(name, metric, value, "Count", began)
            self._put(name, "Duration", warm.duration_ms, "Milliseconds", began)
        if outcome.error:
            self.note(name, outcome.payload.decode(errors="replace"))
        self._keep(warm, outcome.log)

    def throttled(self, function: Function) -> None:
        """An invocation was refused; under the lab's lock."""
        self._put(function.name, "Throttles", 1.0, "Count", self._context.clock.now())

    def undelivered(self, function: Function, why: str) -> None:
        """A destination did not take an event that was given up."""
        with self._context.lock:
            now = self._context.clock.now()
            self._put(function.name, "DeadLetterErrors", 1.0, "Count", now)
        self.note(function.name, why)

    def note(self, name: str, text: str) -> None:
        """Remember what went wrong."""
        self._notes.setdefault(name, deque(maxlen=REMEMBERED)).append(text)

    def of(self, name: str) -> dict[str, Any]:
        """Counts and the newest remarks."""
        counts = self._counts.get(name, Counter())
        return {
            "invocations": counts["Invocations"],
            "errors": counts["Errors"],
            "throttles": counts["Throttles"],
            "problems": list(self._notes.get(name, ())),
        }

    def _put(self, function: str, name: str, value: float, unit: str, at: float) -> None:
        if unit == "Count":
            self._counts.setdefault(function, Counter())[name] += int(value)
        metric = Metric(NAMESPACE, name, (("FunctionName", function),))
        self._store.put(metric, at, Datapoint.of({value: 1.0}), unit, self._context.clock.now())

    def _keep(self, warm: Warm, log: bytes) -> None:
        """Into the lab's folder, and into CloudWatch Logs if the function's role allows that."""
        folder = self._context.directory / "functions" / warm.function.name
        with (folder / "log").open("ab") as file:
            file.write(log)
        at = int(self._context.clock.now() * 1000)
        lines = [line for line in log.decode(errors="replace").splitlines() if line]
        try:
            if warm.logs is None:
                warm.logs = self._stream(warm)
            warm.logs.put_log_events(
                logGroupName=log_group_of(warm.function),
                logStreamName=warm.stream,
                logEvents=[{"timestamp": at, "message": line} for line in lines],
            )
        except ClientError as error:
            self.note(warm.function.name, f"no logs: {error}")

    def _stream(self, warm: Warm) -> Any:
        """The group is made if it is missing, as Lambda does, and the stream."""
        where = log_group_of(warm.function)
        logs = (
            inprocess.client(self._context, "logs")
            if warm.session is None
            else session.of(self._context, warm.session, "logs")
        )
        there = inprocess.client(self._context, "logs").describe_log_groups(
            logGroupNamePrefix=where
        )["logGroups"]
        if not any(group["logGroupName"] == where for group in there):
            logs.create_log_group(logGroupName=where)
        logs.create_log_stream(logGroupName=where, logStreamName=warm.stream)
        return logs
