"""A figure as elements: the numbers are a table, the data is JSON that ends no script."""

import json
from xml.etree.ElementTree import tostring

from hypothesis import given
from hypothesis import strategies as st

from deployer.render.figures import Curve, Figure, element, known, moment, number

TIMES = (60.0, 120.0)
values = st.none() | st.floats(allow_nan=True, allow_infinity=True)


def figure(*curves: Curve, title: str = "Requests", times: tuple[float, ...] = TIMES) -> Figure:
    return Figure(
        name="requests", title=title, unit="requests/min", summary="10 at most.", times=times,
        curves=curves, since=0.0, until=180.0,
    )  # fmt: skip


def test_its_numbers_are_a_table() -> None:
    made = element(figure(Curve(name="v2", role="candidate", values=(1234.5, None))))
    heads = [each.text for each in made.findall(".//thead/tr/th")]
    rows = [[*row.itertext()] for row in made.findall(".//tbody/tr")]
    assert heads == ["Time", "v2 (requests/min)"]
    assert rows == [["1970-01-01 00:01:00 UTC", "1,234"], ["1970-01-01 00:02:00 UTC", "–"]]


def test_without_a_time_it_is_a_sentence() -> None:
    made = element(figure(times=()))
    assert [each.tag for each in made.iter()] == ["figure", "figcaption", "h3", "p"]


@given(st.text(), st.text(), st.tuples(values, values))
def test_whatever_it_is_called_the_page_stays_whole(
    title: str, name: str, numbers: tuple[float | None, float | None]
) -> None:
    """What a browser reads between `<script …>` and `</script>` is the figure, unchanged."""
    kept = (known(numbers[0]), known(numbers[1]))
    drawn = figure(Curve(name=name, role="stable", values=kept), title=title)
    page = tostring(element(drawn), encoding="unicode", method="html")
    begin = page.index('class="data">') + len('class="data">')
    inside = page[begin : page.index("</script>", begin)]
    found = json.loads(inside)
    assert (found["title"], found["curves"][0]["name"]) == (title, name)
    assert found["curves"][0]["values"] == list(kept)


def test_numbers_are_short() -> None:
    told = [number(value) for value in (None, 0, 0.123456, 12.5, 99.999, 1e6)]
    assert told == ["–", "0", "0.1235", "12.5", "100", "1,000,000"]
    assert [known(value) for value in (None, float("nan"), float("inf"), 1.0)] == [
        None, None, None, 1.0,
    ]  # fmt: skip


def test_a_moment_is_for_readers_and_for_programs() -> None:
    made = moment(0.0)
    assert (made.text, made.get("datetime")) == (
        "1970-01-01 00:00:00 UTC", "1970-01-01T00:00:00.000Z",
    )  # fmt: skip
