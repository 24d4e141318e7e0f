"""What the pipeline's builds do: one buildspec each, as data. Pure.

A phase's commands share one shell (buildspec version 0.2), so what one exports the next one sees.
Nothing relies on the end of a build: a container may be killed at any instruction, and then the
deployment's lease runs out, and the supervisor or the stage's retry carries it on.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.settings.pipeline import PipelineSettings, runtimes

Spec = dict[str, Any]
ARCHIVE = "release.tar.gz"  # what the build stage hands on
RESULTS = "results"
RELEASE, REVISION, ROLE = "RELEASE", "REVISION", "DEPLOYER_ROLE"
SOURCE, BUILT = "Source", "Built"
# An image that brings `deployer` and the CDK says so in its own environment: nothing is installed.
IN_THE_IMAGE = 'if [ "${DEPLOYER_TOOLS:-}" = image ]; then echo "The tools are in the image."; else'
# As a module: in CodeBuild's own images a command that pip has installed is no command before pyenv
# has heard of it (github.com/pyenv/pyenv/issues/2243).
DEPLOYER = "python -m deployer.cli.main"
LOCK_WAIT = "30m"  # for a deployment of something else to end


def build(pipeline: PipelineSettings) -> Spec:
    """Build, test, pack. No permission but to read the source and to leave the archive."""
    # The same files make the same bytes: names in order, and neither times nor owners.
    pack = (
        f"tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "
        f"{shlex.quote(pipeline.artifact)} -cf - . | gzip -n > {ARCHIVE}"
    )
    return {
        **_begin(),
        "phases": {
            "install": _install(pipeline),
            "build": {"commands": [*pipeline.build, *pipeline.test, pack]},
        },
        "artifacts": {"files": [ARCHIVE]},
    }


def publish(environments: Sequence[str]) -> Spec:
    """The archive becomes a release where each environment's releases lie; its name is exported."""
    archive = f'"$CODEBUILD_SRC_DIR_{BUILT}/{ARCHIVE}"'
    commands = [
        f'{RELEASE}="$({DEPLOYER} --env {name} publish {archive} --revision "${REVISION}")"'
        for name in environments
    ]
    return {
        **_begin(exported=(RELEASE,)),
        "phases": {"build": {"commands": [*commands, f'echo "The release is ${RELEASE}."']}},
    }


def infrastructure(stacks: Sequence[str]) -> Spec:
    """`cdk deploy` of the environments' stacks, one after the other, by the pinned CLI."""
    named = " ".join(shlex.quote(each) for each in stacks)
    command = f"python -m deployer.process.toolchain deploy {named} --require-approval never --ci"
    # Wherever the application's code is from, the settings are those of this revision.
    settings = 'export DEPLOYER_CONFIG="$CODEBUILD_SRC_DIR/deployer.toml"'
    return {**_begin(), "phases": {"build": {"commands": [settings, command]}}}


def deploy(environment: str) -> Spec:
    """Have the release serve, under the deployer's role, whatever became of an earlier try.

    The last lines of the log are the deployment's own end, whether it was good or not; the files
    are the build's artifact.
    """
    deployer = f"{DEPLOYER} --env {environment}"
    attach = f'{deployer} deploy "${RELEASE}" --attach --wait-for-lock {LOCK_WAIT}'
    report = f"{deployer} report --html {RESULTS}/report.html --json {RESULTS}/report.json || true"
    return {
        **_begin(),
        "phases": {
            "pre_build": {"commands": _assume()},
            "build": {"commands": [attach], "finally": [report]},
        },
        "artifacts": {"base-directory": RESULTS, "files": ["**/*"]},
    }


def with_tools(spec: Spec, pipeline: PipelineSettings) -> Spec:
    """The same, with the tools installed first."""
    return {**spec, "phases": {"install": _install(pipeline), **spec["phases"]}}


def _begin(exported: Sequence[str] = ()) -> Spec:
    more: Mapping[str, Any] = {"exported-variables": list(exported)} if exported else {}
    return {"version": "0.2", "env": {"shell": "bash", **more}}


def _install(pipeline: PipelineSettings) -> Spec:
    steps = [*pipeline.tools] or [":"]
    commands = [f"{IN_THE_IMAGE} {' && '.join(steps)}; fi"]
    chosen = runtimes(pipeline)
    return {**({"runtime-versions": chosen} if chosen else {}), "commands": commands}


def _assume() -> list[str]:
    """The deployer's role by a profile: the SDK renews such a session, however long a build lasts.

    Chained sessions end after an hour (IAM User Guide, "Role chaining").
    """
    lines = ("[profile deployer]", f"role_arn = ${ROLE}", "credential_source = EcsContainer")
    text = "\\n".join(lines)
    return [
        'export AWS_CONFIG_FILE="$(mktemp)" AWS_PROFILE=deployer',
        f'printf "{text}\\n" > "$AWS_CONFIG_FILE"',
    ]
