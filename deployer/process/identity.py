"""Who runs, from where, and what a deployment is called."""

import getpass
import os
import re
import secrets
import socket
from collections.abc import Mapping
from datetime import UTC, datetime

from deployer.journal import Ask, Request
from deployer.record.acts import Actor
from deployer.topology import EXECUTION_VARIABLE

# Variables that name the run in a pipeline, or the function in the cloud, with what a person calls it.
PIPELINES = {
    "CODEBUILD_BUILD_ID": "CodeBuild",
    "GITHUB_RUN_ID": "GitHub run",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
}
# Where a CI system says what address its run has, and who began it. Sources: the variables that GitLab
# ("Predefined CI/CD variables"), Jenkins, Buildkite and CircleCI document.
RUNS = {
    "CI_JOB_URL": "GITLAB_USER_LOGIN",
    "BUILDKITE_BUILD_URL": "BUILDKITE_BUILD_CREATOR",
    "CIRCLE_BUILD_URL": "CIRCLE_USERNAME",
    "BUILD_URL": "BUILD_USER",
}
_PRIVATE = re.compile(r"(?<=://)[^/\s@]*@|[?#].*")  # of an address: user and password, a query


def deployment_id(now: float) -> str:
    """A new id; ids sort by time, which the journal's history relies on. `now`: epoch seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def request(ask: Ask, by: str, actor: Actor | None = None, why: str = "") -> Request:
    """A new wish of a person's."""
    return Request(ask, by, secrets.token_hex(4), actor, why)


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


def origin(environ: Mapping[str, str] = os.environ) -> str:
    """From where this process acts: a pipeline's execution, a CI system's run, a function, or a host."""
    if build := environ.get("CODEBUILD_BUILD_ID"):
        return _of_build(build, environ)
    if run := environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        address = f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
        return _of_run(address, environ.get("GITHUB_ACTOR"))
    for address, who in RUNS.items():
        if environ.get(address):
            return _of_run(environ[address], environ.get(who))
    if function := environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return f"function {function}"
    over = environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return f"host {socket.gethostname()}" + (f", over SSH from {over}" if over else "")


def _of_build(build: str, environ: Mapping[str, str]) -> str:
    """`CodePipeline shop, execution 1f2e, CodeBuild shop-Deploy:4f1e`."""
    kind, _, pipeline = environ.get("CODEBUILD_INITIATOR", "").partition("/")
    execution = environ.get(EXECUTION_VARIABLE, "")
    parts = [
        f"CodePipeline {pipeline}" if kind == "codepipeline" else "",
        f"execution {execution}" if execution else "",
        f"CodeBuild {build}",
    ]
    return ", ".join(filter(None, parts))


def _of_run(address: str, who: str | None) -> str:
    return _PRIVATE.sub("", address) + (f", begun by {who}" if who else "")
