"""What the journal's records tell: which release served before. Pure."""

from collections.abc import Sequence

from deployer.plan import Deployment, Status


def release_before(records: Sequence[Deployment], serving: Sequence[str]) -> str | None:
    """The release to go back to.

    Going back undoes: v1, v2, back to v1, and back once more is what was before v1, not v2.

    Args:
        records: the journal's, newest first.
        serving: releases that serve now.

    Returns:
        None if the records do not tell.
    """
    line = lineage(records)
    where = next((n for n in reversed(range(len(line))) if line[n] in serving), None)
    if where is None:
        return line[-1] if line else None
    return line[where - 1] if where else None


def lineage(records: Sequence[Deployment]) -> list[str]:
    """The releases that each follow on the one before, oldest first, without those undone."""
    line: list[str] = []
    for record in reversed(records):
        if record.status is not Status.SHIPPED or not record.first_plan.ships:
            continue
        plan, name = record.first_plan, record.first_plan.release.name
        if not line and plan.previous:
            line.append(plan.previous)
        undone = plan.strategy == "rollback" or line[-1:] == [name]
        if undone and name in line:
            del line[last_index(line, name) + 1 :]
        else:
            line.append(name)
    return line


def has_served(records: Sequence[Deployment], name: str) -> bool:
    """Whether `records` tell that everybody was on this release once; so does no record at all."""
    shipped = {r.first_plan.release.name for r in records if r.status is Status.SHIPPED}
    return not records or name in shipped | {record.first_plan.previous for record in records}


def one_way_since(records: Sequence[Deployment], serving: Sequence[str], target: str) -> str | None:
    """The newest release since `target` served that says of itself that it cannot go back.

    Args:
        records: the journal's, newest first.
        serving: releases that serve now.
        target:  where one wants to go back to; unknown to the journal: everything came after it.
    """
    line = lineage(records)
    since = line[last_index(line, target) + 1 :] if target in line else line
    one_way = {r.first_plan.release.name for r in records if r.first_plan.irreversible}
    return next((n for n in (*serving, *reversed(since)) if n in one_way and n != target), None)


def last_index(line: Sequence[str], name: str) -> int:
    """Where `name` is last; it must be there."""
    return len(line) - 1 - line[::-1].index(name)
