"""Bringing stacks to what their blueprints say, and back when that fails.

Operations run one after the other in a thread of their own, which holds the lab's lock only while
an API call runs. Statuses, events and reasons are CloudFormation's (User Guide, "Stack status
codes" and "Update behaviors of stack resources").
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deployer.lab.cloudformation.blueprint import Blueprint
from deployer.lab.cloudformation.builder import Builder, Halt, Ledger, failures
from deployer.lab.cloudformation.graph import order
from deployer.lab.cloudformation.kinds import Api, Kind
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.stack import GONE, Resource, Stack, Stacks, now
from deployer.lab.context import Context

_log = logging.getLogger("deployer.lab.cloudformation")
Live = Mapping[str, dict[str, Any]]  # properties by logical id


class Engine:
    """One per lab; `stacks` is read and changed under the lab's lock only."""

    def __init__(self, context: Context, kinds: Mapping[str, Kind]) -> None:
        self.context, self.kinds, self.stacks = context, kinds, Stacks()
        self._closing = threading.Event()
        self.api = Api(context, self._closing)
        self._builder = Builder(context, kinds, self.api)
        self._unfinished: dict[str, tuple[Blueprint, Ledger]] = {}
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="lab-cloudformation", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the resource in hand."""
        self._closing.set()
        self._jobs.put(None)
        self._thread.join()

    def rest(self, at_most_s: float) -> bool:
        """Wait (real seconds) until nothing is going on; whether that is so."""
        with self._jobs.all_tasks_done:
            return self._jobs.all_tasks_done.wait_for(
                lambda: not self._jobs.unfinished_tasks, at_most_s
            )

    def create(self, stack: Stack, target: Blueprint) -> None:
        """Begin to make the stack's resources."""
        self._jobs.put(lambda: self._create(stack, target))

    def update(self, stack: Stack, target: Blueprint, live: Live | None = None) -> None:
        """Begin to bring the stack to `target`.

        live: what resources that have drifted are, when it is that which must change; a rollback
              brings them back to that (UG, "Using drift-aware change sets").
        """
        self._jobs.put(lambda: self._update(stack, target, live or {}))

    def delete(self, stack: Stack, retain: Iterable[str] = ()) -> None:
        """Begin to delete the stack; `retain`: logical ids that are left alone."""
        kept = set(retain)
        self._jobs.put(lambda: self._delete(stack, kept))

    def resume_rollback(self, stack: Stack, skip: Iterable[str] = ()) -> None:
        """Go on with a rollback that failed; `skip`: logical ids that are left as they are."""
        skipped = set(skip)
        self._jobs.put(lambda: self._back(stack, *self._unfinished.pop(stack.id), skipped))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._closing.is_set():
            try:
                job()
            except Exception:  # noqa: BLE001  one broken stack must not end the thread
                _log.exception("a stack operation failed inside the lab")
            finally:
                self._jobs.task_done()

    def _become(self, stack: Stack, status: str, reason: str | None = None) -> None:
        with self.context.lock:
            stack.become(status, reason)

    # -- create

    def _create(self, stack: Stack, target: Blueprint) -> None:
        try:
            for logical_id in target.order:
                self._builder.make(stack, target, logical_id, Ledger())
            self._settle(stack, target)
        except Halt as halt:
            self._undo_create(stack, target, str(halt))
        else:
            self._become(stack, "CREATE_COMPLETE")

    def _undo_create(self, stack: Stack, target: Blueprint, reason: str) -> None:
        if stack.disable_rollback:
            stack.blueprint = target
            self._become(stack, "CREATE_FAILED", reason)
            return
        self._become(stack, "ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
        left = self._remove_all(stack, list(stack.resources.values()), target, creating=True)
        if left:
            self._become(stack, "ROLLBACK_FAILED", failures("delete", left))
        else:
            self._become(stack, "ROLLBACK_COMPLETE")

    # -- update

    def _update(self, stack: Stack, target: Blueprint, live: Live) -> None:
        ledger, before = Ledger(), stack.blueprint or target
        for logical_id, properties in live.items():
            one = stack.resources[logical_id]
            ledger.drifted[logical_id] = (one.properties, properties)
            one.properties = properties
        try:
            for logical_id in target.order:
                self._builder.converge(stack, target, logical_id, ledger)
            self._settle(stack, target)
        except Halt as halt:
            if stack.disable_rollback:
                self._become(stack, "UPDATE_FAILED", str(halt))
            else:
                self._become(stack, "UPDATE_ROLLBACK_IN_PROGRESS", str(halt))
                self._back(stack, before, ledger, set())
            return
        dropped = [one for name, one in stack.resources.items() if name not in target.resources]
        self._become(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._remove_all(stack, list(ledger.replaced.values()), before, replaced=True)
        self._remove_all(stack, dropped, before)
        for one in dropped:  # one that could not be deleted is no longer the stack's
            stack.resources.pop(one.logical_id, None)
        self._become(stack, "UPDATE_COMPLETE")

    def _back(self, stack: Stack, before: Blueprint, ledger: Ledger, skip: set[str]) -> None:
        """Bring everything that was touched to `before` again, then delete what is new."""
        leftovers = list(ledger.created)
        try:
            for logical_id in before.order:
                if logical_id in ledger.replaced:
                    new, old = stack.resources[logical_id], ledger.replaced[logical_id]
                    leftovers += [new] if new is not old else []
                    self._builder.reinstate(stack, old)
                elif logical_id in ledger.touched - skip:
                    _, was = ledger.drifted.get(logical_id, (None, None))
                    self._builder.converge(
                        stack, before, logical_id, Ledger(), again=True, wanted=was
                    )
        except Halt as halt:
            self._unfinished[stack.id] = (before, ledger)
            self._become(stack, "UPDATE_ROLLBACK_FAILED", str(halt))
            return
        self._become(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._remove_all(stack, leftovers, before)
        for one in ledger.created:
            stack.resources.pop(one.logical_id, None)
        for logical_id, one in stack.resources.items():
            one.definition = before.resources[logical_id]
        for logical_id, (said, _) in ledger.drifted.items():
            stack.resources[logical_id].properties = said  # drifted, as before
        self._become(stack, "UPDATE_ROLLBACK_COMPLETE")

    # -- delete

    def _delete(self, stack: Stack, retain: set[str]) -> None:
        kept = [one for one in stack.resources.values() if one.logical_id in retain]
        for one in kept:
            self._builder.remove(stack, one, policy="Retain")
            del stack.resources[one.logical_id]
        left = self._remove_all(stack, list(stack.resources.values()), stack.blueprint)
        if left:
            self._become(stack, "DELETE_FAILED", failures("delete", left))
            return
        with self.context.lock:
            stack.outputs, stack.deleted = [], now()
            stack.imports.clear()
            stack.become(GONE)

    def _remove_all(
        self,
        stack: Stack,
        resources: Sequence[Resource],
        drawn: Blueprint | None,
        *,
        creating: bool = False,
        replaced: bool = False,
    ) -> list[str]:
        """Delete in reverse order; logical ids of those that could not be deleted.

        What one of these needs is left alone too, unreported, as CloudFormation does.
        """
        needs = drawn.needs if drawn is not None else {}
        sequence = order({**needs}) if needs else []
        rank = {name: index for index, name in enumerate(sequence)}
        failed: list[str] = []
        spared: set[str] = set()
        for one in sorted(resources, key=lambda each: -rank.get(each.logical_id, len(rank))):
            if one.logical_id in spared:
                spared |= set(needs.get(one.logical_id, ()))
                continue
            policy = _policy(one, creating=creating, replaced=replaced)
            if self._builder.remove(stack, one, policy=policy):
                if stack.resources.get(one.logical_id) is one:
                    del stack.resources[one.logical_id]
            else:
                failed.append(one.logical_id)
                spared |= set(needs.get(one.logical_id, ()))
        return failed

    # -- outputs

    def _settle(self, stack: Stack, target: Blueprint) -> None:
        """Everything is there: compute outputs, guard exports, take over the blueprint.

        Raises:
            Halt: an output cannot be resolved, or an export is taken or in use.
        """
        try:
            outputs = target.outputs(stack.known)
        except TemplateInvalid as error:
            raise Halt(str(error)) from error
        after = {one["ExportName"]: one["OutputValue"] for one in outputs if "ExportName" in one}
        with self.context.lock:
            self._guard_exports(stack, after)
            stack.outputs, stack.blueprint = outputs, target
            stack.imports = set(getattr(target.scope.exports, "used", ()))

    def _guard_exports(self, stack: Stack, after: Mapping[str, str]) -> None:
        for name, value in stack.exports.items():
            users = self.stacks.importers(name)
            if users and after.get(name) != value:
                verb = "deleted" if name not in after else "updated"
                raise Halt(f"Export {name} cannot be {verb} as it is in use by {_and(users)}")
        others = {
            name: each.name for each in self.stacks if each is not stack for name in each.exports
        }
        for name in after:
            if name in others:
                raise Halt(f"Export with name {name} is already exported by stack {others[name]}.")


def _policy(one: Resource, *, creating: bool, replaced: bool) -> str:
    """What a resource's definition says about its end."""
    key = "UpdateReplacePolicy" if replaced else "DeletionPolicy"
    policy = str(one.definition.get(key, "Delete"))
    if policy == "RetainExceptOnCreate":
        return "Delete" if creating else "Retain"
    return policy


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
