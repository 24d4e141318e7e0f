"""Carries intents out: EC2 and ELBv2 calls, the member's new state, the activity's progress.

All methods run under the lab's lock, called by the fleet's tick or by an API action.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from deployer.lab.autoscaling import intents
from deployer.lab.autoscaling.cloud import Cloud, LaunchFailed
from deployer.lab.autoscaling.mixture import ORDINARY, Purchase
from deployer.lab.autoscaling.model import (
    ENDING,
    Group,
    Hook,
    HookWait,
    Lifecycle,
    Member,
    Subnet,
)
from deployer.lab.autoscaling.store import Store

FIRST_RETRY_S = 15.0
LAST_RETRY_S = 240.0
NOTICE_S = 120.0  # EC2 user guide, "Spot Instance interruption notices"
_WAIT = {
    Lifecycle.PENDING: Lifecycle.PENDING_WAIT,
    Lifecycle.TERMINATING: Lifecycle.TERMINATING_WAIT,
    Lifecycle.WARMED_PENDING: Lifecycle.WARMED_PENDING_WAIT,
    Lifecycle.WARMED_TERMINATING: Lifecycle.WARMED_TERMINATING_WAIT,
}
_PROCEED = {
    Lifecycle.PENDING_WAIT: Lifecycle.PENDING_PROCEED,
    Lifecycle.TERMINATING_WAIT: Lifecycle.TERMINATING_PROCEED,
    Lifecycle.WARMED_PENDING_WAIT: Lifecycle.WARMED_PENDING_PROCEED,
    Lifecycle.WARMED_TERMINATING_WAIT: Lifecycle.WARMED_TERMINATING_PROCEED,
}
_HOOK_LIMIT_S = 48 * 3600  # aws-facts 3.2: the smaller of 48 h and 100 heartbeats


class Hands:
    """The effects; `store` is the truth that they keep up to date."""

    def __init__(self, store: Store, cloud: Cloud) -> None:
        self.store = store
        self.cloud = cloud

    def carry_out(self, name: str, intent: intents.Intent, now: float) -> None:
        """One intent of the group called `name`; a group or member gone meanwhile is skipped."""
        group = self.store.groups.get(name)
        if group is None:
            return
        match intent:
            case intents.Launch():
                self.launch(group, intent, now)
            case intents.MarkAttachment():
                self._mark(group, intent, now)
            case intents.ForgetPool():
                self.store.put(replace(group, pool=None))
            case intents.Vanish():
                self.forget(group)
            case _:
                member = group.member(intent.member)
                if member is not None:
                    self._for_member(group, member, intent, now)

    def _for_member(  # noqa: C901  one line per kind of intent
        self, group: Group, member: Member, intent: intents.Intent, now: float
    ) -> None:
        match intent:
            case intents.Boot():
                self.cloud.boot(member.id)
                self.store.ledger.note(member.activity, "PreInService", 30)
            case intents.Hold():
                self._hold(group, member, group.hooks_on(intent.transition), now)
            case intents.GiveUpWaiting():
                wait = next(held for held in member.waits if held.hook == intent.hook)
                self.finish_hook(group, member, wait, wait.default_result, now)
            case intents.Serve():
                self.serve(group, member, now)
            case intents.Condemn():
                self.store.put(
                    group.put(replace(member, health="Unhealthy", complaint=intent.complaint))
                )
            case intents.Retire():
                if member.lifecycle not in ENDING:  # twice in one look
                    self.retire(group, member, intent.cause, now, returns=intent.returns)
            case intents.End():
                self._end(group, member)
            case intents.Bury():
                self.store.ledger.close(member.activity, "Successful", now)
                self.store.put(group.without(member.id))
            case intents.Leave():
                self._leave(group, member, now)
            case _:
                self._for_spare(group, member, intent, now)

    def _for_spare(self, group: Group, member: Member, intent: intents.Intent, now: float) -> None:
        """What only Spot instances and those of a warm pool go through."""
        match intent:
            case intents.Draw():
                self._draw(group, member, intent, now)
            case intents.Prove():
                self.store.put(group.put(replace(member, ahead=False, proves=False)))
            case intents.Reclaim():
                self._reclaim(group, member)
            case intents.Halt():
                self.cloud.stop(member.id)
            case intents.Shelve():
                self._shelve(group, member, now)
            case intents.Return():
                back = member.enter(Lifecycle.WARMED_PENDING_PROCEED, now)
                self.store.put(group.put(replace(back, targets=frozenset(), returns=False)))
            case _:
                raise TypeError(f"{intent} is not about a member")

    def launch(self, group: Group, intent: intents.Launch, now: float) -> None:
        """One instance, or a failed activity and a pause that doubles each time."""
        if now < group.retry_at:  # another launch of this look has just failed
            return
        cause = at(now, group.reason, intent.cause)
        tags = {tag.key: tag.value for tag in group.tags if tag.propagate}
        tags["aws:autoscaling:groupName"] = group.name
        purchase = _purchase(group, intent.subnet)
        try:
            self.store.meet_fault(group.name)
            made = self.cloud.launch(group.template, intent.subnet, tags, purchase)
        except LaunchFailed as error:
            self._launch_failed(group, intent, cause, str(error), now)
            return
        where = " into warm pool" if intent.pooled else ""
        what = f"Launching a new EC2 instance{where}: {made.id}"
        member = Member(
            id=made.id,
            subnet=intent.subnet,
            template=replace(group.template, version=made.version),
            instance_type=made.instance_type,
            launched_at=now,
            since=now,
            protected=group.protect_new,
            lifecycle=Lifecycle.WARMED_PENDING if intent.pooled else Lifecycle.PENDING,
            ahead=intent.ahead,
            proves=intent.proves,
            spot=purchase.spot,
            activity=self.store.ledger.open(group, made.id, what, cause, now, place=intent.subnet),
        )
        self.store.ledger.note(member.activity, "PreInService", 20)
        members = (*group.members, member)
        self.store.put(replace(group, members=members, failures=0, retry_at=0.0))

    def _draw(self, group: Group, member: Member, intent: intents.Draw, now: float) -> None:
        """Out of the warm pool: the instance starts, and from there on it is as any other."""
        what = f"Launching a new EC2 instance from warm pool: {member.id}"
        cause = at(now, group.reason, intent.cause)
        activity = self.store.ledger.open(group, member.id, what, cause, now, place=member.subnet)
        self.cloud.start(member.id)
        drawn = replace(
            member.enter(Lifecycle.PENDING, now),
            ahead=intent.ahead,
            proves=intent.proves,
            protected=group.protect_new,
            activity=activity,
        )
        self.store.put(group.put(drawn))

    def _shelve(self, group: Group, member: Member, now: float) -> None:
        self.store.ledger.close(member.activity, "Successful", now)
        running = group.pool is not None and group.pool.running
        state = Lifecycle.WARMED_RUNNING if running else Lifecycle.WARMED_STOPPED
        self.store.put(group.put(member.enter(state, now)))

    def _reclaim(self, group: Group, member: Member) -> None:
        """Whoever was draining ends with it; for the others it is a failed EC2 health check."""
        self.cloud.terminate(member.id)
        ending = member.ending or member.lifecycle in ENDING
        self.store.put(group.put(replace(member, taken_at=None, ending=ending)))

    def notice(self, group: Group, member: Member, now: float, *, final: bool) -> None:
        """EC2's word to a Spot instance: likely to be taken back, or (`final`) in two minutes."""
        taken_at = member.taken_at
        if final and taken_at is None:
            taken_at = now + NOTICE_S
            if member.risky:  # what was launched in its place is simply needed from now on
                group = _needed(group)
        self.store.put(group.put(replace(member, risky=True, taken_at=taken_at)))

    def forget(self, group: Group) -> None:
        """The group is gone, and so are its policies with their alarms."""
        del self.store.groups[group.name]
        self.store.launch_faults.pop(group.name, None)
        alarms = [name for policy in group.scaling for name in policy.alarms.values()]
        if alarms:
            self.cloud.unwatch(alarms)

    def _launch_failed(
        self, group: Group, intent: intents.Launch, cause: str, reason: str, now: float
    ) -> None:
        what = f"Launching a new EC2 instance.  Status Reason: {reason}"
        activity = self.store.ledger.open(group, "", what, cause, now, place=intent.subnet)
        message = f"{reason} Launching EC2 instance failed."
        self.store.ledger.close(activity, "Failed", now, message)
        pause = min(FIRST_RETRY_S * 2**group.failures, LAST_RETRY_S)
        self.store.put(replace(group, failures=group.failures + 1, retry_at=now + pause))

    def _hold(self, group: Group, member: Member, hooks: Iterable[Hook], now: float) -> None:
        waits = tuple(
            HookWait(
                hook.name,
                token=str(uuid4()),
                until=now + hook.heartbeat_s,
                limit=now + min(_HOOK_LIMIT_S, 100 * hook.heartbeat_s),
                heartbeat_s=hook.heartbeat_s,
                default_result=hook.default_result,
            )
            for hook in hooks
        )
        state = _WAIT[member.lifecycle]
        self.store.ledger.note(member.activity, "MidLifecycleAction", 60)
        self.store.put(group.put(replace(member.enter(state, now), waits=waits)))

    def finish_hook(
        self, group: Group, member: Member, wait: HookWait, result: str, now: float
    ) -> None:
        """CONTINUE: on once no other hook waits. ABANDON: at once, and a launch is undone."""
        coming = member.lifecycle in (Lifecycle.PENDING_WAIT, Lifecycle.WARMED_PENDING_WAIT)
        left = tuple(held for held in member.waits if held is not wait)
        if result == "ABANDON" and coming:
            message = f"Lifecycle Action with token {wait.token} was abandoned: {wait.hook}"
            self.store.ledger.close(member.activity, "Cancelled", now, message)
            cause = f"an instance was taken out of service because lifecycle hook {wait.hook} was abandoned."
            self.retire(group, replace(member, waits=()), cause, now)
        elif left and result != "ABANDON":
            self.store.put(group.put(replace(member, waits=left)))
        else:
            state = _PROCEED[member.lifecycle]
            self.store.put(group.put(replace(member.enter(state, now), waits=())))

    def serve(self, group: Group, member: Member, now: float) -> None:
        """Register the member with every target group, then it is in service."""
        wanted = group.target_groups if group.runs("AddToLoadBalancer") else frozenset()
        try:
            for arn in sorted(wanted):
                self.cloud.register(arn, [member.id])
        except LookupError as error:
            self.store.ledger.close(member.activity, "Failed", now, str(error))
            self.retire(group, replace(member, targets=wanted), f"{error}.", now)
            return
        self.store.ledger.close(member.activity, "Successful", now)
        serving = replace(
            member.enter(Lifecycle.IN_SERVICE, now),
            targets=wanted,
            ahead=member.proves,
            quick=False,
        )
        self.store.put(group.put(serving))

    def retire(
        self,
        group: Group,
        member: Member,
        cause: str,
        now: float,
        *,
        quick: bool = False,
        returns: bool = False,
    ) -> str:
        """Deregister the member and let it drain; it ends later. The id of the activity."""
        self.store.ledger.close(member.activity, "Cancelled", now)
        where = " from warm pool" if member.pooled else ""
        what = f"Terminating EC2 instance{where}: {member.id}"
        activity = self._depart(group, member, what, at(now, group.reason, cause), now)
        to = Lifecycle.WARMED_TERMINATING if member.pooled else Lifecycle.TERMINATING
        gone = replace(
            member.enter(to, now),
            waits=(),
            ahead=False,
            proves=False,
            quick=quick,
            returns=returns,
            activity=activity,
        )
        self.store.put(group.put(gone))
        return activity

    def step_aside(
        self, group: Group, member: Member, to: Lifecycle, cause: str, now: float
    ) -> str:
        """Deregister the member without ending it: `to` is DETACHING or ENTERING_STANDBY."""
        detaching = to is Lifecycle.DETACHING
        what = f"{'Detaching EC2 instance' if detaching else 'Moving EC2 instance to Standby'}: {member.id}"
        activity = self._depart(group, member, what, at(now, "", cause), now)
        self.store.put(group.put(replace(member.enter(to, now), activity=activity)))
        return activity

    def _depart(self, group: Group, member: Member, what: str, cause: str, now: float) -> str:
        activity = self.store.ledger.open(group, member.id, what, cause, now, place=member.subnet)
        for arn in sorted(member.targets):
            self.cloud.deregister(arn, [member.id])
        status = "WaitingForELBConnectionDraining" if member.targets else "InProgress"
        self.store.ledger.note(activity, status, 50 if member.targets else 0)
        return activity

    def _end(self, group: Group, member: Member) -> None:
        self.cloud.terminate(member.id)
        self.store.ledger.note(member.activity, "InProgress", 80)
        self.store.put(group.put(replace(member, ending=True)))

    def _leave(self, group: Group, member: Member, now: float) -> None:
        self.store.ledger.close(member.activity, "Successful", now)
        if member.lifecycle is Lifecycle.DETACHING:
            self.store.put(group.without(member.id))
        else:
            standby = replace(member.enter(Lifecycle.STANDBY, now), targets=frozenset())
            self.store.put(group.put(standby))

    def _mark(self, group: Group, intent: intents.MarkAttachment, now: float) -> None:
        attachments = tuple(
            replace(held, state=intent.state, since=now) if held.arn == intent.arn else held
            for held in group.attachments
            if held.arn != intent.arn or intent.state != "Removed"
        )
        members = group.members
        if intent.state == "Removed":
            members = tuple(replace(m, targets=m.targets - {intent.arn}) for m in members)
        self.store.put(replace(group, attachments=attachments, members=members))


def _needed(group: Group) -> Group:
    """One member less that is ahead of another: that one goes in any case."""
    ahead = next((one for one in group.members if one.proves), None)
    return group.put(replace(ahead, ahead=False, proves=False)) if ahead else group


def _purchase(group: Group, place: Subnet) -> Purchase:
    if group.mixture is None:
        return ORDINARY
    return group.mixture.purchase(group.holdings, place.zone, group.desired)


def at(now: float, reason: str, cause: str) -> str:
    """An activity's cause as AWS words it: what was asked for, then what was done about it."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "  ".join(filter(None, (reason, f"At {moment} {cause}")))
