"""Commands that a shell completes without reading their modules: most of the time of a press of the key."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from deployer.cli import offering

Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]
# What the first value of a command is, as the command itself says it (a test compares them).
FIRST: Mapping[str, Offer] = {
    **dict.fromkeys(
        ("canary", "blue-green", "rolling", "deploy", "fleet", "rollback"), offering.releases
    ),
    **dict.fromkeys(("show", "report"), offering.deployments),
    "replay": offering.recordings,
    "teardown": offering.environments,
}


class Unloaded(click.Command):
    """Stands for a command as long as its first value is asked for; for options it reads it."""

    def __init__(self, name: str, load: Callable[[], click.Command]) -> None:
        value = click.Argument(["value"], required=False, shell_complete=FIRST[name])
        super().__init__(name, params=[value])
        self.load = load

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """With options on the line only the command knows which word is what."""
        if any(word.startswith("-") for word in args):
            return self.load().make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Its options; of further words nothing is known."""
        if not incomplete.startswith("-"):
            return []
        return self.load().shell_complete(ctx, incomplete)
