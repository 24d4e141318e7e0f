"""What a chart shows, as data: curves over time, marks, a sentence. `web/charts.js` draws it. Pure.

The report puts it in its page, the dashboard sends it to the browser; both show the same numbers as a
table, for screen readers and for readers without JavaScript.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

import msgspec

from deployer.render.words import iso

Role = Literal["candidate", "stable", "threshold", "first", "second", "third", "fourth"]
OTHERS: tuple[Role, ...] = ("first", "second", "third", "fourth")


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a chart.

    role:   which colour it has: the same in every chart.
    values: one for each of the figure's times; None: not known, and a gap.
    dashed: a limit, or what was wanted rather than what was.
    stepped: a value holds until the next one, instead of a line from the one to the other.
    """

    name: str
    role: Role
    values: tuple[float | None, ...]
    dashed: bool = False
    stepped: bool = False


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened `at` (epoch seconds), in a few words."""

    at: float
    words: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One chart.

    name:    in its element's id: letters and dashes.
    unit:    after each number: `%`, `requests/min`, `s`; empty: none.
    summary: what there is to see, in a sentence.
    times:   epoch seconds, rising; may be empty: then there is a sentence and no chart.
    since, until: what the chart spans; the same for all charts of a page.
    log:     the numbers' axis is logarithmic: no value is 0 or less.
    whole:   its numbers count something: no half of it is on the axis.
    top:     where the axis of numbers ends; None: where the values do.
    """

    name: str
    title: str
    unit: str
    summary: str
    times: tuple[float, ...]
    curves: tuple[Curve, ...]
    since: float
    until: float
    marks: tuple[Mark, ...] = ()
    log: bool = False
    whole: bool = False
    top: float | None = None


def known(value: float | None) -> float | None:
    """A number that JSON has and a chart can place; None: there is none."""
    return value if value is not None and math.isfinite(value) else None


def number(value: float | None) -> str:
    """As a cell shows it: four figures, a dash where nothing is known."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def embedded(figure: Figure) -> str:
    """JSON that may stand within a `<script>`: nothing in it ends one."""
    text = msgspec.json.encode(figure).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def element(figure: Figure) -> Element:
    """A `<figure>`: title, sentence, a place for the chart, the numbers as a table, and the data."""
    box = Element("figure", {"class": "chart", "id": f"figure-{figure.name}"})
    caption = SubElement(box, "figcaption")
    SubElement(caption, "h3").text = figure.title
    SubElement(caption, "p").text = figure.summary
    if not figure.times:
        return box
    SubElement(box, "div", {"class": "plot"})
    SubElement(box, "ul", {"class": "legend"})
    details = SubElement(box, "details")
    SubElement(details, "summary").text = f"{figure.title}: the numbers"
    scroll = SubElement(
        details,
        "div",
        {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": f"{figure.title}: the numbers"},
    )  # fmt: skip
    scroll.append(_numbers(figure))
    data = SubElement(box, "script", {"type": "application/json", "class": "data"})
    data.text = embedded(figure)
    return box


def _numbers(figure: Figure) -> Element:
    unit = f" ({figure.unit})" if figure.unit else ""
    heads = ["Time", *(f"{curve.name}{unit}" for curve in figure.curves)]
    columns = [curve.values for curve in figure.curves]
    return table(
        figure.title,
        heads,
        (
            [moment(at), *map(number, row)]
            for at, *row in zip(figure.times, *columns, strict=True)
        ),
        numbers=range(1, len(heads)),
    )  # fmt: skip


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str | Element]],
    numbers: Iterable[int] = (),
) -> Element:
    """A `<table>` whose first column heads its rows; `numbers`: columns that stand to the right."""
    made, right = Element("table"), frozenset(numbers)
    SubElement(made, "caption").text = caption
    top = SubElement(SubElement(made, "thead"), "tr")
    for at, head in enumerate(heads):
        SubElement(top, "th", {"scope": "col", **_right(at in right)}).text = head
    body = SubElement(made, "tbody")
    for row in rows:
        line = SubElement(body, "tr")
        for at, cell in enumerate(row):
            kind = ("th", {"scope": "row"}) if at == 0 else ("td", _right(at in right))
            _fill(SubElement(line, *kind), cell)
    return made


def _right(yes: bool) -> dict[str, str]:
    return {"class": "number"} if yes else {}


def _fill(cell: Element, content: str | Element) -> None:
    if isinstance(content, str):
        cell.text = content
    else:
        cell.append(content)


def moment(at: float) -> Element:
    """A `<time>`: UTC as it stands; a browser with JavaScript puts the reader's own zone there."""
    stamp = iso(at)
    made = Element("time", {"datetime": stamp})
    made.text = f"{stamp[:10]} {stamp[11:19]} UTC"
    return made
