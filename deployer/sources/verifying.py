"""What `verify` says of the metrics that the settings name, by what they told of the last minutes. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from deployer.findings import Finding, Level, problem, unknown, warning
from deployer.model import Minute, Slot
from deployer.settings.placeholders import UNKNOWN

CHECK = "sources"
MISSING = "its minutes are missing, and while they are no canary is called good"


def findings(names: Sequence[str], seen: Mapping[Slot, Sequence[Minute]]) -> Iterator[Finding]:
    """A row for each metric."""
    minutes = [minute for slot in Slot for minute in seen[slot]]
    for name in names:
        yield _finding(name, minutes)


def _finding(name: str, minutes: Sequence[Minute]) -> Finding:
    told = [minute.custom[name] for minute in minutes if name in minute.custom]
    unclear = [minute.unknown[name] for minute in minutes if name in minute.unknown]
    bad, total = (sum(pair[n] for pair in told) for n in (0, 1))
    if unclear and unclear[-1].startswith(UNKNOWN):
        return unknown(CHECK, name, unclear[-1], "", "look again when both slots have a release")
    if unclear:
        return problem(CHECK, name, unclear[-1], MISSING, "mend it in [[analysis.metrics]]")
    if not total:
        why = "without users that is right; else a name in the query is wrong"
        return warning(CHECK, name, "nothing was counted on either slot", f"{why}: {MISSING}")
    if bad > total:
        return problem(CHECK, name, f"{bad:g} bad of {total:g}", MISSING, "let `total` count all")
    return Finding(CHECK, Level.OK, name, f"{bad:g} bad of {total:g} in the last 15 minutes")
