"""The outbox: in the background, each thing once, bounded, and never in anybody's way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from deployer.channels.channel import Channel, Undelivered
from deployer.channels.chosen import certain
from deployer.channels.outbox import PAUSES_S, WAITING, Outbox, Post
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.news import Kind
from deployer.operations.notices import Notice, Place
from deployer.plan import Deployment, Event, Status
from tests.crash.test_supervisor import record
from tests.sim.clock import SimClock

PLACE = Place("shop", "sim")
EVERY = frozenset(Kind)


@dataclass
class Marks:
    """The port `Claimed` in memory, of all processes; `silent`: calls to come without an answer."""

    clock: SimClock
    until: dict[tuple[str, str], float] = field(default_factory=dict)
    silent: int = 0
    asked: int = 0

    def told(self, deployment: str, channel: str) -> frozenset[str]:
        self._answer()
        self.asked += 1
        return frozenset(
            notice
            for (notice, where), until in self.until.items()
            if where == channel and until > 1e11 and notice.startswith(deployment)
        )

    def claim(self, notice: str, channel: str, lasts_s: float | None) -> bool:
        self._answer()
        if self.until.get((notice, channel), -1.0) >= self.clock.now():
            return False
        self.until[notice, channel] = 1e12 if lasts_s is None else self.clock.now() + lasts_s
        return True

    def settle(self, notice: str, channel: str, again_s: float | None) -> None:
        self._answer()
        self.until[notice, channel] = 1e12 if again_s is None else self.clock.now() + again_s

    def _answer(self) -> None:
        if self.silent:
            self.silent -= 1
            raise CloudUnavailable("the journal does not answer")


@dataclass
class Wire:
    """What was sent; `fails`: what becomes of the attempts to come."""

    sent: list[Notice] = field(default_factory=list)
    attempts: int = 0
    fails: list[Exception] = field(default_factory=list)

    def __call__(self, notice: Notice) -> None:
        self.attempts += 1
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append(notice)


@dataclass
class Process:
    """One process's outbox of one channel, which pauses for nothing."""

    marks: Marks
    wire: Wire = field(default_factory=Wire)
    kinds: frozenset[Kind] = EVERY
    pauses: list[float] = field(default_factory=list)
    prepare: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        channel = Channel("ops", self.kinds, self.wire, self.prepare)
        self.post = Post(channel, self.marks, self.marks.clock, 1.0, self.pauses.append)
        self.outbox = Outbox(PLACE, [self.post])

    def titles(self) -> list[str]:
        self.outbox.close()
        return [one.title.removeprefix("shop/sim: ") for one in self.wire.sent]


@pytest.fixture
def marks() -> Marks:
    clock = SimClock()
    return Marks(clock)


def news(marks: Marks, *kinds: Kind, name: str = "d1.x") -> Notice:
    return Notice(name, kinds, marks.clock.now(), PLACE, f"shop/sim: {name}", "words")


def begun(marks: Marks, **fields: object) -> Deployment:
    return replace(record(), started_at=marks.clock.now(), **fields)


def test_a_record_is_told_once_however_often_it_is_offered_and_by_whom(marks: Marks) -> None:
    first, second = Process(marks), Process(marks)
    for _ in range(3):
        first.outbox.offer(begun(marks))
    assert first.titles() == ["canary of v2 begins"]
    second.outbox.offer(begun(marks))
    assert second.titles() == []
    assert marks.asked == 2  # once for each process


def test_a_channel_gets_what_it_wants(marks: Marks) -> None:
    halts = Process(marks, kinds=frozenset({Kind.HALT}))
    now = marks.clock.now()
    log = (Event(now, "step_done", "a"), Event(now, "halted", "moved", {"verdict": "fail"}))
    halts.outbox.offer(begun(marks, status=Status.HALTED, log=log))
    assert halts.titles() == ["v2 halted"]
    assert halts.outbox.close() == []  # said once
    assert len(marks.until) == 1


def test_what_was_sent_is_said_by_channel(marks: Marks) -> None:
    process = Process(marks)
    process.outbox.tell(news(marks, Kind.STUCK))
    assert process.outbox.close() == ["ops: shop/sim: d1.x"]


def test_an_endpoint_that_recovers_is_tried_again(marks: Marks) -> None:
    wire = Wire(fails=[Undelivered("503"), Undelivered("refused")])
    process = Process(marks, wire)
    process.outbox.tell(news(marks, Kind.START))
    assert process.titles() == ["d1.x"]
    assert process.pauses == list(PAUSES_S)
    assert process.outbox.troubles() == []


