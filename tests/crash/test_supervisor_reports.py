"""A visit tells what nobody else is left to tell, and says what only a visit knows."""

import json
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace as changed

from deployer.errors import AccessProblem, ChangeRefused, CloudUnavailable
from deployer.functions.supervise import report
from deployer.news import Kind
from deployer.operations.notices import Notice, Place
from deployer.operations.notifying import SILENT
from deployer.operations.reporting import due, ended, tell
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment, Event, Status
from deployer.wiring.services import Services
from tests.crash.test_supervisor import record
from tests.sim.outbox import SimOutbox
from tests.sim.play import ENVIRONMENT, play

PLACE = Place("shop", "prod")
WHY = "weights were moved: run `deployer rollback`"


def over(**fields: object) -> Deployment:
    base = changed(record(), status=Status.SHIPPED, finished_at=1_000.0)
    return changed(base, **fields)


HALTED = over(status=Status.HALTED, reason=WHY, by="alice", log=(Event(1_000.0, "halted", WHY),))
FREE = Visit(State.FREE)
STUCK = Visit(State.STUCK, record(), AccessProblem("no"))


def told(newest: Deployment | None, visit: Visit = FREE) -> Notice | None:
    return due(PLACE, newest, visit, 2_000.0)


@pytest.mark.parametrize(
    ("newest", "visit", "found"),
    [
        (None, FREE, None),
        (record(), FREE, None),
        (HALTED, FREE, HALTED),
        (None, Visit(State.ENDED, HALTED), HALTED),
        (HALTED, Visit(State.OURS, record()), None),
        (HALTED, Visit(State.ATTENDED, record()), None),
    ],
)
def test_whose_end_may_not_have_been_told(
    newest: Deployment | None, visit: Visit, found: Deployment | None
) -> None:
    assert ended(newest, visit) is found
    assert told(newest, visit) is None


@pytest.mark.parametrize(
    ("newest", "visit", "name"),
    [
        (None, STUCK, "d1.stuck"),
        (HALTED, Visit(State.STUCK, None, AccessProblem("no")), "d1.owed"),
        (None, Visit(State.STUCK, None, AccessProblem("no")), "AccessProblem.owed"),
        (None, Visit(State.STUCK, record(), CloudUnavailable("no")), None),
    ],
)
def test_what_only_a_visit_knows(newest: Deployment | None, visit: Visit, name: str | None) -> None:
    notice = told(newest, visit)
    assert (notice.id if notice else None) == name
    if notice is not None:
        assert notice.kinds == (Kind.STUCK,)
        assert notice.urgent
        assert "Why: no" in notice.words


def test_what_halted_and_cannot_be_put_back_is_told_once_each_however_often_both_are_found() -> (
    None
):
    """With the same ids each time, whoever visits: so whoever remembers them tells each once."""
    sim, outbox = play(), SimOutbox(PLACE)
    refused = Visit(State.STUCK, None, ChangeRefused("not now"))
    for _ in range(5):
        tell(outbox, sim.journal, PLACE, Visit(State.ENDED, HALTED), 2_000.0)
        tell(outbox, sim.journal, PLACE, refused, 2_000.0)
    assert outbox.titles(Kind.HALT, Kind.STUCK) == [
        "shop/prod: v2 halted",
        "shop/prod: something waits for somebody",
    ]


def test_where_nobody_is_to_be_told_the_journal_is_not_read_for_it() -> None:
    sim = play()
    reads = len(sim.gate.names)
    tell(SILENT, sim.journal, Place("shop", ENVIRONMENT), FREE, 0.0)
    assert len(sim.gate.names) == reads


def test_a_function_that_cannot_read_who_is_to_be_told_has_visited_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the visit itself came to is what fails the function, or does not."""

    class Silent:
        def history(self, *_: object) -> None:
            raise CloudUnavailable("the journal does not answer")

    outbox = SimOutbox()
    there = SimpleNamespace(outbox=outbox, journal=Silent(), place=PLACE, clock=play().clock)
    assert report(cast("Services", there), FREE) == ()
    assert outbox.closed == 1
    assert json.loads(capsys.readouterr().out) == {
        "event": "unsent",
        "note": "nobody could be told of what this visit found: the journal does not answer",
    }
