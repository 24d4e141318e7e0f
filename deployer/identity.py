"""Who runs, and what a deployment is called."""

import getpass
import os
import secrets
import socket
from collections.abc import Mapping
from datetime import UTC, datetime

from deployer.journal import Ask, Request

# Variables that name the run in a pipeline, or the function in the cloud, with what a person calls it.
PIPELINES = {
    "CODEBUILD_BUILD_ID": "CodeBuild",
    "GITHUB_RUN_ID": "GitHub run",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
}


def deployment_id(now: float) -> str:
    """A new id; ids sort by time, which the journal's history relies on. `now`: epoch seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def request(ask: Ask, by: str) -> Request:
    """A new wish of a person's."""
    return Request(ask, by, secrets.token_hex(4))


def caller(environ: Mapping[str, str] = os.environ) -> str:
    """Who asks, for people: `alice@laptop`, or the pipeline's run."""
    for variable, pipeline in PIPELINES.items():
        if environ.get(variable):
            return f"{pipeline} {environ[variable]}"
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # no such user id in this container
        user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def owner(environ: Mapping[str, str] = os.environ) -> str:
    """Who holds a lease: different for every process, since the lease keeps two apart."""
    return f"{caller(environ)} #{tag()}"


def tag() -> str:
    """Different for every process, and every time."""
    return f"{os.getpid()}-{secrets.token_hex(3)}"