@pytest.mark.parametrize(
    ("kind", "error", "attempts"),
    [
        (
            Kind.START,
            Undelivered("timeout", reached=True),
            1,
        ),  # it may have been taken: never twice
        (Kind.HALT, Undelivered("timeout", reached=True), 2),  # rather twice than never
        (Kind.START, Undelivered("404", lasting=True), 1),
        (Kind.HALT, Undelivered("404", lasting=True), 1),
        (Kind.START, Undelivered("refused"), 2),
        (Kind.HALT, CloudUnavailable("throttled"), 2),
    ],
)
def test_what_is_tried_again(marks: Marks, kind: Kind, error: Exception, attempts: int) -> None:
    process = Process(marks, Wire(fails=[error]))
    process.outbox.tell(news(marks, kind))
    process.outbox.close()
    assert process.wire.attempts == attempts
    assert len(process.wire.sent) == attempts - 1


def test_what_was_given_up_is_said_once_and_the_next_notice_is_tried(marks: Marks) -> None:
    process = Process(marks, Wire(fails=[Undelivered("x answered 500") for _ in range(6)]))
    for name in ("d1.a", "d1.b", "d1.c"):
        process.outbox.tell(news(marks, Kind.START, name=name))
    assert process.titles() == ["d1.c"]
    assert process.outbox.troubles() == ["the channel ops was not told: x answered 500"]
    assert process.outbox.troubles() == []
    assert process.wire.attempts == 7


def test_what_only_informs_is_not_repeated_by_the_next_process_and_what_is_urgent_is(
    marks: Marks,
) -> None:
    first = Process(marks, Wire(fails=[Undelivered("500") for _ in range(6)]))
    for kind in (Kind.START, Kind.HALT):
        first.outbox.tell(news(marks, kind, name=f"d1.{kind}"))
    assert first.titles() == []
    marks.clock.sleep(121.0)
    second = Process(marks)
    for kind in (Kind.START, Kind.HALT):
        second.outbox.tell(news(marks, kind, name=f"d1.{kind}"))
    assert second.titles() == ["d1.halt"]


def test_the_same_process_tries_an_urgent_one_again_when_it_looks_again(marks: Marks) -> None:
    process = Process(marks, Wire(fails=[Undelivered("500") for _ in range(3)]))
    notice = news(marks, Kind.APPROVAL)
    process.outbox.tell(notice)
    assert process.titles() == []
    process.outbox.tell(notice)  # too early: another process may be at it
    assert process.titles() == []
    marks.clock.sleep(121.0)
    process.outbox.tell(notice)
    assert process.titles() == ["d1.x"]


def test_who_dies_before_it_marks_an_urgent_one_is_followed(marks: Marks) -> None:
    """The claim runs out; the next one tells it, with the same id: at least once."""
    notice = news(marks, Kind.HALT)
    assert marks.claim(notice.id, "ops", 60.0)  # and its process is gone
    other = Process(marks)
    other.outbox.tell(notice)
    assert other.titles() == []
    marks.clock.sleep(61.0)
    other.outbox.tell(notice)
    assert other.titles() == ["d1.x"]


def test_who_sent_it_and_could_not_mark_it_does_not_send_it_again_itself(marks: Marks) -> None:
    process = Process(marks)
    notice = news(marks, Kind.HALT)
    marks.told("d1", "ops")

    def falls_silent(sent: Notice) -> None:
        process.wire.sent.append(sent)
        marks.silent = 1

    process.post.channel = Channel("ops", EVERY, falls_silent)
    for _ in range(2):
        process.outbox.tell(notice)
    assert process.titles() == ["d1.x"]
    assert process.outbox.troubles() == [
        "the channel ops was not told: the journal does not answer"
    ]


def test_nothing_is_sent_that_cannot_be_claimed(marks: Marks) -> None:
    marks.silent = 1
    process = Process(marks)
    process.outbox.tell(news(marks, Kind.START))
    assert process.titles() == []
    process.outbox.tell(news(marks, Kind.START))
    assert process.titles() == ["d1.x"]


def test_old_news_is_not_told(marks: Marks) -> None:
    process = Process(marks)
    old = news(marks, Kind.START)
    marks.clock.sleep(3_600.0)
    process.outbox.tell(old)
    assert process.titles() == []
    assert marks.until == {}


@contextmanager
def stuck() -> Iterator[tuple[Wire, threading.Event]]:
    """An endpoint that answers nobody until the test is over."""
    entered, leave = threading.Event(), threading.Event()

    class Hangs(Wire):
        def __call__(self, notice: Notice) -> None:
            entered.set()
            leave.wait(30)
            super().__call__(notice)

    try:
        yield Hangs(), entered
    finally:
        leave.set()


