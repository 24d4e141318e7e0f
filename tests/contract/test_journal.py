"""The journal, against DynamoDB's conditional writes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.aws import records
from deployer.aws.dynamodb import KEEP_S, DynamoJournal
from deployer.aws.session import Aws
from deployer.engine import audit
from deployer.errors import (
    CloudUnavailable,
    Halted,
    LeaseLost,
    Locked,
    NotFound,
    NotPossibleNow,
    PlanInvalid,
)
from deployer.intent import Intent
from deployer.journal import Ask, Lease, Request, Unreadable, encode
from deployer.lab.chaos import Fault, Kind
from deployer.model import Release, Slot, Weights
from deployer.plan import Deployment, Event, Plan, Status
from deployer.ports import Clock
from deployer.process import identity
from deployer.record.acts import Actor
from deployer.record.samples import MOST, Sample
from deployer.steps.retire import Retire
from tests.contract.conftest import ManualClock, records_table

Admin = Callable[[str], Any]
ME, YOU = "alice@laptop #1", "bob@ci #2"
TABLE = "journal"


@pytest.fixture(scope="module", autouse=True)
def table(context: Any) -> str:
    records_table(context, TABLE)
    return TABLE


def spoil(admin: Admin, environment: str, name: str) -> None:
    """The record becomes one of another version of the deployer."""
    admin("dynamodb").update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"env#shop/{environment}"}, "sk": {"S": f"deployment#{name}"}},
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": '{"id": 7}'}},
    )


@pytest.fixture
def journal(aws: Aws, clock: ManualClock) -> DynamoJournal:
    return DynamoJournal(aws, TABLE, "shop", clock)


@pytest.fixture
def impatient(hasty: Aws, clock: ManualClock) -> DynamoJournal:
    """A journal without botocore's retries."""
    return DynamoJournal(hasty, TABLE, "shop", clock)


def deployment(environment: str, clock: Clock, **changes: Any) -> Deployment:
    now = clock.now()
    plan = Plan(
        strategy="canary",
        intent=Intent(release=Release("v2", "s3://artifacts/shop/v2.tar.gz")),
        candidate=Slot.GREEN,
        stable=Slot.BLUE,
        previous="v1",
        capacity=2,
        steps=(Retire(Slot.BLUE, 900.0),),
        basis="abc",
    )
    made: Deployment = replace(
        Deployment(
            id=identity.deployment_id(now),
            environment=environment,
            status=Status.RUNNING,
            plan=plan,
            started_at=now,
            entered_at=now,
            written=Weights(1000, 0),
            by="alice@laptop",
        ),
        **changes,
    )
    return made


def lease(clock: Clock, owner: str = ME) -> Lease:
    return Lease(owner, clock.now() + 60)


def finished(begun: Deployment, clock: Clock, status: Status = Status.SHIPPED) -> Deployment:
    done: Deployment = replace(begun, status=status, finished_at=clock.now())
    return done


