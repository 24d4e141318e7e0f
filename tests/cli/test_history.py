"""`deployer history` with filters, of one environment and of all; tables and lines that fit."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from deployer.cli.text import Screen, TextOutput
from deployer.durations import seconds
from deployer.journal import Unreadable
from deployer.operations.past import MOST, Record, Wanted, newest
from deployer.plan import Deployment, Status
from deployer.render.folding import folded
from deployer.render.history import history_text
from deployer.render.lines import Said, is_news
from deployer.render.table import Row, table
from deployer.render.words import limit
from tests.cli import anything
from tests.cli.conftest import Staged
from tests.cli.several import DEAD, Several
from tests.cli.stage import Stage
from tests.sim.fleet import Behaviour


@pytest.fixture
def shop(staged: Staged) -> Stage:
    """v2 shipped, v3 went back, v2 was left by rollback; each an hour after the one before."""
    made = staged(behaviours={"v3": Behaviour(errors=500)})
    for command in (("canary", "v2"), ("canary", "v3"), ("rollback", "v1")):
        assert made.run(*command).exit_code in (0, 3)
        made.play.clock.sleep(3600)
    return made


def releases(shop: Stage, *filters: str) -> list[str]:
    documents, status = shop.json("history", *filters)
    assert status == 0
    return [each["release"] for each in documents if each["event"] == "deployment"]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ((), ["v1", "v3", "v2"]),
        (("--status", "rolled_back"), ["v3"]),
        (("--status", "rolled_back", "--status", "shipped"), ["v1", "v3", "v2"]),
        (("--status", "halted"), []),
        (("--strategy", "canary"), ["v3", "v2"]),
        (("--strategy", "rollback", "--strategy", "rolling"), ["v1"]),
        (("--strategy", "rolling"), []),
        (("--release", "v3"), ["v3"]),
        (("--release", "v*"), ["v1", "v3", "v2"]),
        (("--since", "90m"), ["v1"]),
        (("--since", "2030-01-01"), []),
        (("--since", "2027-01-01T00:00Z"), ["v1", "v3", "v2"]),
        (("--by", "ALICE"), ["v1", "v3", "v2"]),
        (("--by", "bob"), []),
        (("--status", "shipped", "--limit", "1"), ["v1"]),
    ],
)  # fmt: skip
def test_filters_leave_what_fits_all_of_them(
    shop: Stage, filters: tuple[str, ...], left: list[str]
) -> None:
    assert releases(shop, *filters) == left


@pytest.mark.parametrize(
    "wrong",
    [("--since", "yesterday"), ("--status", "good"), ("--strategy", "big-bang"), ("--limit", "0")],
)
def test_a_filter_that_makes_no_sense_is_refused(shop: Stage, wrong: tuple[str, ...]) -> None:
    assert shop.run("history", *wrong).exit_code == 2


def test_what_filters_leave_nothing_of_is_said(shop: Stage) -> None:
    assert shop.run("history", "--release", "v9").stdout == "No deployment.\n"


records = st.one_of(
    anything.deployments(),
    st.builds(Unreadable, anything.names, anything.names, anything.words),
)
wanted = st.builds(
    Wanted, st.lists(st.sampled_from([*Status, "unreadable"]), max_size=2).map(tuple),
    st.lists(st.sampled_from(["canary", "first"]), max_size=1).map(tuple),
    st.sampled_from(["", "a*"]), st.none() | anything.moments, st.sampled_from(["", "a"]),
)  # fmt: skip


@given(st.lists(records, max_size=8), wanted, st.integers(1, 5))
def test_what_is_found_is_a_part_of_the_past_in_its_order(
    past: list[Record], want: Wanted, limit: int
) -> None:
    found = newest(lambda size: past[:size], want, limit)
    assert len(found) <= limit
    assert list(found) == [each for each in past if any(each is one for one in found)]
    assert all(each in want for each in found)


def test_a_long_past_is_read_in_ever_larger_parts(shop: Stage) -> None:
    asked: list[int] = []
    (last, *_) = shop.records

    def read(size: int) -> Sequence[Deployment]:
        asked.append(size)
        return [last] * size

    assert newest(read, Wanted(release="v9"), 20) == ()
    assert asked == [50, 200, 800, 3200, MOST]


# ---- several environments


def test_without_env_the_history_is_of_all_environments(tmp_path: Path) -> None:
    three = Several(tmp_path)
    shop = three.run
    assert shop("--env", "sim", "canary", "v2").exit_code == 0
    assert shop("--env", "other", "canary", "v3").exit_code == 0
    said = shop("history")
    lines = said.stdout.splitlines()
    assert lines[0].split()[:2] == ["environment", "deployment"]
    assert [line.split()[0] for line in lines[1:]] == ["other", "sim"]
    assert "dead: no answer from dead" in said.stderr
    assert said.exit_code == 0
    documents, _ = three.json("history")
    assert [(d["event"], d.get("environment")) for d in documents] == [
        ("deployment", "other"), ("deployment", "sim"), ("unseen", "dead"), ("result", None),
    ]  # fmt: skip
    assert len(shop("--env", "sim", "history").stdout.splitlines()) == 2
    assert len(shop("--env", "sim", "history", "--all").stdout.splitlines()) == 3


def test_where_nobody_answers_the_history_fails(tmp_path: Path) -> None:
    three = Several(tmp_path)
    three.silent = {"sim", "other", "dead"}
    done = three.run("history")
    assert (done.exit_code, DEAD in done.stderr) == (1, True)


# ---- what fits


def shown(text: Text, width: int) -> list[str]:
    screen = io.StringIO()
    console = Screen(file=screen, force_terminal=True, width=width, color_system=None, _environ={})
    TextOutput(results=console).page(lambda _: text, [])
    return screen.getvalue().splitlines()


def test_a_long_line_goes_on_below_its_words() -> None:
    line = (
        "  08:01:17  step 4/10  ✓ bake green for 2m: nothing bad seen, not enough to call it good"
    )
    assert shown(Text(line), 60) == [
        "  08:01:17  step 4/10  ✓ bake green for 2m: nothing bad",
        "                         seen, not enough to call it good",
    ]
    assert shown(Text("Full traffic in about 6m20s and the time"), 30) == [
        "Full traffic in about 6m20s",
        "  and the time",
    ]


def test_in_a_pipe_a_line_stays_one_line() -> None:
    pipe = io.StringIO()
    TextOutput(results=Screen(file=pipe, width=40, _environ={})).page(
        lambda _: Text("x " * 100), []
    )
    assert len(pipe.getvalue().splitlines()) == 1


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=200), st.integers(4, 120))
def test_folding_keeps_every_word_and_the_width(line: str, width: int) -> None:
    parts = folded(Text(line), width).split("\n", allow_blank=True)
    assert all(part.cell_len <= width for part in parts)
    assert "".join("".join(part.plain.split()) for part in parts) == "".join(line.split())


cells = st.text(st.characters(categories=["L", "N"]), max_size=20)


@given(
    st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=4),
    st.text("ab; :", max_size=90),
    st.integers(30, 140),
)
def test_a_table_leaves_out_what_it_may_and_no_more(
    rows: list[tuple[str, str, str]], words: str, width: int
) -> None:
    made = table(
        ("id", "when", "who"),
        [Row(row, words) for row in rows],
        width,
        words="why",
        spare=("when", "who"),
    ).split("\n")
    wide = [
        max(cell_len(x) for x in column)
        for column in zip(("id", "when", "who"), *rows, strict=True)
    ]
    assert made[0].plain.startswith("id")
    assert max(line.cell_len for line in made) <= max(width, wide[0])
    assert ("when" in made[0].plain) == (sum(wide) + 4 <= width)


@pytest.mark.parametrize("width", [80, 120])
def test_the_history_fits_a_terminal(shop: Stage, width: int) -> None:
    lines = history_text(shop.records, 2e9, width).plain.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "v3" in "".join(lines)
    assert "10 of 20 probes of v3" in "".join(lines)


def line(words: str, elapsed_s: float, step: int = 3) -> Said:
    return Said(words, ("id", "running", step), elapsed_s)


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (None, line("0 of 2 healthy", 0), True),
        (line("0 of 2", 10), line("0 of 2", 600), False),
        (line("0 of 2", 60), line("1 of 2", 120), True),
        (line("minute 700", 42_000), line("minute 701", 42_060), False),
        (line("minute 700", 42_000), line("minute 788", 47_250), True),
        (line("minute 700", 42_000), line("no minute at all", 42_060), True),
        (line("minute 700", 42_000), line("minute 701", 0, step=4), True),
        (line("minute 700", 42_000), Said("asked: pause", None, 42_001), True),
    ],
)
def test_while_nothing_but_numbers_changes_there_are_fewer_lines(
    before: Said | None, now: Said, news: bool
) -> None:
    assert is_news(now, before) is news


@pytest.mark.parametrize(
    ("duration_s", "said"),
    [
        (86_400 + 23 * 60 + 10, "1d1h"),
        (6260, "1h45m"),
        (1690, "28m10s"),
        (3600, "1h"),
        (0, "0s"),
        (59.2, "1m"),
    ],
)
def test_a_limit_is_never_longer_than_said(duration_s: float, said: str) -> None:
    assert limit(duration_s) == said
    assert seconds(said) >= duration_s
