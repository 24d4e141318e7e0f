"""The tool's own visitors, where users are too few to tell of a release: through the test listener.

Each slot gets its share of them, as it gets its share of users: so both slots' requests are the same
mixture, and the comparison stays fair (docs/decisions/0023). The load balancer counts them with all
others, so nothing is remembered of them, and a process that dies takes none of the evidence along.
"""

import math
import threading
from collections.abc import Mapping

from deployer.model import WHOLE, Slot, Weights
from deployer.ports import Clock, Prober

LONGEST_S = 60.0  # that are made up for: nobody is flooded with what was missed
MINUTE_S = 60.0


class OwnVisitors:
    """The port `Visitors`: in the background, so that no look waits for an application that hangs.

    prober:     bounds the time of what it is asked for.
    patience_s: real seconds that `wait` lasts at most.
    """

    def __init__(self, prober: Prober, clock: Clock, patience_s: float) -> None:
        self._prober = prober
        self._clock = clock
        self._patience_s = patience_s
        self._sent_to: float | None = None
        self._sending: threading.Thread | None = None

    def visit(self, weights: Weights, per_minute: int) -> None:
        """As the port says.

        A process that has just begun to look makes up for a minute: the looks of a deployment that is
        carried on in the cloud are a minute apart, and each may be in a process of its own.
        """
        if self._sending is not None and self._sending.is_alive():
            return
        now = self._clock.now()
        since = now - LONGEST_S if self._sent_to is None else max(self._sent_to, now - LONGEST_S)
        count = {slot: due(per_minute * weights[slot] / WHOLE, since, now) for slot in Slot}
        self._sent_to = now
        if any(count.values()):
            self._sending = threading.Thread(target=self._send, args=(count,), daemon=True)
            self._sending.start()

    def wait(self) -> None:
        """As the port says."""
        if self._sending is not None:
            self._sending.join(self._patience_s)

    def _send(self, count: Mapping[Slot, int]) -> None:
        for slot, visits in count.items():
            if visits:  # what becomes of them the load balancer counts
                self._prober.probe(slot, "", visits)


def due(per_minute: float, since: float, until: float) -> int:
    """Visits from `since` to `until`, epoch seconds, of those that come at even intervals of all time.

    So nothing is remembered from one process to the next, and of less than one a minute one comes at last.
    """
    counts = (math.floor(per_minute * at / MINUTE_S) for at in (until, since))
    return max(0, next(counts) - next(counts))