def test_what_was_begun_is_active_and_can_be_read(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    assert journal.active(fresh) is None
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    active = journal.active(fresh)
    assert active is not None
    assert active.deployment == begun == journal.load(fresh, begun.id)
    assert active.lease == lease(clock)


def test_a_second_deployment_is_told_who_why_since_when_and_what_to_do(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    with pytest.raises(Locked) as told:
        journal.begin(deployment(fresh, clock), lease(clock, YOU))
    message = str(told.value)
    for part in (fresh, "canary of v2", begun.id, "alice@laptop", "2023-11-14 22:13:20 UTC"):
        assert part in message
    assert "`deployer status`" in message
    clock.sleep(61)
    with pytest.raises(Locked, match="`deployer resume`"):
        journal.begin(deployment(fresh, clock), lease(clock, YOU))


def test_an_environment_freed_in_the_same_moment_is_taken(
    journal: DynamoJournal, clock: ManualClock, fresh: str, aws: Aws
) -> None:
    first = journal.begin(deployment(fresh, clock), lease(clock))
    clock.sleep(1)

    def end(**_event: object) -> None:
        aws.dynamodb.meta.events.unregister("before-call.*.GetItem", end)
        journal.save(finished(first, clock), lease(clock))

    aws.dynamodb.meta.events.register("before-call.*.GetItem", end)
    second = journal.begin(deployment(fresh, clock), lease(clock, YOU))
    active = journal.active(fresh)
    assert active is not None
    assert active.deployment == second


def test_the_id_of_an_earlier_deployment_is_never_taken_again(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    first = journal.begin(deployment(fresh, clock), lease(clock))
    ended = journal.save(finished(first, clock), lease(clock))
    with pytest.raises(CloudUnavailable, match="busy"):
        journal.begin(first, lease(clock))
    assert journal.load(fresh, first.id) == ended
    assert journal.active(fresh) is None


def test_environments_and_services_do_not_meet(
    aws: Aws, journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    journal.begin(deployment(fresh, clock), lease(clock))
    journal.begin(deployment(f"{fresh}-other", clock), lease(clock))
    other = DynamoJournal(aws, TABLE, "blog", clock)
    other.begin(deployment(fresh, clock), lease(clock))
    assert len(other.history(fresh, 10)) == 1


def test_a_save_raises_the_version_and_renews_the_lease(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    clock.sleep(5)
    saved = journal.save(replace(begun, cursor=0, reason="on the way"), lease(clock))
    assert saved.version == begun.version + 1
    active = journal.active(fresh)
    assert active is not None
    assert active.deployment == saved
    assert active.lease.expires_at == clock.now() + 60


@pytest.mark.parametrize("status", [Status.SHIPPED, Status.ROLLED_BACK, Status.HALTED])
def test_a_final_status_frees_the_environment_and_may_be_forgotten_later(
    journal: DynamoJournal, clock: ManualClock, fresh: str, admin: Admin, status: Status
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    saved = journal.save(finished(begun, clock, status), lease(clock))
    assert journal.active(fresh) is None
    assert journal.load(fresh, begun.id) == saved
    item = admin("dynamodb").get_item(
        TableName=TABLE,
        Key={"pk": {"S": f"env#shop/{fresh}"}, "sk": {"S": f"deployment#{begun.id}"}},
    )["Item"]
    assert int(item["ttl"]["N"]) == clock.now() + KEEP_S
    journal.begin(deployment(fresh, clock), lease(clock, YOU))


def test_a_record_that_runs_is_never_forgotten(
    journal: DynamoJournal, clock: ManualClock, fresh: str, admin: Admin
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    journal.save(begun, lease(clock))
    found = admin("dynamodb").query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"env#shop/{fresh}"}},
    )["Items"]
    assert len(found) == 2
    assert not any("ttl" in item for item in found)


def test_two_owners_never_write_in_turn(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    with pytest.raises(Locked, match="alice"):
        journal.take_over(fresh, lease(clock, YOU), clock.now())
    clock.sleep(61)
    taken = journal.take_over(fresh, lease(clock, YOU), clock.now())
    assert taken.version == begun.version + 1
    for late in (begun, replace(begun, version=taken.version + 5), finished(begun, clock)):
        with pytest.raises(LeaseLost, match="bob@ci"):
            journal.save(late, lease(clock))
    saved = journal.save(replace(taken, reason="bob was here"), lease(clock, YOU))
    assert journal.load(fresh, begun.id) == saved
    with pytest.raises(Locked, match="status"):
        journal.take_over(fresh, lease(clock), clock.now())


def test_only_one_of_two_takes_over(
    journal: DynamoJournal, clock: ManualClock, fresh: str, aws: Aws
) -> None:
    journal.begin(deployment(fresh, clock), lease(clock))
    clock.sleep(61)

    def overtake(**_event: object) -> None:
        aws.dynamodb.meta.events.unregister("before-call.*.UpdateItem", overtake)
        journal.take_over(fresh, lease(clock, YOU), clock.now())

    aws.dynamodb.meta.events.register("before-call.*.UpdateItem", overtake)
    with pytest.raises(Locked):
        journal.take_over(fresh, lease(clock), clock.now())
    active = journal.active(fresh)
    assert active is not None
    assert active.lease.owner == YOU


def test_a_renewal_in_the_same_moment_keeps_the_lease(
    journal: DynamoJournal, clock: ManualClock, fresh: str, aws: Aws
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    clock.sleep(61)

    def renew(**_event: object) -> None:
        aws.dynamodb.meta.events.unregister("before-call.*.UpdateItem", renew)
        journal.save(begun, lease(clock))

    aws.dynamodb.meta.events.register("before-call.*.UpdateItem", renew)
    with pytest.raises(Locked, match="status"):
        journal.take_over(fresh, lease(clock, YOU), clock.now())
    active = journal.active(fresh)
    assert active is not None
    assert active.lease.owner == ME


def test_nothing_active_cannot_be_taken_over(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    with pytest.raises(NotFound, match="nothing is being deployed"):
        journal.take_over(fresh, lease(clock), clock.now())


def test_a_released_lease_can_be_taken_over_at_once(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    journal.release(begun, lease(clock, YOU))
    with pytest.raises(Locked):
        journal.take_over(fresh, lease(clock, YOU), clock.now())
    journal.release(begun, lease(clock))
    assert journal.take_over(fresh, lease(clock, YOU), clock.now()).id == begun.id


FIRST, SECOND = "supervisor #1", "supervisor #2"


def test_what_waits_for_somebodys_next_visit_is_theirs_alone(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock, FIRST))
    with pytest.raises(Locked):
        journal.take_over(fresh, lease(clock, SECOND), clock.now())
    journal.rest(begun, lease(clock, FIRST))
    active = journal.active(fresh)
    assert active is not None
    assert active.lease == lease(clock, "supervisor")
    with pytest.raises(Locked):
        journal.take_over(fresh, lease(clock, YOU), clock.now())
    with pytest.raises(LeaseLost):
        journal.save(begun, lease(clock, FIRST))
    taken = journal.take_over(fresh, lease(clock, SECOND), clock.now())
    assert taken.version == begun.version + 1
    with pytest.raises(Locked):
        journal.take_over(fresh, lease(clock, FIRST), clock.now())


def test_of_two_visits_at_once_one_takes_over(
    journal: DynamoJournal, clock: ManualClock, fresh: str, aws: Aws
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock, FIRST))
    journal.rest(begun, lease(clock, FIRST))

    def overtake(**_event: object) -> None:
        aws.dynamodb.meta.events.unregister("before-call.*.UpdateItem", overtake)
        journal.take_over(fresh, lease(clock, SECOND), clock.now())

    aws.dynamodb.meta.events.register("before-call.*.UpdateItem", overtake)
    with pytest.raises(Locked):
        journal.take_over(fresh, lease(clock, "supervisor #3"), clock.now())
    active = journal.active(fresh)
    assert active is not None
    assert active.lease.owner == SECOND


def test_only_who_holds_a_lease_can_leave_it_to_a_next_visit(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    journal.rest(begun, lease(clock, FIRST))
    active = journal.active(fresh)
    assert active is not None
    assert active.lease.owner == ME
    saved = journal.save(finished(begun, clock), lease(clock))
    journal.rest(saved, lease(clock))
    assert journal.load(fresh, begun.id) == saved
    assert journal.active(fresh) is None


def test_releasing_what_has_ended_changes_nothing(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    saved = journal.save(finished(begun, clock), lease(clock))
    journal.release(saved, lease(clock))
    assert journal.load(fresh, begun.id) == saved
    assert journal.active(fresh) is None


def test_a_lost_reply_at_begin_is_recognised_as_ours(
    journal: DynamoJournal, clock: ManualClock, fresh: str, faults: Any
) -> None:
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "TransactWriteItems", times=1))
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    active = journal.active(fresh)
    assert active is not None
    assert active.deployment == begun


def test_a_lost_reply_at_save_is_recognised_as_ours(
    journal: DynamoJournal, clock: ManualClock, fresh: str, faults: Any
) -> None:
    """Not written again: where the first answer to every write is lost, that would never end."""
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "UpdateItem", times=1))
    saved = journal.save(begun, lease(clock))
    assert saved.version == begun.version + 1
    assert journal.load(fresh, begun.id) == saved
    assert journal.save(saved, lease(clock)).version == saved.version + 1


def test_a_save_that_went_unanswered_can_be_made_again_with_what_was_known(
    impatient: DynamoJournal, clock: ManualClock, fresh: str, faults: Any
) -> None:
    begun = impatient.begin(deployment(fresh, clock), lease(clock))
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "UpdateItem", times=1))
    with pytest.raises(CloudUnavailable, match="UpdateItem"):
        impatient.save(begun, lease(clock))
    saved = impatient.save(replace(begun, reason="second try"), lease(clock))
    assert saved.version == begun.version + 2
    assert impatient.load(fresh, begun.id) == saved


def test_a_last_word_that_went_unanswered_is_recognised(
    impatient: DynamoJournal, clock: ManualClock, fresh: str, faults: Any
) -> None:
    begun = impatient.begin(deployment(fresh, clock), lease(clock))
    done = finished(begun, clock)
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "TransactWriteItems", times=1))
    with pytest.raises(CloudUnavailable, match="TransactWriteItems"):
        impatient.save(done, lease(clock))
    assert impatient.save(done, lease(clock)) == impatient.load(fresh, begun.id)
    assert impatient.active(fresh) is None
    with pytest.raises(LeaseLost):
        impatient.save(finished(begun, clock, Status.HALTED), lease(clock))
    with pytest.raises(LeaseLost):
        impatient.save(begun, lease(clock))


