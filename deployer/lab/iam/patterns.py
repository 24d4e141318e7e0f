"""IAM's text patterns: `*`, `?`, policy variables, and ARNs part by part. Pure.

Sources: IAM User Guide, "IAM JSON policy elements: Resource" (an ARN's parts are matched each by
itself: a wildcard does not reach across a colon), "Policy variables", "String condition operators".
"""

import re
from collections.abc import Callable
from functools import lru_cache

ARN_PARTS = 6
_TOKEN = re.compile(r"\$\{([^}]*)\}|\*|\?|[^*?$]+|\$")
_LITERAL = {"*", "?", "$"}  # ${*}, ${?} and ${$} stand for the characters themselves
Variables = Callable[
    [str], str | None
]  # the value of a policy variable; None: the request has none


class Unsupported(ValueError):
    """Something in a policy, or asked of it, that the lab does not evaluate."""


def no_variables(_name: str) -> str | None:
    """For texts in which variables mean nothing."""
    return None


def matches(pattern: str, text: str, variables: Variables = no_variables) -> bool:
    """Whether the whole text fits. A variable without a value fits nothing."""
    compiled = _filled(pattern, variables, wild=True)
    return compiled is not None and _compiled(compiled).fullmatch(text) is not None


def literal(pattern: str, variables: Variables) -> str | None:
    """The pattern with its variables' values, wildcards being plain characters; None: one has none."""
    filled = _filled(pattern, variables, wild=False)
    return None if filled is None else filled


def matches_arn(pattern: str, arn: str, variables: Variables = no_variables) -> bool:
    """Whether a resource fits, part by part; `*` alone fits everything.

    Raises:
        Unsupported: the pattern is no ARN of six parts: AWS would complete it, which nobody wants.
    """
    if pattern == "*":
        return True
    wanted, found = _parts(pattern), arn.split(":", ARN_PARTS - 1)
    if len(wanted) != ARN_PARTS or wanted[0] != "arn":
        raise Unsupported(f"{pattern!r} is no ARN of six parts")
    return len(found) == ARN_PARTS and all(
        matches(mine, theirs, variables) for mine, theirs in zip(wanted, found, strict=True)
    )


def _parts(pattern: str) -> list[str]:
    """Split at the first five colons outside of `${…}`."""
    parts, depth = [""], 0
    for character in pattern:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == ":" and depth == 0 and len(parts) < ARN_PARTS:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _filled(pattern: str, variables: Variables, *, wild: bool) -> str | None:
    made = []
    for token in _TOKEN.finditer(pattern):
        text, name = token[0], token[1]
        if name is not None:
            value = name if name in _LITERAL else _value(name, variables)
            if value is None:
                return None
            text = value
        elif wild and text in "*?":
            made.append(".*" if text == "*" else ".")
            continue
        made.append(re.escape(text) if wild else text)
    return "".join(made)


def _value(name: str, variables: Variables) -> str | None:
    """`${key}` or `${key, 'default'}`."""
    key, comma, default = name.partition(",")
    value = variables(key.strip())
    if value is None and comma:
        return default.strip().removeprefix("'").removesuffix("'")
    return value


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL)
