"""Metric math: an expression over time series, evaluated as CloudWatch documents it. Pure.

Source: CloudWatch user guide, using-metric-math. Whatever is not understood is refused, never read
as "no data" (lab.md B: that is what moto does).
"""

import ast
import operator
import re
from collections.abc import Sequence

from deployer.lab.telemetry.functions import FUNCTIONS
from deployer.lab.telemetry.values import (
    BadExpression,
    Binary,
    Scope,
    Value,
    all_or_any,
    as_list,
    combine,
    compare,
    each,
)

LONGEST = 2048  # characters [M:cloudwatch.MetricExpression]

_WORDS = {"REPEAT", "LINEAR"}
_STRINGS = re.compile(r"(\"[^\"]*\"|'[^']*')")
_OPERATORS = re.compile(r"&&|\|\||\^|\bAND\b|\bOR\b")
_SPELLED = {"&&": " and ", "||": " or ", "AND": " and ", "OR": " or ", "^": "**"}

_ARITHMETIC: dict[type, Binary] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARISONS: dict[type, Binary] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def names(expression: str) -> set[str]:
    """The ids that the expression refers to.

    Raises:
        BadExpression: a syntax error.
    """
    tree = _parse(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called
    } - _WORDS


def evaluate(expression: str, scope: Scope) -> Value:
    """The expression's value; points that are not finite numbers are dropped.

    Raises:
        BadExpression: syntax, an unknown name or function, operands that do not fit.
    """
    try:
        return _eval(_parse(expression), scope)
    except RecursionError as error:
        raise BadExpression(f"{expression[:40]!r}... is nested too deeply") from error


def _parse(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise BadExpression(f"an expression has at most {LONGEST} characters")
    python = "".join(
        part if part[:1] in ("'", '"') else _OPERATORS.sub(lambda m: _SPELLED[m[0]], part)
        for part in _STRINGS.split(expression)
    )
    try:
        return ast.parse(python.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadExpression(f"syntax error in {expression!r}") from error


def _eval(node: ast.expr, scope: Scope) -> Value:  # noqa: PLR0911  # one line for each form
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _number(number)
        case ast.Name(id=name) if name not in _WORDS:
            return _lookup(name, scope)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return each(operator.neg, _eval(operand, scope))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return combine(_ARITHMETIC[type(op)], _eval(left, scope), _eval(right, scope))
        case ast.Compare(left=left, ops=[test], comparators=[right]) if type(test) in _COMPARISONS:
            return compare(_COMPARISONS[type(test)], _eval(left, scope), _eval(right, scope))
        case ast.BoolOp(op=joint, values=values):
            return all_or_any(isinstance(joint, ast.And), [_eval(x, scope) for x in values])
        case ast.List(elts=items):
            return [series for item in items for series in as_list(_eval(item, scope))]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, arguments, scope)
    raise BadExpression(f"the lab does not understand {ast.unparse(node)!r}")


def _number(number: float) -> float:
    try:
        return float(number)
    except OverflowError as error:
        raise BadExpression("a number is too large") from error


def _lookup(name: str, scope: Scope) -> Value:
    try:
        return scope.lookup(name)
    except KeyError as error:
        raise BadExpression(f"there is no metric or expression with the id {name!r}") from error


def _call(name: str, arguments: Sequence[ast.expr], scope: Scope) -> Value:
    function = FUNCTIONS.get(name)
    if function is None:
        raise BadExpression(f"the lab does not know the function {name}")
    if not function.least <= len(arguments) <= function.most:
        raise BadExpression(f"{name} does not take {len(arguments)} arguments")
    return function.apply(scope, *(_argument(argument, scope) for argument in arguments))


def _argument(node: ast.expr, scope: Scope) -> Value | str:
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return _eval(node, scope)
