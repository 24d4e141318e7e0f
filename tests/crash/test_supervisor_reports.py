"""People are told, once, of what needs them."""

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace as changed

from deployer.errors import AccessProblem, ChangeRefused, CloudUnavailable, DeployError
from deployer.model import Slot
from deployer.operations.reporting import KEPT, UNREPORTED, Report, due, report, tell
from deployer.operations.supervisor import State, Visit
from deployer.plan import Deployment, Status
from tests.crash.test_supervisor import (
    record,
)
from tests.sim.play import ENVIRONMENT, play

BLUE, GREEN = Slot.BLUE, Slot.GREEN
WINDOW_S = 3600.0


def ended(**fields: object) -> Deployment:
    base = changed(record(), status=Status.SHIPPED, finished_at=1_000.0)
    return changed(base, **fields)


@dataclass
class Told:
    """Who was told what; `dies` at the next remembering."""

    mark: str = ""
    told: list[str] = field(default_factory=list)
    dies: bool = False

    def last(self) -> str:
        return self.mark

    def publish(self, subject: str, words: str) -> None:
        self.told.append(f"{subject}\n{words}")

    def remember(self, marks: str, before: str) -> None:
        if self.dies:
            raise CloudUnavailable("no answer")
        if self.mark == before:
            self.mark = marks


HALTED = ended(
    status=Status.HALTED, reason="weights were moved: run `deployer rollback`", by="alice"
)
FREE = Visit(State.FREE)


def wanted(newest: Deployment | None, visit: Visit = FREE) -> Report | None:
    return due("shop/prod", "prod", newest, visit)


def test_a_halt_is_told_once_in_words_that_name_the_next_command() -> None:
    book = Told()
    for _ in range(3):
        report(book, wanted(HALTED))
    (told,) = book.told
    assert told.startswith("shop/prod: v2 halted\n")
    assert "weights were moved" in told
    assert "begun by alice" in told
    for command in ("status", f"report {HALTED.id}", "rollback"):
        assert f"deployer --env prod {command}\n" in told


def test_a_halt_is_told_twice_rather_than_never() -> None:
    book = Told(dies=True)
    assert report(book, wanted(HALTED)) is not None
    book.dies = False
    assert report(book, wanted(HALTED)) is not None
    assert report(book, wanted(HALTED)) is None
    assert len(book.told) == 2


@pytest.mark.parametrize(
    ("newest", "visit", "mark"),
    [
        (None, FREE, None),
        (ended(), FREE, None),
        (HALTED, FREE, "halted d1"),
        (None, Visit(State.ENDED, HALTED), "halted d1"),
        (HALTED, Visit(State.OURS, record()), None),
        (HALTED, Visit(State.ATTENDED, record()), None),
        (None, Visit(State.STUCK, record(), AccessProblem("no")), "stuck d1"),
        (HALTED, Visit(State.STUCK, None, AccessProblem("no")), "owed d1"),
        (None, Visit(State.STUCK, None, AccessProblem("no")), "owed AccessProblem"),
        (None, Visit(State.STUCK, record(), CloudUnavailable("no")), None),
    ],
)
def test_what_is_worth_telling(newest: Deployment | None, visit: Visit, mark: str | None) -> None:
    found = wanted(newest, visit)
    assert (found.mark if found else None) == mark


def test_what_halted_and_cannot_be_put_back_is_told_once_each_however_often_both_are_found() -> (
    None
):
    book = Told()
    refused = Visit(State.STUCK, None, ChangeRefused("not now"))
    for _ in range(5):
        report(book, wanted(HALTED))
        report(book, wanted(HALTED, refused))
    halted, owed = book.told
    assert halted.startswith("shop/prod: v2 halted\n")
    assert "deployer --env prod settle\n" in owed


def test_a_later_deployment_is_told_of_though_earlier_ones_were() -> None:
    book = Told()
    names = [f"d{number}" for number in range(20)]
    for name in names:
        assert report(book, wanted(changed(HALTED, id=name))) is not None
        assert report(book, wanted(changed(HALTED, id=name))) is None
    assert len(book.told) == len(names)
    assert book.mark.splitlines()[-1] == "halted d19"
    assert len(book.mark.splitlines()) == KEPT


def test_where_nobody_is_to_be_told_the_journal_is_not_read_for_it() -> None:
    sim = play()
    reads = len(sim.gate.names)
    assert tell(UNREPORTED, sim.journal, "shop/prod", ENVIRONMENT, FREE) is None
    assert len(sim.gate.names) == reads


def test_what_cannot_be_told_is_not_remembered() -> None:
    class Deaf(Told):
        def publish(self, subject: str, words: str) -> None:
            raise AccessProblem("sns:Publish is not allowed")

    deaf = Deaf()
    with pytest.raises(DeployError, match="not allowed"):
        report(deaf, wanted(HALTED))
    assert deaf.mark == ""
