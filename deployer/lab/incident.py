"""An incident of what every release depends on, for as long as its file is there.

The example application looks for the file at each request (`incident_file` of its behaviour), so an
incident begins and ends for all instances of all releases at once, in the middle of whatever they do.
"""

from pathlib import Path

import msgspec

from deployer.lab.releases import LONGEST_MS, within

FILE = "incident.json"


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each answer suffers besides what its release does.

    error_rate: 0..1, answered 500. latency_ms: real milliseconds more.

    Raises:
        UsageError: a number outside its range.
    """

    error_rate: float = 0.0
    latency_ms: float = 0.0

    def __post_init__(self) -> None:
        within(
            "incident",
            {
                "error rate": (self.error_rate, 1.0),
                "latency (ms)": (self.latency_ms, LONGEST_MS),
            },
        )


def begin(directory: Path, incident: Incident) -> None:
    """From now on, in place of any other; a request sees the one or the other whole."""
    draft = directory / f"{FILE}.new"
    draft.write_bytes(msgspec.json.encode(incident))
    draft.replace(directory / FILE)


def end(directory: Path) -> bool:
    """From now on there is none; whether there was one."""
    try:
        (directory / FILE).unlink()
    except FileNotFoundError:
        return False
    return True


def current(directory: Path) -> Incident | None:
    """The one that lasts; None: there is none."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Incident)
    except FileNotFoundError:
        return None
