"""What a rule has against the settings."""

from typing import NamedTuple


class Objection(NamedTuple):
    """`key` dotted, without the environment (`canary.weights`, `environment.zones`)."""

    key: str
    allowed: str
