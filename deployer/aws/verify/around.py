"""Checks of what is around the slots: the twin, the journal, permissions, metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.aws.published import lacking
from deployer.aws.verify import twin
from deployer.aws.verify.facts import Facts, short
from deployer.findings import Finding, problem, unknown, warning
from deployer.topology import METRICS_NAMESPACE

KEYS = [("pk", "HASH"), ("sk", "RANGE")]


def complete(facts: Facts) -> Iterator[Finding]:
    """The settings name everything; what does not exist yet comes with the commands that make it."""
    missing = set(lacking(facts.settings))
    parts = {key for key in missing if key.startswith("green_")}
    if parts:
        yield problem(
            "complete", "existing", f"no {', no '.join(sorted(parts))}",
            "a release starts beside the one that serves, in a slot of its own; while that is empty "
            "it costs nothing",
            "make the twin with these commands, then run `deployer init --from-alb "
            f"{short(facts.names.load_balancer)} --force` again",
            *twin.commands(facts),
        )  # fmt: skip
    if "blue_launch_template" in missing:
        yield problem(
            "complete", "existing", "no blue_launch_template",
            "a launch configuration has no versions: nothing can say which release boots",
            "see `launches`",
        )  # fmt: skip
    if "journal_table" in missing:
        yield problem(
            "complete", "existing", "no journal_table",
            "the lock, and what has happened, are kept there",
            *twin.journal(facts),
            f'journal_table = "{twin.journal_name(facts)}" in [environments.'
            f"{facts.settings.environment.name}.existing]",
        )  # fmt: skip
    if "artifact_bucket" in missing:
        yield problem(
            "complete", "existing", "no artifact_bucket", "{bucket} in release.artifact is nothing",
            "name it, or write release.artifact with your bucket in it",
        )  # fmt: skip


def journal(facts: Facts) -> Iterator[Finding]:
    """The table has the shape that the journal needs, and can be brought back."""
    name = facts.names.journal_table
    if not name:
        return
    if facts.table is None:
        if "dynamodb:DescribeTable" not in facts.unread:
            yield problem(
                "journal", name, "there is no such table",
                "the lock, and what has happened, are kept there", *twin.journal(facts),
            )  # fmt: skip
        return
    keys = [(key["AttributeName"], key["KeyType"]) for key in facts.table.get("KeySchema", ())]
    types = {
        each["AttributeName"]: each["AttributeType"]
        for each in facts.table.get("AttributeDefinitions", ())
    }
    if keys != KEYS or any(types.get(key) != "S" for key, _ in KEYS):
        yield problem(
            "journal", name, f"its key is {', '.join(key for key, _ in keys)}",
            "the journal needs pk (partition) and sk (sort), both strings", *twin.journal(facts),
        )  # fmt: skip
    if facts.recovery is False:
        yield warning(
            "journal", name, "no point-in-time recovery", "a table deleted by mistake is gone",
            twin.recovery(name),
        )  # fmt: skip


def permissions(facts: Facts) -> Iterator[Finding]:
    """Whoever asks may also deploy."""
    if facts.denied is None:
        why = facts.unread.get("iam:SimulatePrincipalPolicy", "nobody could be asked")
        yield unknown(
            "permissions", "caller", f"not simulated: {why}",
            "what is missing shows in the middle of a deployment",
            "run `deployer verify` under the role that deploys, with iam:SimulatePrincipalPolicy",
        )  # fmt: skip
        return
    for action, where in facts.denied:
        if action == "cloudwatch:PutMetricData":
            yield warning(
                "permissions", where, f"{action} is not allowed",
                "weights and marks of deployments are not published; deployments go on without",
                f"allow {action} for the namespace {METRICS_NAMESPACE}, or "
                "[monitoring] own_metrics = false",
            )  # fmt: skip
            continue
        yield problem(
            "permissions", where, f"{action} is not allowed",
            "a deployment would stop there", f"allow {action} on {where}",
        )  # fmt: skip


def metrics(facts: Facts) -> Iterator[Finding]:
    """The analysis has something to go by."""
    if facts.requests is None:
        return
    if not sum(facts.requests.values()):
        yield warning(
            "metrics", short(facts.names.load_balancer), "no requests in the last 15 minutes",
            f"analysis.min_requests is {facts.settings.analysis.min_requests}: a canary would end "
            f"as analysis.inconclusive says, with {facts.settings.analysis.inconclusive}",
            "deploy when users are there, or lower analysis.min_requests",
        )  # fmt: skip


def readable(facts: Facts) -> Iterator[Finding]:
    """Everything could be looked at: a row for each kind of reason why not."""
    reasons: dict[str, list[str]] = {}
    for action, why in facts.unread.items():
        if action != "iam:SimulatePrincipalPolicy":
            reasons.setdefault(reason(action, why), []).append(action)
    for said, actions in reasons.items():
        listed = ", ".join(sorted(actions))
        yield unknown(
            "readable", "caller", f"{said}: {listed}", "the checks that need it were left out",
            "run `deployer verify` as somebody who may look around (docs/adoption.md, Who may look)",
        )  # fmt: skip


def reason(action: str, why: str) -> str:
    """What a failure's sentence says besides its action and subject: that it is not allowed, or why else."""
    about = why.split(" (", maxsplit=1)[0]
    said, _, subject = about.removeprefix(action).strip().partition("on ")
    return said.strip() or subject.partition(": ")[2] or about