def test_an_endpoint_that_hangs_delays_nobody(marks: Marks) -> None:
    with stuck() as (wire, entered):
        slow, quick = Process(marks, wire), Process(marks)
        both = Outbox(PLACE, [slow.post, quick.post])
        quick.post.channel = Channel("quick", EVERY, quick.wire)
        for number in range(3 * WAITING):
            both.tell(news(marks, Kind.START, name=f"d1.{number}"))
            if number < WAITING:
                while quick.post.waiting.unfinished_tasks:
                    pass
        assert entered.wait(10)
        assert len(quick.wire.sent) >= WAITING
        assert slow.wire.sent == []
        assert any("does not answer in time" in each for each in both.troubles())


def test_an_end_that_does_not_wait_says_whom_it_left(marks: Marks) -> None:
    with stuck() as (wire, entered):
        slow = Process(marks, wire)
        outbox = Outbox(PLACE, [slow.post], 0.05)
        outbox.tell(news(marks, Kind.START))
        assert entered.wait(10)
        assert outbox.close() == []
        assert outbox.troubles() == ["the channel ops was not told: it did not answer in time"]


def test_a_channel_that_cannot_even_be_made_says_so(marks: Marks) -> None:
    def refused() -> object:
        raise AccessProblem("no Region")

    process = Process(marks, prepare=refused)
    process.outbox.tell(news(marks, Kind.START))
    assert process.outbox.troubles() == ["the channel ops was not told: no Region"]


def test_a_flaw_of_our_own_ends_neither_the_thread_nor_the_deployment(marks: Marks) -> None:
    process = Process(marks, Wire(fails=[ZeroDivisionError("boom")]))
    process.outbox.tell(news(marks, Kind.START, name="d1.a"))
    process.outbox.tell(news(marks, Kind.START, name="d1.b"))
    assert process.titles() == ["d1.b"]
    assert process.outbox.troubles() == [
        "the channel ops was not told: ZeroDivisionError in the deployer itself"
    ]


def test_a_notice_leads_to_the_report_once_there_is_one(marks: Marks) -> None:
    from functools import partial

    from deployer.operations.pages import Unpublished, linked

    class There(Unpublished):
        def link(self, environment: str, deployment_id: str) -> str:
            return f"https://console/{environment}/{deployment_id}"

    class Nowhere(Unpublished):
        def link(self, environment: str, deployment_id: str) -> str:
            raise AccessProblem("no Region")

    now = marks.clock.now()
    over = begun(marks, status=Status.SHIPPED, finished_at=now)
    for pages, found in ((There(), "https://console/sim/d1"), (Nowhere(), "")):
        process = Process(Marks(marks.clock))
        place = Place("shop", "sim", partial(linked, pages))
        outbox = Outbox(place, [process.post])
        outbox.offer(begun(marks))
        outbox.offer(over)
        outbox.close()
        assert [one.report for one in process.wire.sent] == ["", found]


def threads() -> int:
    return sum(thread.name.startswith("told ops") for thread in threading.enumerate())


def test_a_channel_that_has_nothing_to_do_keeps_no_thread(marks: Marks) -> None:
    """A warm function makes an outbox for each call: its threads would fill the function in hours."""
    process = Process(marks)
    for name in ("d1.a", "d1.b"):
        process.outbox.tell(news(marks, Kind.START, name=name))
        process.outbox.close()
        for thread in threading.enumerate():
            if thread.name.startswith("told ops"):
                thread.join(10)
        assert threads() == 0
    assert process.titles() == ["d1.a", "d1.b"]


def test_a_library_that_cannot_be_made_is_said_and_the_runner_goes_on(marks: Marks) -> None:
    """OTEL_EXPORTER_OTLP_COMPRESSION=nonsense is a ValueError of the exporter's."""

    def refused() -> object:
        raise ValueError("nonsense is no compression")

    process = Process(marks, prepare=refused)
    process.outbox.tell(news(marks, Kind.START))
    assert process.outbox.troubles() == [
        "the channel ops was not told: ValueError: nonsense is no compression"
    ]


@pytest.mark.parametrize(
    ("code", "reached"), [("InternalError", True), ("ThrottlingException", False)]
)
def test_what_aws_did_not_answer_may_have_been_taken_and_what_it_throttled_was_not(
    marks: Marks, code: str, reached: bool
) -> None:
    from botocore.exceptions import ClientError

    from deployer.aws.failures import changing

    def send(_notice: Notice, /) -> None:
        with changing("sns:Publish", "the topic"):
            about = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 500}}
            raise ClientError(about, "Publish")  # type: ignore[arg-type]

    with pytest.raises(Undelivered, match="sns:Publish on the topic") as error:
        certain(send)(news(marks, Kind.START))
    assert error.value.reached is reached
    assert not error.value.lasting
