"""A deployment window: days and hours in which a stage may begin. Pure.

Written `"mon-fri 09:00-17:00"`: from nine o'clock until five on five days; whole hours. CodePipeline's rule
DeploymentWindow has a cron expression instead, whose every minute is inside the window
(CodePipeline User Guide, "DeploymentWindow").
"""

import re
from dataclasses import dataclass
from typing import Self

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE = "mon-fri 09:00-17:00"
_FORM = re.compile(r"(?P<days>[a-z]{3}(?:[-,][a-z]{3})*) (?P<opens>\d{2}):00-(?P<closes>\d{2}):00")


@dataclass(frozen=True, slots=True)
class Window:
    """days: those in it, as written; opens, closes: hours, the second one not in it any more."""

    days: tuple[str, ...]
    opens: int
    closes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`"mon-fri 09:00-17:00"`, `"tue,thu 10:00-12:00"`.

        Raises:
            ValueError: not written so, or it would never open.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f'{text!r} is no window: write days and whole hours, "{EXAMPLE}"')
        opens, closes = int(found["opens"]), int(found["closes"])
        if not 0 <= opens < closes <= 24:
            raise ValueError(f"{text!r} never opens: hours rise within 00:00-24:00")
        return cls(tuple(_days(found["days"], text)), opens, closes)

    @property
    def cron(self) -> str:
        """Seconds, minutes, hours, day of the month, month, day of the week, year."""
        return f"* * {self.opens}-{self.closes - 1} ? * {','.join(self.days).upper()} *"


def _days(text: str, whole: str) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"{whole!r}: days are {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        if begin > end:
            raise ValueError(f"{whole!r}: a week begins with mon: write sat,sun,mon one by one")
        found += DAYS[begin : end + 1]
    if len(set(found)) < len(found):
        raise ValueError(f"{whole!r} names a day twice")
    return found
