"""Checks of what is around the slots: the twin, the journal, permissions, metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.analysis.counts import MINUTE_S
from deployer.analysis.forecast import beforehand
from deployer.analysis.ramp import ENOUGH
from deployer.aws.published import lacking
from deployer.aws.verify import twin
from deployer.aws.verify.facts import Facts, short
from deployer.durations import percent, spell
from deployer.findings import Finding, problem, unknown, warning
from deployer.operations.usual import Past
from deployer.settings.terms import terms_of
from deployer.topology import METRICS_NAMESPACE

PUBLISHED_S = 120.0  # a minute's metrics are there by then (aws-facts 2)
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
    """The analysis has something to go by, and sees it in time."""
    where, analysis = short(facts.names.load_balancer), facts.settings.analysis
    visited = facts.settings.runner.enabled and facts.settings.existing is None
    if visited and analysis.metrics_delay_s < PUBLISHED_S:
        yield warning(
            "metrics", "analysis.metrics_delay", f"a minute is read {spell(analysis.metrics_delay_s)} "
            "after its end",
            "CloudWatch takes up to two minutes, and what carries deployments in the cloud looks once "
            "a minute: it may always come too early, and find no verdict",
            'metrics_delay = "2m" in [analysis]',
        )  # fmt: skip
    if facts.requests is not None and not sum(facts.requests.values()):
        yield warning(
            "metrics", where, "no requests in the last 15 minutes",
            "nothing can be judged without users: a canary waits for a person then, anything else "
            f"ends as analysis.inconclusive says ({undecided(facts)})",
            "deploy when users are there",
        )  # fmt: skip
    if facts.past is not None and facts.settings.environment.strategy == "canary":
        yield from _slow_verdict(facts, facts.past, where)


def _slow_verdict(facts: Facts, past: Past, where: str) -> Iterator[Finding]:
    """With few requests evidence takes long: better known before than after."""
    if past.requests_per_min is None:
        return
    terms = terms_of(facts.settings.analysis, past)
    ahead = beforehand(terms.limits, past.bases, past.requests_per_min + terms.probes, ENOUGH)
    most = facts.settings.analysis.max_time_s
    if ahead is None or (ahead.minutes is not None and ahead.minutes * MINUTE_S <= most):
        return
    needed_s = None if ahead.minutes is None else ahead.minutes * MINUTE_S
    takes = (
        "never comes" if needed_s is None else f"takes about {spell(needed_s)} at {percent(ENOUGH)}"
    )
    yield warning(
        "metrics", where, f"a canary's verdict {takes} of {past.requests_per_min:,.0f} requests a minute",
        f"analysis.max_time is {spell(most)}: without a verdict it then ends as analysis.inconclusive "
        f"says ({terms.limits.inconclusive})",
        "leave it so, raise analysis.max_time, or let analysis.probes add requests",
    )  # fmt: skip


def undecided(facts: Facts) -> str:
    """What too little evidence means where nothing is beside a release."""
    said = facts.settings.analysis.inconclusive
    return "abort" if said == "auto" else said


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
