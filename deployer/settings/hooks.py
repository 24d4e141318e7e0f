"""[hooks]: what the service's owners have run at fixed points of a deployment."""

import re
from typing import Annotated

from msgspec import Meta, Struct, field

from deployer.hooks import HookAction, HookPoint
from deployer.settings.kinds import Seconds

_FUNCTION = re.compile(r"[A-Za-z0-9_:$/.-]{1,256}")
_URL = re.compile(r"https?://[^\s/?#@\\]+(?:[/?][!-~]*)?")
_LONGEST_S = 86_400.0


class HookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hook: exactly one of the three, or none at all, which is no hook.

    Raises:
        ValueError: more than one, or one that cannot be right.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    function: str = ""
    deadline_s: Seconds = field(name="deadline", default=Seconds(300))

    def __post_init__(self) -> None:
        given = [kind for kind in (self.command, self.url, self.function) if kind]
        right = (
            (not self.command or (self.command[0] != "" and "\0" not in "".join(self.command)))
            and (not self.url or _URL.fullmatch(self.url))
            and (not self.function or _FUNCTION.fullmatch(self.function))
            and 1 <= self.deadline_s <= _LONGEST_S
        )
        if len(given) > 1 or not right:
            raise ValueError("not a hook")

    def action(self) -> HookAction | None:
        """What there is to do; None: nothing."""
        if not (self.command or self.url or self.function):
            return None
        return HookAction(self.command, self.url, self.function, float(self.deadline_s))


Hook = Annotated[
    HookSettings,
    Meta(
        description='{} for none, or one of {command = ["program", "argument"]}, {url = '
        '"https://host/path"} and {function = "name or ARN"}, with deadline = "5m" (1s to 24h)'
    ),
]


class HooksSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[hooks]: see docs/hooks.md. An environment's own hook replaces the one for all of them."""

    before_traffic: Hook = HookSettings()
    after_traffic: Hook = HookSettings()
    before_retire: Hook = HookSettings()
    on_rollback: Hook = HookSettings()

    def actions(self) -> dict[HookPoint, HookAction]:
        """Those that there are."""
        found = {point: getattr(self, point.value).action() for point in HookPoint}
        return {point: action for point, action in found.items() if action is not None}
