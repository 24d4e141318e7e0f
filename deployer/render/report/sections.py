"""The sections of a report beside its charts. Pure."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from deployer.durations import spell
from deployer.engine.audit import acts, carrier
from deployer.journal import Ask
from deployer.operations.story import Story
from deployer.plan import Deployment, Event, Status
from deployer.record.acts import REFUSED, Act
from deployer.record.course import MINUTE_S, begun_at
from deployer.render import terms
from deployer.render.came import NEVER, came_rows
from deployer.render.cost import rehearsed
from deployer.render.evidence import LEGEND, amount, bad_of, ratio, remark, share
from deployer.render.evidence import figure as brief
from deployer.render.figures import moment, table
from deployer.render.lines import output_lines
from deployer.render.owed import owed_line
from deployer.render.plan import NOT_ANALYSED, ONE_WAY, estimate, limit, roles, title, unlimited
from deployer.render.plan import goal as goal_of
from deployer.render.progress import (
    LEFT_OUT,
    WORDS,
    evidence_lines,
    finished,
    outcome,
    step_times,
    took_s,
)
from deployer.render.report.markup import facts, printable, scrolling, section, tag
from deployer.render.words import count, one_line, span

NAMED = re.compile(r" by (.+?)(?: in a freeze, because: |: |$)")
LOOKS = {
    Status.SHIPPED: "good", Status.ROLLED_BACK: "wait", Status.HALTED: "bad",
    Status.RUNNING: "wait", Status.RETREATING: "wait",
}  # fmt: skip


def summary(story: Story) -> Element:
    """How it ended, in words, and what anybody asks first."""
    record = story.record
    plan = record.first_plan
    ended = moment(record.finished_at) if record.finished_at is not None else "it goes on"
    return section(
        "summary", "What became of it",
        tag(
            "p", tag("strong", WORDS[record.status], class_=LOOKS[record.status]), ": ",
            one_line(outcome(record)), ".", class_=f"outcome {LOOKS[record.status]}",
        ),
        facts(
            ("Began", moment(record.started_at)), ("Ended", ended),
            ("Took", span(took_s(record, story.now))), ("Begun by", one_line(record.by)),
            ("Release", one_line(plan.release.name)), ("In place of", one_line(plan.previous or "")),
            ("Roles", roles(plan)), ("Users are at", str(record.written) if record.written else "no weights yet"),
            ("Still owed", one_line(_owes(story))), ("Deployment", tag("code", one_line(record.id))),
        ),
    )  # fmt: skip


def _owes(story: Story) -> str:
    record = story.record
    if story.owes or record.unstuck is None or not record.status.final:
        return story.owes
    return owed_line(record.unstuck, story.now)


def verdict(story: Story) -> Element | None:
    """By what it was judged, and what that came to."""
    plan = story.record.first_plan
    judged = [tag("p", one_line(line)) for line in terms.lines(plan)]
    if plan.strategy == "first":
        judged.append(tag("p", NOT_ANALYSED))
    if story.looks:
        judged.append(scrolling("Evidence by metric", _findings(story)))
    said = [each for each in story.record.log if "verdict" in each.detail]
    if said:
        rows: Iterator[list[str | Element]] = (
            [moment(each.at), one_line(str(each.detail["verdict"])), _said(each)] for each in said
        )
        judged.append(
            scrolling("Verdicts", table("Verdicts", ("Time", "Verdict", "Evidence"), rows))
        )
    return section("verdict", "Verdict", *judged) if judged else None


def _said(event: Event) -> Element:
    made = tag("div", tag("div", unlimited(event.note)))
    for line in evidence_lines(event.detail):
        made.append(tag("div", " ".join(line.split()), class_="dim"))
    return made


def _findings(story: Story) -> Element:
    """One row a metric: what all minutes together came to, beside what would decide."""
    last = story.looks[-1]
    return table(
        "Evidence in the end, of all minutes",
        ("Metric", "Candidate", "Stable", "Ratio", "Against", "sent back at", "For", "called good at", "Cost"),
        (
            [
                one_line(one.metric), bad_of(one.candidate), bad_of(one.stable), ratio(one.ratio),
                brief(one.against), brief(one.threshold), brief(one.safe), brief(one.safe_threshold),
                f"{amount(one.cost)} bad requests",
            ]
            for one in last.findings
        ),
        numbers=range(1, 9),
    )  # fmt: skip


def events(story: Story) -> Element:
    """Everything that the record keeps, and who caused it."""
    rows: Iterator[list[str | Element]] = (
        [moment(each.at), one_line(each.kind), _event(each), cause(story.record, each)]
        for each in story.record.log
    )
    made = table("Events", ("Time", "Kind", "What happened", "By"), rows)
    return section("events", "Events", scrolling("Events", made))


def cause(record: Deployment, event: Event) -> str:
    """Who asked for it, or whose process carried the deployment out at that moment."""
    if event.kind in ("asked", "refused", "retreat"):
        asker = next((who.name for act, who in acts(record) if _told(act, event)), None)
        named = (
            NAMED.search(event.note) if event.kind != "retreat" else None
        )  # from before the audit
        if asker is not None or named is not None:
            return one_line(asker or (named[1] if named else ""))
    carrying = carrier(record, event.at)
    return one_line(carrying.name if carrying is not None else record.by)


def _told(act: Act, event: Event) -> bool:
    """This act is what the event tells of."""
    what = {
        "refused": (REFUSED,), "retreat": (Ask.ABORT, Ask.ABORT_FORCE),
    }.get(event.kind, (event.note.partition(" by ")[0],))  # fmt: skip
    return act.at == event.at and act.what in what


def audit(story: Story) -> Element | None:
    """Who did what, from where, to which weights."""
    rows: list[list[str | Element]] = [
        [
            moment(act.at), one_line(who.name), one_line(act.what), str(act.weights or "–"),
            one_line(act.note), one_line(who.identity or "–"), one_line(who.origin or "–"),
        ]
        for act, who in acts(story.record)
    ]  # fmt: skip
    if not rows:
        return None
    heads = ("Time", "Who", "Did", "Weights", "Why", "Identity", "From")
    words = "“carries”: from then on it is that one's process that carries the deployment out."
    made = scrolling("Audit", table("Audit", heads, rows))
    return section("audit", "Who did what", tag("p", words, class_="dim"), made)


def _event(event: Event) -> Element:
    made = tag("div", tag("div", unlimited(event.note)))
    for line in (*evidence_lines(event.detail), *output_lines(event)):
        made.append(tag("div", " ".join(line.split()), class_="dim"))
    return made


def plans(story: Story) -> Element:
    """The plan, with the time that each step took; and the way back, if it took one."""
    record = story.record
    first = [tag("p", estimate(record.first_plan))] if estimate(record.first_plan) else []
    if record.first_plan.irreversible:
        first.append(tag("p", f"{one_line(record.first_plan.release.name)} {ONE_WAY}"))
    first += [tag("p", one_line(note)) for note in record.first_plan.notes]
    if record.original is None:
        first.append(scrolling("The plan", _steps(record, title(record.plan))))
        return section("plan", "Plan", *first)
    asked = table(
        title(record.original), ("No.", "Goal", "Limit"),
        ([str(n), goal_of(each), limit(each, record.original.intent)] for n, each in enumerate(record.original.steps, 1)),
    )  # fmt: skip
    back = _steps(record, "The way back")
    return section(
        "plan", "Plan", *first, scrolling("The plan", asked), tag("h3", "The way back"),
        scrolling("The way back", back),
    )  # fmt: skip


def _steps(record: Deployment, name: str) -> Element:
    times, done = step_times(record), finished(record)
    rows = (
        [str(n + 1), goal_of(each), limit(each, record.plan.intent), _took(n, done, times)]
        for n, each in enumerate(record.plan.steps)
    )
    return table(name, ("No.", "Goal", "Limit", "Took"), rows)


def _took(number: int, done: int, times: tuple[float | None, ...]) -> str:
    if number >= done:
        return "–"
    took = times[number]
    if took == LEFT_OUT:
        return "left out"
    return "done" if took is None else span(took)


def cost(story: Story) -> Element | None:
    """What was expected before it began, beside what it came to: as `deployer show` has it."""
    rows: list[list[str | Element]] = [
        [row.label.strip(), *row.cells] for row in came_rows(story.record)
    ]
    if not rows:
        return None
    said = story.record.first_plan.outlook
    if said is not None and said.undo_s is not None:
        rows.append(["going back after its end", span(said.undo_s), NEVER])
    if (reached := exposed(story)) is not None:
        rows.append(
            ["requests that reached the bad release, by its metrics", NEVER, f"{reached:,}"]
        )
    name = "Expected before it began, and what happened"
    made = scrolling("Cost", table(name, ("What", "Expected", "Was"), rows, numbers=(1, 2)))
    price = said.price if said else None
    smaller = [rehearsed(said.reduced)] if said and said.reduced else []
    notes = [*smaller, *(said.why if said else ()), *([f"Price: {price.source}."] if price else ())]
    return section(
        "cost", "Cost", made, *(tag("p", one_line(each), class_="dim") for each in notes)
    )


def exposed(story: Story) -> int | None:
    """Requests that a release answered that was sent back, until nobody reached it.

    None: it was not sent back, or nobody can tell: in place both releases answer from one slot.
    """
    record, first = story.record, begun_at(story.record.shares)
    turned = any(each.kind == "retreat" for each in record.log)
    if not turned or first is None or record.first_plan.in_place or not story.minutes:
        return None
    own = (each.candidate for each in story.minutes if each.start + MINUTE_S > first)
    return sum(each.requests or 0 for each in own)


def calls(story: Story) -> Element | None:
    """How often AWS was asked for what."""
    counted = sorted(story.record.calls.items(), key=lambda each: (-each[1], each[0]))
    if not counted:
        return None
    rows = ([one_line(name), f"{number:,}"] for name, number in counted)
    total = count(sum(story.record.calls.values()), "call")
    made = table(f"{total}, retries included", ("Operation", "Calls"), rows, numbers=(1,))
    words = "By whoever carried it out, as far as the record was written after them."
    return section("calls", "AWS API calls", tag("p", words), scrolling("AWS API calls", made))


def minutes(story: Story) -> Element | None:
    """What was known of the release minute by minute, one table for each metric."""
    if not story.looks:
        return None
    tables = [tag("p", LEGEND)]
    for nth, one in enumerate(story.looks[-1].findings):
        name = f"Evidence by {one_line(one.metric)}"
        made = table(
            name, EVIDENCE, _evidence_rows(story, nth), numbers=range(1, len(EVIDENCE) - 1)
        )
        tables.append(tag("details", tag("summary", name), scrolling(name, made)))
    words = f"{count(len(story.looks), 'minute')} beside the stable release."
    return section("minutes", "Minute by minute", tag("p", words), *tables)


EVIDENCE = (
    "Minute",
    "Share",
    "Candidate",
    "Stable",
    "Ratio",
    "Against",
    "All",
    "For",
    "Cost",
    "Remark",
)


def _evidence_rows(story: Story, nth: int) -> Iterator[list[str | Element]]:
    for look in story.looks:
        one = look.findings[nth]
        own, other = look.counts(one.metric)
        yield [
            moment(look.start), share(look.share), bad_of(own), bad_of(other), ratio(one.ratio),
            brief(one.against), brief(look.against), brief(one.safe), amount(one.cost),
            printable(remark(look)),
        ]  # fmt: skip


def gaps(story: Story) -> Element | None:
    """What is not in it, and why."""
    told = []
    if story.unknown:
        told.append(f"What both slots served is not shown: {one_line(story.unknown)}")
    if len(story.record.log) >= 200:
        told.append("The record keeps the newest 200 events; earlier ones are not shown.")
    last = story.minutes[-1].start + 60 if story.minutes else story.ended_at
    late = story.ended_at - last
    if late > 60:
        told.append(
            f"CloudWatch publishes minutes late: when this page was made, those of the last {spell(round(late))} "
            f"were not there yet. `deployer report {story.record.id} --html FILE` makes it anew."
        )
    return tag("ul", *(tag("li", words) for words in told), class_="dim") if told else None
