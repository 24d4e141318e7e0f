"""Asynchronous invocation: when an event is tried again, and when it is given up. Pure.

Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation":
two more attempts after one and two minutes; a throttled one waits from a second to five minutes, as
long as the event is not too old; what is given up goes to the dead-letter queue and the destination.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from deployer.lab.functions.model import Asynchronous, Function
from deployer.lab.functions.sandbox import Outcome

RETRIES_S = (60.0, 120.0)
THROTTLED_S = (1.0, 300.0)


@dataclass(frozen=True, slots=True)
class Event:
    """One event on its way to a function.

    accepted_at, due_at: epoch seconds of the lab's clock.
    attempts:            that reached the function.
    throttled:           attempts that did not.
    """

    id: str
    function: str
    payload: bytes
    accepted_at: float
    due_at: float
    attempts: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No attempt follows; `condition` as AWS names it."""

    condition: str


def after(
    event: Event, outcome: Outcome | None, policy: Asynchronous, now: float
) -> Event | GivenUp | None:
    """What becomes of an event after an attempt; None: it is done.

    outcome: None if the function was throttled.
    """
    if outcome is not None and not outcome.error:
        return None
    if outcome is None:
        pause_s = min(THROTTLED_S[1], THROTTLED_S[0] * 2**event.throttled)
        again = replace(event, throttled=event.throttled + 1, due_at=now + pause_s)
    elif event.attempts >= policy.retries:
        return GivenUp("RetriesExhausted")
    else:
        pause_s = RETRIES_S[event.attempts]
        again = replace(event, attempts=event.attempts + 1, due_at=now + pause_s)
    if again.due_at - event.accepted_at > policy.oldest_s:
        return GivenUp("EventAgeExceeded")
    return again


def record(
    event: Event, function: Function, given_up: GivenUp, outcome: Outcome | None, now: float
) -> dict[str, Any]:
    """The document that a destination is sent ("Destinations", invocation record)."""
    document: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
        "requestContext": {
            "requestId": event.id,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": given_up.condition,
            "approximateInvokeCount": event.attempts + (outcome is not None),
        },
        "requestPayload": json.loads(event.payload),
    }
    if outcome is not None:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": outcome.error,
        }
        document["responsePayload"] = json.loads(outcome.payload)
    return document


def attributes(event: Event, outcome: Outcome | None) -> Mapping[str, Mapping[str, str]]:
    """What stands beside an event in a dead-letter queue."""
    words = json.loads(outcome.payload) if outcome is not None else {}
    told = {
        "RequestID": event.id,
        "ErrorCode": "200" if outcome is not None else "429",
        "ErrorMessage": str(words.get("errorMessage", ""))[:1024] or "throttled",
    }
    return {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
