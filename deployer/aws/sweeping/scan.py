"""One reading of all environments of a service in a Region; calls grow with pages.

    tag:GetResources            load balancers and journals that are tagged ephemeral, 100 a page
    DescribeStacks              all stacks of the account in the Region, a page at a time
    DescribeAutoScalingGroups   groups that are tagged ephemeral, 100 a page
    GetMetricData               166 environments a call (`traffic`)
    BatchGetItem                50 environments a call: two items of each one's journal

An environment is ephemeral if every stack of it and its journal say so; no deployer writes these tags, they come with
the stacks. Another word for it, by hand, on a resource or two, changes nothing: the role that acts is
held to the tag of each resource by IAM.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.records import ACTIVE, RECORD, partition
from deployer.aws.session import Aws
from deployer.aws.sweeping import notices, traffic
from deployer.aws.table import TRIES, Item, Table, key
from deployer.errors import CloudUnavailable, DeployError, NotFound
from deployer.operations.idle.ports import Facts, Scanned, Span, Standing
from deployer.ports import Clock
from deployer.process.zones import epoch
from deployer.topology import (
    CLASS_TAG,
    ENVIRONMENT_TAG,
    EPHEMERAL,
    EXPIRES_TAG,
    SERVICE_TAG,
    SLOT_TAG,
    stack_name,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

NEEDS = (
    Need("tag:GetResources", Resource.ANY),
    Need("cloudformation:DescribeStacks", Resource.ANY),
    Need("autoscaling:DescribeAutoScalingGroups", Resource.ANY),
    Need("dynamodb:BatchGetItem", Resource.JOURNAL),
    Need("dynamodb:Query", Resource.JOURNAL),
)
BALANCER, TABLE = "elasticloadbalancing:loadbalancer", "dynamodb:table"
PAGE = 100  # of GetResources, of DescribeAutoScalingGroups, and keys of a BatchGetItem
QUIET = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
)
SORTS = (ACTIVE, notices.SORT)
STACKS = ("network", "service", "control", "monitoring", "runner")


@dataclass(slots=True)
class Found:
    """What tags have told of one environment: ARN of its load balancer, name of its journal."""

    balancer: str = ""
    table: str = ""
    expires_at: float | None = None


@dataclass(slots=True)
class Stacks:
    """What CloudFormation tells of one environment's stacks; empty: it has none.

    made_at: of each of its parts.
    tagged:  every one of them is ephemeral.
    """

    made_at: dict[str, float] = field(default_factory=dict)
    changed_at: float = 0.0
    moving: str = ""
    tagged: bool = True


@dataclass(slots=True)
class CloudScan:
    """The port `Scan`."""

    aws: Aws
    service: str
    clock: Clock
    tables: dict[str, str] = field(default_factory=dict)

    def read(self, spans: Mapping[str, Span], now: float) -> Scanned:
        """One reading; see above.

        Raises:
            CloudUnavailable, AccessProblem: as `failures.asking`; what was read is forgotten.
        """
        found = self._found()
        self.tables = {name: each.table for name, each in found.items() if each.table}
        stacks = self._stacks(spans)
        groups = self._groups()
        known = {name: found[name] for name in spans if name in found}
        balancers = {name: each.balancer for name, each in known.items() if each.balancer}
        flows = traffic.read(self.aws, balancers, spans, now)
        items = self._items({name: each.table for name, each in known.items() if each.table})
        facts = {
            name: _facts(
                found.get(name, Found()), stacks[name], groups.get(name, {}), flows.get(name),
                items.get(name, {}),
            )
            for name in spans
            if stacks[name].made_at
        }  # fmt: skip
        return Scanned(facts, tuple(sorted(set(found) - set(spans))))

    def table_of(self, environment: str) -> str:
        """Its journal's name, by the last reading.

        Raises:
            NotFound: it had none that is tagged ephemeral.
        """
        if environment not in self.tables:
            raise NotFound(f"{environment} has no journal that is tagged {CLASS_TAG}={EPHEMERAL}")
        return self.tables[environment]

    def deployed_at(self, environment: str) -> float:
        """When its newest deployment ended, or now if it has not. One call."""
        table = Table(self.aws, self.table_of(environment), self.clock)
        newest = table.newest(partition(self.service, environment), RECORD, 1)
        if not newest:
            return 0.0
        ended = newest[0].get("finished_at")
        return float(ended["N"]) if ended else self.clock.now()

    def _found(self) -> dict[str, Found]:
        found: dict[str, Found] = {}
        with asking("tag:GetResources", f"resources of {self.service}"):
            pages = self.aws.tagging.get_paginator("get_resources").paginate(
                ResourceTypeFilters=[BALANCER, TABLE],
                TagFilters=[
                    {"Key": SERVICE_TAG, "Values": [self.service]},
                    {"Key": CLASS_TAG, "Values": [EPHEMERAL]},
                ],
                PaginationConfig={"PageSize": PAGE},
            )
            for page in pages:
                for each in page["ResourceTagMappingList"]:
                    tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
                    whose = found.setdefault(tags.get(ENVIRONMENT_TAG, ""), Found())
                    note(whose, each["ResourceARN"], tags)
        found.pop("", None)
        return found

    def _stacks(self, names: Iterable[str]) -> dict[str, Stacks]:
        whose = {stack_name(self.service, n, part): (n, part) for n in names for part in STACKS}
        seen = {name: Stacks() for name in names}
        with asking("cloudformation:DescribeStacks", "the Region's stacks"):
            for page in self.aws.cloudformation.get_paginator("describe_stacks").paginate():
                for stack in page["Stacks"]:
                    if stack["StackName"] in whose:
                        name, part = whose[stack["StackName"]]
                        _note_stack(seen[name], part, stack)
        return seen

    def _groups(self) -> dict[str, dict[str, int]]:
        """Instances wanted, by environment and slot."""
        found: dict[str, dict[str, int]] = {}
        with asking("autoscaling:DescribeAutoScalingGroups", f"groups of {self.service}"):
            pages = self.aws.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(
                Filters=[
                    {"Name": f"tag:{SERVICE_TAG}", "Values": [self.service]},
                    {"Name": f"tag:{CLASS_TAG}", "Values": [EPHEMERAL]},
                ],
                PaginationConfig={"PageSize": PAGE},
            )
            for page in pages:
                for group in page["AutoScalingGroups"]:
                    tags = {tag["Key"]: tag.get("Value", "") for tag in group.get("Tags", ())}
                    slots = found.setdefault(tags.get(ENVIRONMENT_TAG, ""), {})
                    slots[tags.get(SLOT_TAG, "")] = group["DesiredCapacity"]
        return found

    def _items(self, tables: Mapping[str, str]) -> dict[str, dict[str, Item]]:
        """`active` and `notice` of each journal, by environment and sort key."""
        found: dict[str, dict[str, Item]] = {name: {} for name in tables}
        names = iter(tables)
        while batch := tuple(islice(names, PAGE // 2)):
            for name, item in self._batch({name: tables[name] for name in batch}):
                found[name][item["sk"]["S"]] = item
        return found

    def _batch(self, tables: Mapping[str, str]) -> Iterator[tuple[str, Item]]:
        """A table that is gone fails the whole batch: then each half is asked for by itself."""
        try:
            yield from self._asked(tables)
        except DeployError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            if len(tables) > 1:
                names = list(tables)
                for half in (names[: len(names) // 2], names[len(names) // 2 :]):
                    yield from self._batch({name: tables[name] for name in half})

    def _asked(self, tables: Mapping[str, str]) -> list[tuple[str, Item]]:
        whose = {table: name for name, table in tables.items()}
        wanted: Any = {
            table: {
                "Keys": [key(partition(self.service, name), sort) for sort in SORTS],
                "ConsistentRead": True,
            }
            for table, name in whose.items()
        }
        found: list[tuple[str, Item]] = []
        for _ in range(TRIES):
            with asking("dynamodb:BatchGetItem", f"{len(whose)} journals"):
                answer = self.aws.dynamodb.batch_get_item(RequestItems=wanted)
            for table, items in answer["Responses"].items():
                found += [(whose[table], dict(item)) for item in items]
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            self.clock.sleep(1.0)
        raise CloudUnavailable(
            "dynamodb:BatchGetItem: the journals are busy: keys were left unread"
        )


def note(found: Found, arn: str, tags: Mapping[str, str]) -> None:
    """One tagged resource."""
    if ":loadbalancer/app/" in arn:
        found.balancer = arn
        with suppress(ValueError):  # written by hand, and no moment: it says nothing
            found.expires_at = epoch(tags[EXPIRES_TAG]) if EXPIRES_TAG in tags else None
    elif ":table/" in arn:
        found.table = arn.rpartition(":table/")[2]


def _note_stack(seen: Stacks, part: str, stack: StackTypeDef) -> None:
    made, status = stack["CreationTime"], stack["StackStatus"]
    changed: datetime = stack.get("LastUpdatedTime", made)
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}
    seen.made_at[part] = made.timestamp()
    seen.tagged &= tags.get(CLASS_TAG) == EPHEMERAL
    seen.changed_at = max(seen.changed_at, changed.timestamp())
    if status not in QUIET:
        seen.moving = f"the stack {stack['StackName']} is {status}"


def _facts(
    found: Found,
    stacks: Stacks,
    groups: Mapping[str, int],
    flow: traffic.Flow | None,
    items: Mapping[str, Item],
) -> Facts:
    standing = notices.understood(items[notices.SORT]) if notices.SORT in items else Standing()
    pointer = items.get(ACTIVE)
    return Facts(
        tagged=stacks.tagged and bool(found.table),
        made_at=stacks.made_at.get("service", min(stacks.made_at.values())),
        changed_at=stacks.changed_at,
        moving=stacks.moving,
        deployment=pointer["deployment"]["S"] if pointer else "",
        windows=flow.windows if flow else (),
        recent=flow.recent if flow else None,
        instances=(groups.get("blue", 0), groups.get("green", 0)),
        expires_at=found.expires_at,
        standing=standing,
    )
