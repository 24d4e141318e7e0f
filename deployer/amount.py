"""How many instances, as people write it: a number, or a share of those there are. Pure data."""

import math
import re
from dataclasses import dataclass

from deployer.durations import percent
from deployer.model import WHOLE

_AMOUNT = re.compile(r"(\d{1,4})(?:\s*(%))?|(\d{1,2}\.\d)\s*%")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of instances, or a share of them: `share` in per mille, if it is not None."""

    number: int = 0
    share: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Amount":
        """`"2"` or `"25%"`.

        Raises:
            ValueError: neither a whole number from 0 to 1000 nor percent from 0 to 100.
        """
        found = _AMOUNT.fullmatch(text.strip())
        whole = found is not None and found[1] is not None and found[2] is None
        if whole and int(text) <= WHOLE:
            return cls(number=int(text))
        share = float(text.strip().rstrip("% ")) * 10 if found is not None and not whole else -1.0
        if not 0 <= share <= WHOLE:
            raise ValueError(f"{text!r} is no number of instances: write 2 or 25%")
        return cls(share=round(share))

    def up(self, total: int) -> int:
        """Instances out of `total`; a share is rounded up."""
        return self.number if self.share is None else math.ceil(total * self.share / WHOLE)

    def down(self, total: int) -> int:
        """Instances out of `total`; a share is rounded down."""
        return self.number if self.share is None else total * self.share // WHOLE

    def __str__(self) -> str:
        return str(self.number) if self.share is None else percent(self.share)
