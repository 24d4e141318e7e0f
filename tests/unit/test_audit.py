"""Who did what: what a record keeps of it, and for how long."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.changes import SetDesired, SetWeights
from deployer.engine import audit, control
from deployer.journal import Ask, Request, decode, encode
from deployer.model import Slot, Weights
from deployer.plan import Deployment
from deployer.record.acts import BEGAN, CARRIES, OVERRODE, WEIGHTS, Act, Actor
from tests.unit.test_control import deployment
from tests.unit.world import NOW

ALICE = Actor("alice@laptop", "arn:aws:sts::123456789012:assumed-role/dev/alice", "host laptop")
CLOUD = Actor("supervisor (function shop)", "arn:aws:sts::123456789012:assumed-role/run/shop")
FIVE = SetWeights(Weights(950, 50), Weights(1000, 0))


def told(record: Deployment) -> list[tuple[str, str]]:
    return [(who.name, act.what) for act, who in audit.acts(record)]


def test_who_carries_it_out_is_told_once_for_each_of_them() -> None:
    record = audit.did(deployment(), ALICE, BEGAN, NOW)
    for who in (ALICE, ALICE, CLOUD, CLOUD, ALICE):
        record = audit.carried(record, who, None, NOW)
    carried = [(name, what) for name, what in told(record) if what == CARRIES]
    assert carried == [(who.name, CARRIES) for who in (ALICE, CLOUD, ALICE)]
    assert record.actors == (ALICE, CLOUD), "each is written once"


def test_a_change_of_weights_is_told_with_whose_it_is_and_a_repetition_is_not() -> None:
    record = audit.carried(deployment(), ALICE, FIVE, NOW)
    assert audit.carried(record, ALICE, FIVE, NOW + 5) == record
    assert record.audit[-1] == Act(NOW, WEIGHTS, 0, Weights(950, 50), "send blue 95 % / green 5 %")
    taken = audit.carried(record, CLOUD, FIVE, NOW + 90)
    assert told(taken)[-2:] == [(CLOUD.name, CARRIES), (CLOUD.name, WEIGHTS)]


def test_a_change_of_capacity_is_the_logs_matter() -> None:
    record = audit.carried(deployment(), ALICE, None, NOW)
    change = SetDesired(Slot.GREEN, 3)
    assert audit.carried(record, ALICE, change, NOW) == record


def test_a_record_of_before_there_was_an_audit_gets_one() -> None:
    old = msgspec.json.decode(encode(deployment()))
    del old["actors"], old["audit"], old["plan"]["override"]
    record = decode(msgspec.json.encode(old))
    assert record.audit == ()
    assert told(audit.carried(record, CLOUD, None, NOW)) == [(CLOUD.name, CARRIES)]


@pytest.mark.parametrize(
    ("ask", "acts"),
    [(Ask.PAUSE, ["pause"]), (Ask.PROMOTE, ["promote", OVERRODE]), (Ask.RESUME, ["refused"])],
)
def test_what_was_asked_is_told_with_who_asked(ask: Ask, acts: list[str]) -> None:
    baking = deployment(cursor=3)
    why = "the outage is worse" if OVERRODE in acts else ""
    record = control.grant(baking, Request(ask, "bob@desk", "r1", ALICE, why), NOW)
    assert told(record) == [(ALICE.name, what) for what in acts]
    assert record.audit[-1].note == (why or ("resume: too late" if ask is Ask.RESUME else ""))


def test_a_wish_of_an_older_version_names_who_asked() -> None:
    record = control.grant(deployment(cursor=3), Request(Ask.PAUSE, "bob@desk", "r1"), NOW)
    assert told(record) == [("bob@desk", "pause")]


def test_who_carried_it_out_at_a_moment() -> None:
    record = audit.carried(deployment(), ALICE, None, NOW)
    record = audit.carried(record, CLOUD, None, NOW + 60)
    found = [audit.carrier(record, NOW + s) for s in (-1, 0, 59, 60, 1e6)]
    assert found == [None, ALICE, ALICE, CLOUD, CLOUD]


names = st.text(max_size=400)


@given(st.lists(st.tuples(names, names), max_size=30), st.integers(0, 300))
def test_it_never_outgrows_its_place_and_keeps_who_began(
    people: list[tuple[str, str]], repeated: int
) -> None:
    record = audit.did(deployment(), ALICE, BEGAN, NOW)
    for n in range(len(people) + repeated):
        name, why = (people or [("x", "y")])[n % max(1, len(people))]
        record = audit.did(record, Actor(name), "pause", NOW + n, note=why)
    assert told(record)[0] == (ALICE.name, BEGAN)
    assert len(record.audit) <= audit.MOST
    assert all(0 <= act.actor < len(record.actors) for act in record.audit)
    assert decode(encode(record)) == record
    assert len(encode(replace(record, log=()))) < 350_000
