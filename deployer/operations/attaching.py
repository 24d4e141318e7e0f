"""A pipeline's wish to have a release served, whatever has become of its earlier tries. Pure.

A pipeline's stage is stopped, abandoned, timed out, retried and rolled back while deployments go on
without it. So its build does not say "begin", it says what is to serve in the end, and this table says
what that takes:

    what there is                                            what is done             exit status
    the release serves everybody, and nothing runs           nothing                  0
    it is being deployed, whoever carries it out             followed to its end      0, 3, 4
    ... and its runner is gone                               taken over               0, 3, 4
    this pipeline deploys another one in its place           that one goes back       0, 4
    anything else runs                                       waited for, as asked     5
    it served before the one that serves now                 gone back to             0, 3, 4
    none of these                                            deployed                 0, 3, 4

A release that went back, or halted, before this wish is deployed anew: whoever retries wants that.
"""

from dataclasses import dataclass
from enum import StrEnum


class Move(StrEnum):
    """What is to be done."""

    NOTHING = "it serves already"
    FOLLOW = "it is being deployed"
    TURN_BACK = "another is being deployed in its place"
    WAIT = "something else runs"
    RETURN = "it served before"
    BEGIN = "it is new"


@dataclass(frozen=True, slots=True)
class Situation:
    """An environment, as far as it matters.

    running: a deployment is in progress.
    towards: the release that its plan leads to, None: it leads away from one.
    back_to: the release that serves again when it goes back, if the record tells.
    ours:    the same pipeline has begun it.
    serving: the release that serves everybody, and whose deployment did not halt; None: there is none.
    earlier: releases that served before that one, and were left for it.
    """

    running: bool = False
    towards: str | None = None
    back_to: str | None = None
    ours: bool = False
    serving: str | None = None
    earlier: frozenset[str] = frozenset()


def decide(situation: Situation, release: str) -> Move:
    """What it takes until `release` serves."""
    if situation.running:
        if situation.towards == release:
            return Move.FOLLOW
        returning = situation.towards is not None and situation.back_to == release
        return Move.TURN_BACK if returning and situation.ours else Move.WAIT
    if situation.serving == release:
        return Move.NOTHING
    return Move.RETURN if release in situation.earlier else Move.BEGIN


def same_pipeline(one: str, other: str) -> bool:
    """Whether two callers (`identity.caller`) are builds of one project: `CodeBuild shop-prod:1f2e`."""
    project, colon, _ = one.rpartition(":")
    return bool(colon) and one.startswith("CodeBuild ") and other.rpartition(":")[0] == project