def test_a_take_over_that_went_unanswered_is_recognised(
    impatient: DynamoJournal, clock: ManualClock, fresh: str, faults: Any
) -> None:
    impatient.begin(deployment(fresh, clock), lease(clock))
    clock.sleep(61)
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "UpdateItem", times=1))
    with pytest.raises(CloudUnavailable):
        impatient.take_over(fresh, lease(clock, YOU), clock.now())
    taken = impatient.take_over(fresh, lease(clock, YOU), clock.now())
    assert impatient.save(taken, lease(clock, YOU)).version == taken.version + 1


def test_a_wish_is_seen_and_outlives_saves_and_take_over(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    assert journal.requested(begun) is None
    wish = Request(Ask.ABORT, "carol@phone", "r1")
    assert journal.ask(fresh, wish) == begun.id
    saved = journal.save(begun, lease(clock))
    assert saved.version == begun.version + 1, "the wish does not disturb the runner"
    assert journal.requested(saved) == wish
    clock.sleep(61)
    taken = journal.take_over(fresh, lease(clock, YOU), clock.now())
    assert journal.requested(taken) == wish


def test_nothing_can_be_asked_of_an_idle_environment(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    wish = Request(Ask.ABORT, "carol@phone", "r1")
    with pytest.raises(NotPossibleNow, match="nothing is being deployed"):
        journal.ask(fresh, wish)
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    ended = journal.save(finished(begun, clock), lease(clock))
    with pytest.raises(NotPossibleNow, match="nothing to abort"):
        journal.ask(fresh, wish)
    assert journal.requested(ended) is None


def test_a_wish_in_the_moment_of_the_end_is_refused(
    journal: DynamoJournal, clock: ManualClock, fresh: str, aws: Aws
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))

    def end(**_event: object) -> None:
        aws.dynamodb.meta.events.unregister("before-call.*.UpdateItem", end)
        journal.save(finished(begun, clock), lease(clock))

    aws.dynamodb.meta.events.register("before-call.*.UpdateItem", end)
    with pytest.raises(NotPossibleNow):
        journal.ask(fresh, Request(Ask.ABORT, "carol@phone", "r1"))


WISHES = [
    (Ask.PAUSE, Ask.RESUME, True),
    (Ask.RESUME, Ask.PAUSE, True),
    (Ask.PROMOTE, Ask.PROMOTE_FULL, True),
    (Ask.APPROVE, Ask.ABORT, True),
    (Ask.PAUSE, Ask.ABORT_FORCE, True),
    (Ask.ABORT, Ask.ABORT, True),
    (Ask.ABORT, Ask.ABORT_FORCE, True),
    (Ask.ABORT, Ask.PAUSE, False),
    (Ask.ABORT, Ask.PROMOTE_FULL, False),
    (Ask.ABORT_FORCE, Ask.APPROVE, False),
    (Ask.ABORT_FORCE, Ask.ABORT, False),
]


@pytest.mark.parametrize(("earlier", "later", "counts"), WISHES)
def test_the_newest_wish_counts_unless_one_to_go_back_stands(
    journal: DynamoJournal,
    clock: ManualClock,
    fresh: str,
    earlier: Ask,
    later: Ask,
    *,
    counts: bool,
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    carol = Actor("carol@phone", "arn:aws:sts::123456789012:assumed-role/dev/carol", "host phone")
    first = Request(earlier, "carol@phone", "r1", carol, "the shop is down")
    second = Request(later, "dave@desk", "r2")
    journal.ask(fresh, first)
    if counts:
        assert journal.ask(fresh, second) == begun.id
    else:
        with pytest.raises(NotPossibleNow, match=f"{begun.id} was asked to go back already"):
            journal.ask(fresh, second)
    assert journal.requested(begun) == (second if counts else first)


def test_a_wish_to_go_back_that_was_refused_stands_no_longer(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    journal.ask(fresh, Request(Ask.ABORT, "carol@phone", "r1"))
    heard = journal.save(replace(begun, heeded="r1"), lease(clock))
    journal.ask(fresh, Request(Ask.PAUSE, "dave@desk", "r2"))
    assert journal.requested(heard) == Request(Ask.PAUSE, "dave@desk", "r2")


def test_the_same_wish_again_has_another_id(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    ids = []
    for _ in range(3):
        journal.ask(fresh, identity.request(Ask.PAUSE, "carol@phone"))
        request = journal.requested(begun)
        assert request is not None
        ids.append(request.id)
    assert len(set(ids)) == 3


def test_a_wish_whose_reply_was_lost_is_asked_once(
    journal: DynamoJournal, clock: ManualClock, fresh: str, faults: Any
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    faults.add(Fault(Kind.LOST_REPLY, "dynamodb", "UpdateItem", times=1))
    wish = Request(Ask.PROMOTE, "carol@phone", "r1")
    assert journal.ask(fresh, wish) == begun.id
    assert journal.requested(begun) == wish


def test_a_wish_in_the_same_moment_as_an_abort_does_not_hide_it(
    journal: DynamoJournal, clock: ManualClock, fresh: str, aws: Aws
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    back = Request(Ask.ABORT, "carol@phone", "r1")

    def overtake(**_event: object) -> None:
        aws.dynamodb.meta.events.unregister("before-call.*.UpdateItem", overtake)
        journal.ask(fresh, back)

    aws.dynamodb.meta.events.register("before-call.*.UpdateItem", overtake)
    with pytest.raises(NotPossibleNow, match="asked to go back already"):
        journal.ask(fresh, Request(Ask.RESUME, "dave@desk", "r2"))
    assert journal.requested(begun) == back


def test_history_is_newest_first_and_no_longer_than_asked(
    journal: DynamoJournal, clock: ManualClock, fresh: str
) -> None:
    ids: list[str] = []
    for _ in range(4):
        begun = journal.begin(deployment(fresh, clock), lease(clock))
        journal.save(finished(begun, clock), lease(clock))
        ids.insert(0, begun.id)
        clock.sleep(100)
    assert [each.id for each in journal.history(fresh, 3)] == ids[:3]
    assert [each.id for each in journal.history(fresh, 50)] == ids
    assert journal.history("nowhere", 5) == ()


def test_an_unreadable_record_ends_the_history_and_is_listed(
    journal: DynamoJournal, admin: Admin, clock: ManualClock, fresh: str
) -> None:
    ids: list[str] = []
    for _ in range(3):
        begun = journal.begin(deployment(fresh, clock), lease(clock))
        journal.save(finished(begun, clock), lease(clock))
        ids.insert(0, begun.id)
        clock.sleep(100)
    spoil(admin, fresh, ids[1])
    assert [each.id for each in journal.history(fresh, 9)] == ids[:1]
    listed = journal.records(fresh, 9)
    assert [each.id for each in listed] == ids
    assert isinstance(listed[1], Unreadable)
    assert listed[1].release == begun.plan.release.name
    spoil(admin, fresh, ids[0])
    with pytest.raises(PlanInvalid, match=f"the newest deployment is {ids[0]}"):
        journal.history(fresh, 9)


def test_what_does_not_exist_is_named(journal: DynamoJournal, fresh: str) -> None:
    with pytest.raises(NotFound, match="no deployment 2020"):
        journal.load(fresh, "2020")


def test_a_missing_table_is_named(aws: Aws, clock: ManualClock, fresh: str) -> None:
    with pytest.raises(NotFound, match="no-such-table"):
        DynamoJournal(aws, "no-such-table", "shop", clock).active(fresh)


def test_a_pointer_without_a_record_halts(journal: DynamoJournal, admin: Admin, fresh: str) -> None:
    admin("dynamodb").put_item(
        TableName=TABLE,
        Item={
            "pk": {"S": f"env#shop/{fresh}"},
            "sk": {"S": "active"},
            "deployment": {"S": "lost"},
        },
    )
    with pytest.raises(Halted, match="has no record of it"):
        journal.active(fresh)


def test_a_record_of_another_version_of_the_deployer_says_so(
    journal: DynamoJournal, clock: ManualClock, admin: Admin, fresh: str
) -> None:
    begun = journal.begin(deployment(fresh, clock), lease(clock))
    spoil(admin, fresh, begun.id)
    with pytest.raises(PlanInvalid, match="use the version that wrote it"):
        journal.load(fresh, begun.id)


@given(
    now=st.floats(1e9, 3e9),
    version=st.integers(0, 10**9),
    notes=st.lists(st.text(max_size=40), max_size=5),
    status=st.sampled_from(list(Status)),
    reason=st.text(max_size=200),
)
def test_an_item_reads_back_as_it_was_written(
    now: float, version: int, notes: list[str], status: Status, reason: str
) -> None:
    clock = ManualClock(now)
    made = replace(
        deployment("prod", clock),
        version=version,
        status=status,
        finished_at=now if status.final else None,
        reason=reason,
        log=tuple(Event(now, "change", note) for note in notes),
    )
    read = records.understood(records.attributes(made, lease(clock), KEEP_S))
    assert read == records.Record(made, lease(clock), status.final)


@given(st.integers(0, 200), st.integers(0, 20_000))
def test_a_record_always_fits_into_an_item_and_keeps_its_newest_events(
    count: int, length: int
) -> None:
    log = tuple(Event(float(n), "change", "é" * length) for n in range(count))
    kept = records.fitted(deployment("prod", ManualClock(), log=log))
    assert len(encode(kept)) <= records.LARGEST_BODY
    assert kept.log == log[len(log) - len(kept.log) :]
    if count * length < 100_000:
        assert kept.log == log


def test_whoever_has_done_what_however_often_the_record_fits_and_says_who_began_it() -> None:
    """As much of everything as a record may ever hold, in a script that takes three bytes a sign."""
    record = audit.did(deployment("prod", ManualClock()), Actor("alice"), "began", 0.0)
    for n in range(audit.MOST):
        who = Actor(
            f"{n}" + "\ud55c" * audit.LONGEST, "\ud55c" * audit.LONGEST, "\ud55c" * audit.LONGEST
        )
        record = audit.did(record, who, "promote", float(n), note="\ud55c" * audit.LONGEST)
    samples = tuple(Sample(1e9 + n, 10**5, 10**5, 10**5, 10**5, 10**9) for n in range(MOST))
    log = tuple(Event(float(n), "change", "\ud55c" * 100) for n in range(500))
    kept = records.fitted(replace(record, samples=samples, log=log))
    assert len(encode(kept)) <= records.LARGEST_BODY
    found = list(audit.acts(kept))
    assert [found[0][0].what, found[0][1].name] == ["began", "alice"]
    newest = list(audit.acts(record))[-1]
    assert (found[-1][0].at, found[-1][1]) == (newest[0].at, newest[1])
    assert set(kept.actors) == {who for _, who in found}


def test_a_wish_of_another_version_is_heard_whoever_it_names() -> None:
    item: dict[str, Any] = dict(
        records.asking(Request(Ask.ABORT, "bob", "w1", Actor("bob"), "why"))
    )
    assert records.request(item).asker == Actor("bob")
    item["ask_actor"] = {"S": '{"name": "bob", "team": "web"}'}
    assert records.request(item).asker == Actor("bob")
    del item["ask_actor"], item["ask_why"]
    assert records.request(item) == Request(Ask.ABORT, "bob", "w1")
