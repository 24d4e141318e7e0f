"""The Resource Groups Tagging API: GetResources over load balancers and tables.

Source: Resource Groups Tagging API Reference, GetResources: every TagFilter must hold, one of its
values is enough (none: any value); 50 resources a page unless ResourcesPerPage says otherwise, 100 at
most; the last page has an empty PaginationToken. On AWS the index follows changes with a delay of
seconds to minutes, here at once. Other kinds of resource, exclusion lists and compliance are refused.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from deployer.lab import actions, inprocess
from deployer.lab.actions import Call
from deployer.lab.context import Context
from deployer.lab.wire import Refused

KINDS = ("elasticloadbalancing:loadbalancer", "dynamodb:table")
KNOWN = {"ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "PaginationToken"}
TAGGED_AT_ONCE = 20  # DescribeTags of load balancers
Params = Mapping[str, Any]
Tags = list[dict[str, str]]


def install(context: Context) -> None:
    """Answer the API from now on; nothing needs closing."""

    def get_resources(_call: Call, params: Params) -> dict[str, Any]:
        kinds = _kinds(params)
        found = [
            {"ResourceARN": arn, "Tags": tags}
            for kind, source in _sources(context).items()
            if kind in kinds
            for arn, tags in source
            if tags and _passes(tags, params.get("TagFilters") or ())
        ]
        return _page(sorted(found, key=lambda one: str(one["ResourceARN"])), params)

    actions.own("resourcegroupstaggingapi")
    actions.replace("resourcegroupstaggingapi", "GetResources", get_resources)


def _kinds(params: Params) -> Sequence[str]:
    strange = sorted(set(params) - KNOWN)
    kinds = params.get("ResourceTypeFilters") or ()
    unknown = [kind for kind in kinds if kind not in KINDS]
    if strange or unknown or not kinds:
        what = ", ".join((*strange, *unknown)) or "all kinds of resource at once"
        raise Refused("NotImplemented", f"GetResources in the lab: no {what}; {', '.join(KINDS)}")
    return list(kinds)


def _sources(context: Context) -> dict[str, Iterator[tuple[str, Tags]]]:
    return {KINDS[0]: _balancers(context), KINDS[1]: _tables(context)}


def _balancers(context: Context) -> Iterator[tuple[str, Tags]]:
    elbv2 = inprocess.client(context, "elbv2")
    pages = elbv2.get_paginator("describe_load_balancers").paginate()
    arns = [one["LoadBalancerArn"] for page in pages for one in page["LoadBalancers"]]
    for start in range(0, len(arns), TAGGED_AT_ONCE):
        told = elbv2.describe_tags(ResourceArns=arns[start : start + TAGGED_AT_ONCE])
        for one in told["TagDescriptions"]:
            yield one["ResourceArn"], one["Tags"]


def _tables(context: Context) -> Iterator[tuple[str, Tags]]:
    """From moto's own state: of hundreds of tables, one call for each would take seconds."""
    for table in dynamodb_backends[context.account][context.region].tables.values():
        yield table.table_arn, table.tags


def _passes(tags: Tags, filters: Sequence[Mapping[str, Any]]) -> bool:
    held = {tag["Key"]: tag["Value"] for tag in tags}
    return all(
        one["Key"] in held and (not one.get("Values") or held[one["Key"]] in one["Values"])
        for one in filters
    )


def _page(found: list[dict[str, Any]], params: Params) -> dict[str, Any]:
    size = params.get("ResourcesPerPage") or 50
    if not 1 <= size <= 100:
        raise Refused("InvalidParameterException", "ResourcesPerPage must be from 1 to 100")
    start = _start(params.get("PaginationToken") or "")
    more = start + size < len(found)
    token = base64.urlsafe_b64encode(f"at:{start + size}".encode()).decode() if more else ""
    return {"ResourceTagMappingList": found[start : start + size], "PaginationToken": token}


def _start(token: str) -> int:
    try:
        mark, _, start = base64.urlsafe_b64decode(token or b"YXQ6MA==").decode().partition(":")
        position = int(start)
    except ValueError:
        mark, position = "", 0
    if mark != "at":
        raise Refused("PaginationTokenExpiredException", "The pagination token is not valid")
    return position
