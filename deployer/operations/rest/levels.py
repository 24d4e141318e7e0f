"""How far an environment is torn down. Pure."""

from enum import StrEnum


class Level(StrEnum):
    """From little to all; each but the last can be undone by `deployer wake`, or the next release."""

    RETIRE = "retire"
    SLEEP = "sleep"
    DELETE = "delete"
