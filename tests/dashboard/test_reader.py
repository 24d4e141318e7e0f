"""One reader for all: what fails is told and tried again, and nothing that fails stops the others."""

import json
from collections.abc import Callable

from deployer.dashboard.feed import Feed
from deployer.dashboard.reader import Reader, Seen, Source
from deployer.errors import CloudUnavailable
from deployer.operations.watching import Reading
from deployer.process.clock import ScaledClock


def read(*answers: Exception | dict[str, object]) -> Callable[[], Seen]:
    """Answers in turn; the last one for ever."""
    left = list(answers)

    def answer() -> Seen:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, Exception):
            raise now
        return Seen(dict(now), busy=bool(now.get("busy")))

    return answer


def readers(**sources: Callable[[], Seen]) -> Reader:
    """By a clock so fast that everything is due at once."""
    feed = Feed("t")
    clock = ScaledClock(0.0, 1e9)
    return Reader(
        {name: Source("environment", each) for name, each in sources.items()}, feed, clock
    )


def told(reader: Reader) -> dict[str, dict[str, object]]:
    bodies = [json.loads(entry.body) for entry in reader.feed.after(0)]
    return {body["name"]: body for body in bodies}


def turns(reader: Reader, many: int) -> None:
    for _ in range(many):
        reader.turn()


def test_before_anything_is_read_every_name_is_there() -> None:
    assert [(each["name"], each["order"], each["read_at"]) for each in told(readers(a=read({}), b=read({}))).values()] == [
        ("a", 0, None), ("b", 1, None),
    ]  # fmt: skip


def test_one_that_fails_says_so_and_keeps_what_was_known() -> None:
    reader = readers(
        a=read({"state": "good"}, CloudUnavailable("throttled")), b=read(ValueError("a bug"))
    )
    turns(reader, 8)
    found = told(reader)
    assert found["a"]["state"] == "good"
    assert isinstance(found["a"]["read_at"], float)
    assert found["a"]["unread"] is not None
    assert "throttled" in str(found["a"]["unread"])
    assert "unexpected ValueError: a bug" in str(found["b"]["unread"])
    assert found["b"]["read_at"] is None
    assert reader.troubles == {"a": "throttled", "b": "unexpected ValueError: a bug"}


def test_one_is_read_before_anybody_looks_and_what_answers_again_is_no_trouble() -> None:
    reader = readers(a=read(CloudUnavailable("no answer"), {"state": "good"}))
    assert [reader.first(), reader.first()] == [True, False]
    turns(reader, 1)
    assert reader.troubles == {"a": "no answer"}
    turns(reader, 1)
    assert reader.troubles == {}


def test_what_cannot_be_sent_is_told_and_read_again() -> None:
    reader = readers(a=read({"state": "\ud800"}, {"state": "fine"}), b=read({"state": "b"}))
    turns(reader, 2)
    assert "unexpected" in str(told(reader)["a"]["unread"])
    turns(reader, 8)
    assert (told(reader)["a"]["state"], told(reader)["b"]["state"]) == ("fine", "b")


def test_it_recovers() -> None:
    reader = readers(a=read(CloudUnavailable("away"), {"state": "back"}))
    turns(reader, 2)
    assert (told(reader)["a"]["state"], told(reader)["a"]["unread"]) == ("back", None)


def test_without_a_browser_nothing_is_read() -> None:
    asked = list[int]()

    def ask() -> Seen:
        asked.append(1)
        reader.stop()
        return Seen({}, busy=False)

    reader = readers(a=ask)
    reader._changed.set()
    reader.stop()
    reader._run()
    assert asked == []
    reader._over = False
    with reader.feed.listening(lambda: None):
        reader._run()
    assert asked == [1]


def test_one_that_is_asked_of_is_read_at_once() -> None:
    reader = readers(a=read({}), b=read({}))
    reader.clock = ScaledClock(0.0, 1.0)  # nothing is due again so soon
    reader._readings = dict.fromkeys(reader.sources)
    reader.turn()
    first = next(name for name, known in reader._readings.items() if known)
    reader.hurry(first)
    known = reader._readings[first]
    assert known is not None
    assert known.urgent
    reader.hurry("nobody")


def test_of_one_group_one_at_a_time() -> None:
    """They share clients and limits; a Region that hangs keeps no thread but its own."""
    reader = readers(a=read({}), b=read({}), c=read({}))
    reader.sources = {
        name: each._replace(group="eu" if name == "c" else "us")
        for name, each in reader.sources.items()
    }
    reader._readings["a"] = Reading(0.0, going=True)
    assert set(reader._free()) == {"c"}
    turns(reader, 3)
    assert told(reader)["b"]["read_at"] is None
    assert told(reader)["c"]["read_at"] is not None
