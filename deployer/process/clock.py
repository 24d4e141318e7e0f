"""The clock: the wall's, or the lab's, which runs N times faster so that periods stay 60 s.

The lab and the tool share one virtual clock through the environment variable DEPLOYER_CLOCK
(`ORIGIN@SCALE`, set by `deployer lab env`): virtual time is ORIGIN + (wall - ORIGIN) * SCALE.
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.errors import SettingsInvalid

VARIABLE = "DEPLOYER_CLOCK"


@dataclass(frozen=True, slots=True)
class WallClock:
    """Real time."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def sleep(self, duration_s: float) -> None:
        time.sleep(max(0.0, duration_s))


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Virtual time that passes `scale` times faster than the wall's since `origin` (epoch s)."""

    origin: float
    scale: float

    def now(self) -> float:
        """Virtual epoch seconds."""
        return self.origin + (time.time() - self.origin) * self.scale

    def sleep(self, duration_s: float) -> None:
        """Sleep `duration_s` virtual seconds."""
        time.sleep(max(0.0, duration_s) / self.scale)

    def real(self, duration_s: float) -> float:
        """Wall seconds that `duration_s` virtual seconds take."""
        return duration_s / self.scale

    def wait(self, event: threading.Event, duration_s: float) -> bool:
        """Wait for `event` at most `duration_s` virtual seconds; whether it was set."""
        return event.wait(self.real(duration_s))

    def __str__(self) -> str:
        return f"{self.origin!r}@{self.scale!r}"


def from_environment(environ: Mapping[str, str]) -> WallClock | ScaledClock:
    """The lab's clock if the environment names one, else the wall's.

    Raises:
        SettingsInvalid: DEPLOYER_CLOCK is not ORIGIN@SCALE with finite numbers and a positive scale.
    """
    text = environ.get(VARIABLE)
    if not text:
        return WallClock()
    origin, _, scale = text.partition("@")
    try:
        clock = ScaledClock(float(origin), float(scale))
    except ValueError:
        clock = ScaledClock(0.0, 0.0)
    if not (math.isfinite(clock.origin) and 0 < clock.scale < math.inf):
        raise SettingsInvalid(
            f'{VARIABLE}={text!r} is not ORIGIN@SCALE; run: eval "$(deployer lab env)"'
        )
    return clock
