"""What is made of a long answer, made again only when the answer is another.

A group of a thousand instances is looked at every few seconds for an hour, and mostly nothing has
changed: `answers` hands out the very same document then, and here nothing is put together anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Unchanged(Generic[Given, Made]):
    """A pure function that remembers its last arguments and what it made of them.

    Arguments are compared, not hashed: documents are dicts and lists. What is given or made is not
    to be altered afterwards.
    """

    def __init__(self, make: Callable[Given, Made]) -> None:
        self._make = make
        self._last: tuple[tuple[object, ...], Made] | None = None

    def __call__(self, *given: Given.args, **named: Given.kwargs) -> Made:
        """`make(...)`; by position, so that there is one way to say the same."""
        if named:
            raise TypeError("arguments are given by position")
        if self._last is None or self._last[0] != given:
            self._last = given, self._make(*given, **named)
        return self._last[1]
