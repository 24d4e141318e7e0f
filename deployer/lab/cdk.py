"""The CDK CLI that came with the wheels, set up to talk to a lab: nobody needs npm (lab.md F)."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployer.lab.context import ACCOUNT, REGION
from deployer.process import toolchain
from deployer.process.toolchain import command, node

__all__ = ["command", "environment", "needs_a_lab", "node", "run"]

# Set by a user's own profile or SSO session; with them the CLI might talk to a real account.
_FORGET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN")

# Commands that need no AWS. Without a lab every other one would meet the account of whatever
# credentials this shell has.
OFFLINE = frozenset(
    {"ack", "acknowledge", "doc", "docs", "init", "list", "ls", "notices", "synth", "synthesize"}
)


def needs_a_lab(args: Sequence[str]) -> bool:
    """Whether the CLI would talk to AWS; in doubt, yes: the command has to come first.

    Options alone (`--version`, `--help`) and nothing at all are answered by the CLI itself.
    """
    words = [word for word in args if not word.startswith("-")]
    return bool(words) and args[0] not in OFFLINE


def environment(
    endpoint: str,
    account: str = ACCOUNT,
    region: str = REGION,
    *,
    base: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Variables for the CLI and the application that it runs.

    `endpoint` is the lab's `http://localhost:PORT` (with another host name the CLI's template URLs
    are misread); "" leaves out what leads to a lab, for commands that need none. `base` is what to
    start from: this process's own variables when it is left out.
    """
    made = toolchain.variables(os.environ if base is None else base)
    if not endpoint:
        return made
    lasting = {name: value for name, value in made.items() if name not in _FORGET}
    return lasting | _towards(endpoint, account, region)


def _towards(endpoint: str, account: str, region: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DEFAULT_ACCOUNT": account,
        "CDK_DEFAULT_REGION": region,
    }


def run(
    args: Sequence[str], endpoint: str, *, directory: Path | None = None, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the CLI to its end; output goes to the terminal, or with `quiet` into the result."""
    return subprocess.run(
        command(args),
        cwd=directory,
        env=environment(endpoint),
        check=False,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
