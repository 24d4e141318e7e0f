"""Minutes that were folded before are not folded again: only what is new, or was corrected since.

A look at a day's bake has 1,440 minutes, and all but one of them are those of the look before. What is
kept here is forgotten with the process and changes no answer: it is used as far as the minutes are the
same, and whoever has kept nothing folds them all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.analysis.counts import Observation, timeline
from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.trial import Trial, after, begin

STRIDE = 60  # minutes; a trial is some 10 KB, and a correction of an old minute is rare
TAIL = 6  # minutes; CloudWatch corrects the newest (aws-facts 2)


@dataclass(slots=True)
class Folds:
    """The trials of one deployment, after so many of its minutes."""

    _known: tuple[Limits, Mapping[str, Base]] | None = None
    _minutes: tuple[Observation, ...] = ()
    _trials: dict[int, Trial] = field(default_factory=dict)

    def run(self, limits: Limits, bases: Mapping[str, Base], seen: Iterable[Observation]) -> Trial:
        """As `trial.run`."""
        minutes = timeline(seen)
        alike = agreeing(self._minutes, minutes) if self._known == (limits, bases) else 0
        at = max((count for count in self._trials if count <= alike), default=0)
        trial = self._trials[at] if at else begin(limits, bases)
        trials = {count: each for count, each in self._trials.items() if count <= at}
        for count in range(at + 1, len(minutes) + 1):
            trial = trials[count] = after(trial, minutes[count - 1])
        self._known, self._minutes = (limits, bases), minutes
        self._trials = {
            count: each
            for count, each in trials.items()
            if count % STRIDE == 0 or count > len(minutes) - TAIL
        }
        return trial


def agreeing(before: Sequence[Observation], now: Sequence[Observation]) -> int:
    """How many of the first are the same."""
    pairs = zip(before, now, strict=False)
    alike = min(len(before), len(now))
    return next((n for n, (old, new) in enumerate(pairs) if old != new), alike)
