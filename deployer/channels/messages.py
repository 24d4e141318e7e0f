"""A notice as Slack and Teams show it. Pure: https://docs.slack.dev/block-kit, https://adaptivecards.io.

Slack takes `&`, `<` and `>` for markup, so they are escaped. A card's TextBlock is Markdown, so what
happened is in TextRuns, which are not: a hook's output or an answer of the release must not become a
link that people trust. Both cut what is too long: so do we, where it is least missed.
"""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final

from deployer.news import Kind
from deployer.operations.notices import Notice

LONGEST_TITLE: Final = 150  # Slack's header
LONGEST_TEXT: Final = 2_900  # Slack's section takes 3,000
MARKS: Final = {
    Kind.HALT: "🛑",
    Kind.STUCK: "🛑",
    Kind.ROLLBACK: "⏪",
    Kind.APPROVAL: "✋",
    Kind.END: "✅",
    Kind.VERDICT: "⚖️",
}
COLOURS: Final = {
    Kind.HALT: "Attention",
    Kind.STUCK: "Attention",
    Kind.ROLLBACK: "Attention",
    Kind.APPROVAL: "Warning",
    Kind.END: "Good",
}


def slack(notice: Notice) -> Mapping[str, object]:
    """The body of an incoming webhook."""
    return {
        "text": _escaped(_title(notice)),
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": _title(notice), "emoji": True},
            },
            _section(_escaped(notice.words, LONGEST_TEXT)),
            *([_section(_typed(notice))] if notice.commands else []),
            *([_section(f"<{_escaped(notice.report)}|Report>")] if notice.report else []),
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": _escaped(_footer(notice))}],
            },
        ],
    }


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _typed(notice: Notice) -> str:
    return "\n".join(f"{one.does}: `{_escaped(one.line)}`" for one in notice.commands)


def _escaped(text: str, most: int | None = None) -> str:
    """`most`: characters as Slack counts them, that is, escaped; it refuses the whole of what is longer."""
    parts = [{"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(each, each) for each in text]
    ends = list(accumulate(map(len, parts)))
    if most is None or not ends or ends[-1] <= most:
        return "".join(parts)
    return f"{''.join(parts[: bisect_right(ends, most - 1)])}…"


def teams(notice: Notice) -> Mapping[str, object]:
    """The body of a workflow "when a Teams webhook request is received": an Adaptive Card."""
    facts = [{"title": one.does, "value": one.line} for one in notice.commands]
    opens = {"type": "Action.OpenUrl", "title": "Report", "url": notice.report}
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            _plain(
                _title(notice), weight="Bolder", size="Medium",
                color=COLOURS.get(notice.kinds[0], "Default"),
            ),
            *(_plain(part) for part in _paragraphs(notice)),
            *([{"type": "FactSet", "facts": facts}] if facts else []),
            {"type": "TextBlock", "text": _footer(notice), "isSubtle": True, "size": "Small", "wrap": True},
        ],
        **({"actions": [opens]} if notice.report else {}),
    }  # fmt: skip
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str, **looks: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **looks}]}


def _paragraphs(notice: Notice) -> list[str]:
    return [part for part in _cut(notice.words).split("\n\n") if part]


def _title(notice: Notice) -> str:
    mark = MARKS.get(notice.kinds[0], "")
    return _cut(f"{mark} {notice.title}".strip(), LONGEST_TITLE)


def _footer(notice: Notice) -> str:
    return f"{notice.place} · {' '.join(notice.kinds)} · {notice.id}"


def _cut(text: str, most: int = LONGEST_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
