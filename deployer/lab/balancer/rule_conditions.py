"""What ALB accepts as a rule's conditions: checked, and brought to AWS's normal form.

Limits: aws-facts 1.1 (values and wildcards), 1.6; the elbv2 API model, ...ConditionConfig.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from deployer.lab.balancer.conditions import values_of
from deployer.lab.balancer.refusals import invalid, not_simulated

MAX_VALUES = 5
MAX_WILDCARDS = 5
# Field -> the member that holds its values.
CONFIGS = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
PLAIN_VALUES = ("path-pattern", "host-header")

Json = dict[str, Any]


def conditions(given: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The conditions of a rule, in normal form.

    Raises:
        Refused: AWS would refuse them, or the lab does not simulate them.
    """
    if not given:
        raise invalid("A condition must be specified")
    made = [_condition(each) for each in given]
    values = [value for each in made for value in _texts(each)]
    if len(values) > MAX_VALUES:
        raise invalid(f"A rule can have at most {MAX_VALUES} condition values")
    if sum(value.count("*") + value.count("?") for value in values) > MAX_WILDCARDS:
        raise invalid(f"A rule can have at most {MAX_WILDCARDS} wildcards")
    for field in ("path-pattern", "host-header", "http-request-method", "source-ip"):
        if sum(each["Field"] == field for each in made) > 1:
            raise invalid(f"A rule can have at most one '{field}' condition")
    return made


def _condition(given: Mapping[str, Any]) -> Json:
    field = given.get("Field") or next((f for f, c in CONFIGS.items() if given.get(c)), None)
    if field not in CONFIGS:
        raise invalid(f"Condition field '{field}' must be one of '[{', '.join(CONFIGS)}]'")
    config = given.get(CONFIGS[field]) or {}
    if given.get("RegexValues") or config.get("RegexValues"):
        raise not_simulated("regular expressions in conditions")
    if given.get("Values") and field not in PLAIN_VALUES:
        raise invalid(f"The 'Values' field is not compatible with '{field}'")
    made = {"Field": field, CONFIGS[field]: dict(config)}
    if field in PLAIN_VALUES:
        values = values_of(given, CONFIGS[field])
        made |= {"Values": values, CONFIGS[field]: {"Values": values}}
    _check_condition(field, made)
    return made


def _check_condition(field: str, condition: Json) -> None:
    values = _texts(condition)
    if not values:
        raise invalid("A condition value must be specified")
    if any(len(value) > 128 for value in values):
        raise invalid(f"The '{field}' value is too long; the limit is '128'")
    if field == "http-header":
        _check_header_name(condition["HttpHeaderConfig"].get("HttpHeaderName") or "")
    if field == "http-request-method":
        for value in values:
            if not re.fullmatch("[A-Z_-]{1,40}", value):
                raise invalid("A method has up to 40 characters of A-Z, hyphen and underscore")
    if field == "source-ip":
        for value in values:
            _check_cidr(value)


def _check_header_name(name: str) -> None:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}", name):
        raise invalid(f"'{name}' is no header name of up to 40 characters")
    if name.lower() == "host":
        raise invalid("Use a host-header condition for the host header")


def _check_cidr(value: str) -> None:
    try:
        ip_network(value, strict=False)
    except ValueError:
        raise invalid(f"'{value}' is not a CIDR block") from None
    if "/" not in value:
        raise invalid(f"'{value}' is not in CIDR format")


def _texts(condition: Mapping[str, Any]) -> list[str]:
    values = condition[CONFIGS[condition["Field"]]].get("Values") or []
    return [
        text
        for value in values
        for text in ([value] if isinstance(value, str) else [value.get("Value") or ""])
    ]
