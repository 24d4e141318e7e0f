"""No call is sent faster than the account's API limits allow: each attempt waits for its token.

botocore announces every attempt just before it is sent, the retries of its standard mode and every
page of a paginator included, so nothing that is sent to these services goes around the buckets.
A wait is short: with one thread at most one token's time, `LONGEST_WAIT_S`.

Elastic Load Balancing documents 40 calls at once and 10 a second for all Describe* of an account
and Region (aws-facts 4.1): half of that is used, so that two deployers, or a deployer and a
dashboard, fit in. What it allows for changes, and what Auto Scaling and EC2 allow, is not
published: those limits are ours. Everything else that a deployment calls, it calls once a look.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from deployer.aws.bucket import Level, Limit, drained, take
from deployer.aws.failures import THROTTLED
from deployer.ports import Clock

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

READING, CHANGING = Limit(burst=20, per_s=5.0), Limit(burst=10, per_s=2.0)
LONGEST_WAIT_S: Final = 1 / CHANGING.per_s
# By botocore's name of the service; an account has a bucket of its own in each.
PACED = frozenset({"elastic-load-balancing-v2", "auto-scaling", "ec2"})

Bucket = tuple[str, Limit]


def bucket_of(event_name: str) -> Bucket | None:
    """The bucket of an attempt, from `before-send.SERVICE.OPERATION`; None: it is not paced."""
    _, service, operation = event_name.split(".")
    if service not in PACED:
        return None
    return service, READING if operation.startswith("Describe") else CHANGING


class Pacing:
    """One account's buckets in one Region, shared by all threads and clients that are attached.

    clock: `sleep` must last as long as it says; a lab's may run faster, and the limits with it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._levels: dict[Bucket, Level] = {}
        self._lock = threading.Lock()

    def attach(self, events: BaseEventHooks) -> None:
        """From now on clients made with these events wait for their tokens."""
        events.register("before-send", self._before)
        events.register("response-received", self._after)

    def _before(self, event_name: str, **_event: object) -> None:
        bucket = bucket_of(event_name)
        if bucket is None:
            return
        with self._lock:
            level, wait_s = take(bucket[1], self._levels.get(bucket), self._clock.now())
            self._levels[bucket] = level
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def _after(
        self, event_name: str, parsed_response: Mapping[str, Any] | None = None, **_event: object
    ) -> None:
        bucket = bucket_of(event_name)
        code = (parsed_response or {}).get("Error", {}).get("Code")
        if bucket is None or code not in THROTTLED:
            return
        with self._lock:
            now = self._clock.now()
            self._levels[bucket] = drained(bucket[1], self._levels.get(bucket), now)


@cache
def shared(region: str | None, clock: Clock) -> Pacing:  # noqa: ARG001  a key of the cache
    """The process's one Pacing for a Region.

    Whatever the account: a process that knows several is held back more than it need be.
    """
    return Pacing(clock)
