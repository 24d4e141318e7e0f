"""What people type, checked: durations and shares. A mistake is a usage error (exit 2)."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import click

from deployer.amount import Amount
from deployer.cohort import Cohort
from deployer.durations import per_mille, seconds


class Duration(click.ParamType[str]):
    """`90s`, `10m`, `1h30m`; handed on as typed: the settings know how long is allowed."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The duration, as typed."""
        try:
            seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class ListeningAt(click.ParamType[tuple[str, int]]):
    """`127.0.0.1:9464`: a host and a port of this machine."""

    name = "host:port"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Both, apart."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or not 0 <= int(port) <= 65_535:
            self.fail(f"{value!r} is no host and port: write 127.0.0.1:9464", param, ctx)
        return host, int(port)


class Weights(click.ParamType[tuple[str, ...]]):
    """`5,25,50`: the candidate's shares in percent, rising, each above 0 and below 100."""

    name = "percent,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The shares, as typed."""
        words = tuple(word.strip() for word in str(value).split(","))
        try:
            shares = [per_mille(word) for word in words]
        except ValueError as error:
            self.fail(f"{error}; several are separated by commas: 5,25,50", param, ctx)
        if any(low >= high for low, high in pairwise((0, *shares, 1000))):
            self.fail(
                f"{value!r}: shares must rise, each above 0 and below 100, such as 5,25,50 "
                "(100 is added at the end)",
                param,
                ctx,
            )
        return words


class Share(click.ParamType[str]):
    """`1%`, `0.1`: a share of the traffic in percent; handed on as typed."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The share, as typed."""
        try:
            per_mille(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Instances(click.ParamType[str]):
    """`2` or `25%`: instances, or a share of the group's; handed on as typed."""

    name = "instances"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The amount, as typed."""
        try:
            Amount.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class InstancesOrNone(Instances):
    """The same, or `none`, which the settings write as nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The amount, as typed."""
        return "" if str(value).strip() == "none" else super().convert(value, param, ctx)


class Approvals(click.ParamType[tuple[str, ...]]):
    """`group,5,25`: stops after which a person must approve; `none`: at none of them."""

    name = "percent,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The shares, as typed; the settings know which of them make sense."""
        if str(value).strip() == "none":
            return ()
        words = tuple(word.strip() for word in str(value).split(","))
        try:
            for word in words:
                if word != "group":
                    per_mille(word)
        except ValueError as error:
            self.fail(
                f"{error}; several are separated by commas: 5,25; or group, or none", param, ctx
            )
        return words


class Reason(click.ParamType[str]):
    """A sentence that the record keeps: not empty, on one line."""

    name = "why"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The sentence, without what surrounds it."""
        words = " ".join(str(value).split())
        if not words or len(words) > 300 or not words.isprintable():
            self.fail("say why, in one sentence of up to 300 letters", param, ctx)
        return words


class Group(click.ParamType[str]):
    """`header:X-Beta=yes`: the users who see the release first; `none`: nobody does."""

    name = "group"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The group as it is written in the settings; empty for none."""
        if str(value).strip() == "none":
            return ""
        try:
            return str(Cohort.parse(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Since:
    """A moment: so long ago, or at that time (epoch seconds)."""

    ago_s: float | None = None
    at: float = 0.0

    def moment(self, now: float) -> float:
        """Epoch seconds."""
        return self.at if self.ago_s is None else now - self.ago_s


class Moment(click.ParamType[Since]):
    """`7d` ago; `2027-01-15`, `2027-01-15T08:00`: local time, unless it says another zone."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Since:
        """The moment."""
        if isinstance(value, Since):
            return value
        with suppress(ValueError):
            return Since(ago_s=seconds(str(value)))
        try:
            return Since(at=datetime.fromisoformat(str(value)).astimezone().timestamp())
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r}: write how long ago, such as 7d or 1h30m, or a time, such as 2027-01-15 or "
                "2027-01-15T08:00 (local; with Z, UTC)",
                param,
                ctx,
            )


def stops(weights: tuple[str, ...] | None, *, auto: bool) -> str | list[str] | None:
    """What the two flags below say, as `canary.weights` has it; None: what the file says.

    Raises:
        UsageError: both are given.
    """
    if weights and auto:
        raise click.UsageError("--weights chooses the shares, and --auto finds them: choose one")
    return "auto" if auto else (list(weights) if weights else None)


weights_option = click.option(
    "--weights", type=Weights(),
    help="The release's shares of the traffic on the way to 100 %, in percent, rising, 0.1 at the "
    "finest: 5,25,50.  [default: canary.weights of deployer.toml, auto]",
)  # fmt: skip
auto_option = click.option(
    "--auto", is_flag=True,
    help="Let the evidence find the shares: as fast as analysis.harm_budget allows.",
)  # fmt: skip
dry_run_option = click.option("--dry-run", is_flag=True, help="Show the plan and stop there.")
accept_weights_option = click.option(
    "--accept-weights", is_flag=True,
    help="Begin although somebody has moved traffic since the last deployment, or left a user group "
    "a rule of its own.",
)  # fmt: skip
accept_alarms_option = click.option(
    "--accept-alarms", is_flag=True,
    help="Begin although alarms ring: the release is to mend that. Those that ring now do not judge "
    "this deployment.",
)  # fmt: skip
irreversible_option = click.option(
    "--irreversible", is_flag=True,
    help="Ship RELEASE although it says of itself that it cannot go back (rollback-safe: false): "
    "once users reach it, nothing goes back by itself.",
)  # fmt: skip
override_freeze_option = click.option(
    "--override-freeze", type=Reason(), metavar="WHY",
    callback=lambda _ctx, _param, value: value or "",
    help="Do it although a freeze is on ([windows] of deployer.toml); WHY is kept with the record.",
)  # fmt: skip
detach_option = click.option(
    "--detach", is_flag=True,
    help="Leave the deployment to the state machine in the cloud and return: no terminal has to stay "
    "open. Needs the environment's runner stack.",
)  # fmt: skip
force_option = click.option(
    "--force", is_flag=True,
    help="Go back even from a release that says of itself that it cannot (rollback-safe: false).",
)  # fmt: skip
wait_option = click.option(
    "--wait-for-lock", type=Duration(), default="0s",
    help="How long to wait while another deployment runs: 10m. The plan is made after that.  "
    "[default: 0s, that is not at all]",
)  # fmt: skip
fleet_option = click.option(
    "--fleet", is_flag=True,
    help="The fleet of `deployer fleet`, not the environment's own deployment.",
)  # fmt: skip
