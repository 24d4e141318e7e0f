"""Kinds of news about a deployment: the names in the settings, in every message, and in rules that match."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a notice is about (operations.notices says when)."""

    START = "start"
    STEP = "step"
    APPROVAL = "approval"
    VERDICT = "verdict"
    ROLLBACK = "rollback"
    HALT = "halt"
    STUCK = "stuck"
    END = "end"


URGENT: Final = frozenset({Kind.APPROVAL, Kind.ROLLBACK, Kind.HALT, Kind.STUCK})
