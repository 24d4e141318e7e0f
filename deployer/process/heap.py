"""Garbage collection that does not stop a look for what never becomes garbage.

botocore's models of six services are some hundred thousand dicts and lists that stay for as long as
the process. Python's collector looks through all of them whenever a quarter as many new objects have
gathered: about 60 ms, which a group of a thousand instances costs it every ten looks
(docs/scale.md), and every command a part of its start. `gc.freeze` is made to take such objects out
of its sight.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Literal

OLDEST = 2  # the generation whose collection looks through everything


def spare_what_stays() -> None:
    """From now on nothing is looked through twice that a collection of everything has left.

    For a process that serves one command, or one lab. An object is freed with its last reference as
    ever; only a cycle that was in use during such a collection and is dropped later stays until the
    process ends.
    """
    if _freeze not in gc.callbacks:
        gc.callbacks.append(_freeze)


def settle() -> None:
    """Collect everything now, before a long run, rather than during one of its first looks.

    Only where `spare_what_stays` was called: others would do it for nothing.
    """
    if _freeze in gc.callbacks:
        gc.collect()


def _freeze(phase: Literal["start", "stop"], info: Mapping[str, int]) -> None:
    if phase == "stop" and info["generation"] == OLDEST:
        gc.freeze()
