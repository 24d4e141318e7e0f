"""The tool's own visitors, where users are too few to tell of a release: through the test listener.

Each slot gets its share of them, as it gets its share of users: so both slots' requests are the same
mixture, and the comparison stays fair (docs/decisions/0023). The load balancer counts them with all
others, so nothing is remembered of them, and a process that dies takes none of the evidence along.
"""

import threading
from collections.abc import Mapping

from deployer.model import WHOLE, Slot, Weights
from deployer.ports import Clock, Prober

FIRST_S = 5.0  # what a process that has just begun to look is taken to have missed
LONGEST_S = 60.0  # ... and one that has not looked for long: nobody is flooded with what was missed
MINUTE_S = 60.0


class OwnVisitors:
    """The port `Visitors`: in the background, so that no look waits for an application that hangs.

    prober: bounds the time of what it is asked for.
    """

    def __init__(self, prober: Prober, clock: Clock) -> None:
        self._prober = prober
        self._clock = clock
        self._looked_at: float | None = None
        self._owed: dict[Slot, float] = dict.fromkeys(Slot, 0.0)
        self._sending: threading.Thread | None = None

    def visit(self, weights: Weights, per_minute: int) -> None:
        """As the port says."""
        now = self._clock.now()
        since = now - FIRST_S if self._looked_at is None else self._looked_at
        self._looked_at = now
        self._owed = owed(self._owed, weights, per_minute, now - since)
        due = {slot: int(count) for slot, count in self._owed.items() if count >= 1}
        if not due or (self._sending is not None and self._sending.is_alive()):
            return
        self._owed = {slot: self._owed[slot] - due.get(slot, 0) for slot in Slot}
        self._sending = threading.Thread(target=self._send, args=(due,), daemon=True)
        self._sending.start()

    def wait(self, limit_s: float) -> None:
        """For those who are under way, `limit_s` real seconds at most."""
        if self._sending is not None:
            self._sending.join(limit_s)

    def _send(self, due: Mapping[Slot, int]) -> None:
        for slot, count in due.items():
            self._prober.probe(slot, "", count)  # what becomes of them the load balancer counts


def owed(
    before: Mapping[Slot, float], weights: Weights, per_minute: int, elapsed_s: float
) -> dict[Slot, float]:
    """Visits that each slot has coming, parts of one included; a minute's at most."""
    minutes = min(max(elapsed_s, 0.0), LONGEST_S) / MINUTE_S
    whole = {slot: per_minute * weights[slot] / WHOLE for slot in Slot}
    return {slot: min(before[slot] + whole[slot] * minutes, max(whole[slot], 1.0)) for slot in Slot}
