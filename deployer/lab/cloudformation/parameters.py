"""Template parameters: what the caller gave, defaults, types and constraints. Pure.

Source: CloudFormation User Guide, "Parameters" and "SSM parameter types".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.lab.cloudformation.problems import TemplateInvalid

_SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_SIMPLE = re.compile(r"String|Number|CommaDelimitedList|List<.+>|AWS::[\w:]+")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every parameter, settled.

    inputs:  text by name, as given or defaulted (of an SSM type: the name of the parameter).
    values:  typed, by name, for Ref.
    fetched: text by name, of those that came from SSM.
    """

    inputs: Mapping[str, str]
    values: Mapping[str, Any]
    fetched: Mapping[str, str]


def settle(
    declared: Mapping[str, Any],
    given: Mapping[str, str],
    previous: Mapping[str, str],
    ssm: Callable[[str], str],
) -> Parameters:
    """Decide every parameter's value; SSM types are read anew each time.

    Args:
        declared: the template's Parameters section.
        given:    values by name; a name mapped to None in `previous`' favour is not given here.
        previous: inputs kept by UsePreviousValue.
        ssm:      value of a Systems Manager parameter; raises TemplateInvalid if it is missing.

    Raises:
        TemplateInvalid: unknown or missing names, or a value that breaks a constraint.
    """
    unknown = sorted((set(given) | set(previous)) - set(declared))
    if unknown:
        raise TemplateInvalid(f"Parameters: {_names(unknown)} do not exist in the template")
    inputs = {
        name: given.get(name, previous.get(name, _default(rule))) for name, rule in declared.items()
    }
    missing = [name for name, value in inputs.items() if value is None]
    if missing:
        raise TemplateInvalid(f"Parameters: {_names(missing)} must have values")
    values, fetched = {}, {}
    for name, rule in declared.items():
        text, kind = str(inputs[name]), str(rule.get("Type", ""))
        _check(name, text, rule)
        match = _SSM_VALUE.fullmatch(kind)
        if match:
            text, kind = ssm(text), match[1]
            fetched[name] = text
        values[name] = _typed(name, text, kind)
    return Parameters({name: str(value) for name, value in inputs.items()}, values, fetched)


def _names(names: list[str]) -> str:
    return f"[{', '.join(names)}]"


def _default(rule: Mapping[str, Any]) -> str | None:
    if "Default" not in rule:
        return None
    value = rule["Default"]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(name: str, text: str, kind: str) -> Any:
    if not _SIMPLE.fullmatch(kind):
        raise TemplateInvalid(f"Template format error: Unrecognized parameter type: {kind}")
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [item.strip() for item in text.split(",")]
    if kind == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise TemplateInvalid(f"Parameter '{name}' must be a number.")
    return text


def _check(name: str, text: str, rule: Mapping[str, Any]) -> None:
    why = rule.get("ConstraintDescription")
    allowed = rule.get("AllowedValues")
    if allowed is not None and text not in [_default({"Default": item}) for item in allowed]:
        listed = ", ".join(map(str, allowed))
        raise TemplateInvalid(f"Parameter '{name}' must be one of AllowedValues [{listed}]")
    pattern = rule.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, text):
        raise TemplateInvalid(f"Parameter '{name}' {why or f'must match pattern {pattern}'}")
    _check_range(name, len(text), rule.get("MinLength"), rule.get("MaxLength"), "length")
    if rule.get("Type") == "Number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        _check_range(name, float(text), rule.get("MinValue"), rule.get("MaxValue"), "value")


def _check_range(name: str, size: float, least: Any, most: Any, what: str) -> None:
    if least is not None and size < float(least):
        raise TemplateInvalid(f"Parameter '{name}' must have a {what} of at least {least}")
    if most is not None and size > float(most):
        raise TemplateInvalid(f"Parameter '{name}' must have a {what} of at most {most}")
