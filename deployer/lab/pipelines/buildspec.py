"""A buildspec, read and refused where the lab would do less than CodeBuild. Pure.

Source: CodeBuild User Guide, "Build specification reference for CodeBuild" (version 0.2).
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from deployer.lab.wire import Refused

PHASES = ("install", "pre_build", "build", "post_build")
# Pythons of CodeBuild's own images: github.com/aws/aws-codebuild-docker-images, runtimes.yml.
PYTHONS = {
    "aws/codebuild/amazonlinux-x86_64-standard:5.0": (
        "3.9",
        "3.10",
        "3.11",
        "3.12",
        "3.13",
        "3.14",
    ),
    "aws/codebuild/amazonlinux-x86_64-standard:6.0": ("3.10", "3.11", "3.12", "3.13", "3.14"),
}
_KNOWN = {
    "": {"version", "env", "phases", "artifacts"},
    "env": {"shell", "variables", "exported-variables"},
    "phase": {"commands", "finally", "on-failure"},
    "install": {"commands", "finally", "on-failure", "runtime-versions"},
    "artifacts": {"files", "base-directory", "name", "discard-paths"},
}


@dataclass(frozen=True, slots=True)
class Phase:
    """commands, then `last` whatever became of them; aborts: no later phase runs if it fails."""

    commands: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    aborts: bool = False


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Patterns of files below `base`."""

    files: tuple[str, ...] = ()
    base: str = "."


@dataclass(frozen=True, slots=True)
class Buildspec:
    """What a build does."""

    phases: Mapping[str, Phase]
    variables: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    artifacts: Artifacts = Artifacts()
    runtimes: Mapping[str, str] = field(default_factory=dict)


def parse(text: str) -> Buildspec:
    """The buildspec in this YAML (or JSON, which is YAML too).

    Raises:
        Refused: it is none, or says something that is not carried out here.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise invalid(f"YAML_FILE_ERROR: {error}") from error
    if not isinstance(document, dict) or str(document.get("version")) != "0.2":
        raise invalid("YAML_FILE_ERROR: the lab carries out buildspecs of version 0.2")
    _known(document, "", "the buildspec")
    env = document.get("env", {})
    _known(env, "env", "env")
    if env.get("shell", "bash") != "bash":
        raise unsupported(f"the shell {env['shell']}")
    return Buildspec(
        phases={
            name: _phase(name, phase)
            for name in PHASES
            if (phase := document.get("phases", {}).get(name)) is not None
        }
        if not (set(document.get("phases", {})) - set(PHASES))
        else _unknown(set(document["phases"]) - set(PHASES)),
        variables={key: str(value) for key, value in env.get("variables", {}).items()},
        exported=tuple(env.get("exported-variables", ())),
        artifacts=_artifacts(document.get("artifacts", {})),
        runtimes=_runtimes(document.get("phases", {}).get("install", {})),
    )


def _phase(name: str, raw: Mapping[str, Any]) -> Phase:
    _known(raw, "install" if name == "install" else "phase", f"phases.{name}")
    failure = str(raw.get("on-failure", "CONTINUE")).upper()
    if failure not in ("ABORT", "CONTINUE"):
        raise unsupported(f"on-failure {failure}")
    return Phase(_lines(raw, "commands"), _lines(raw, "finally"), failure == "ABORT")


def _runtimes(raw: Mapping[str, Any]) -> dict[str, str]:
    """What the image is to activate; YAML reads an unquoted 3.10 as 3.1, and so does CodeBuild."""
    asked = raw.get("runtime-versions", {})
    if more := set(asked) - {"python"}:
        raise unsupported(f"runtime-versions of {', '.join(sorted(more))}")
    return {name: str(version) for name, version in asked.items()}


def require_runtimes(spec: Buildspec, image: str) -> None:
    """Whether this image has what the buildspec chooses from it.

    Raises:
        Refused: it has not.
    """
    for name, version in spec.runtimes.items():
        if image not in PYTHONS:
            raise invalid(
                f"Runtime version selection is not supported by this build image: {image}"
            )
        if version not in PYTHONS[image]:
            raise invalid(f"YAML_FILE_ERROR: Unknown runtime version named '{version}' of {name}")


def _artifacts(raw: Mapping[str, Any]) -> Artifacts:
    _known(raw, "artifacts", "artifacts")
    if raw.get("discard-paths", "no") not in ("no", False):
        raise unsupported("artifacts.discard-paths")
    return Artifacts(_lines(raw, "files"), str(raw.get("base-directory", ".")))


def _lines(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    lines = raw.get(key, ())
    if not isinstance(lines, list | tuple) or not all(isinstance(each, str) for each in lines):
        raise invalid(f"YAML_FILE_ERROR: {key} is a list of commands")
    return tuple(lines)


def _known(raw: Mapping[str, Any], kind: str, where: str) -> None:
    more = set(raw) - _KNOWN[kind]
    if more:
        raise unsupported(f"{', '.join(sorted(more))} of {where}")


def _unknown(names: set[str]) -> Mapping[str, Phase]:
    raise invalid(f"YAML_FILE_ERROR: unknown phases: {', '.join(sorted(names))}")


def invalid(message: str) -> Refused:
    """CodeBuild's own refusal."""
    return Refused("InvalidInputException", message)


def unsupported(what: str) -> Refused:
    """CodeBuild knows it, the lab does not."""
    return Refused("NotImplemented", f"the lab does not simulate {what}")


def script(spec: Buildspec, told: str) -> str:
    """Bash that carries the phases out in one shell, and writes to the file `told` what becomes.

    Lines of that file: `begin PHASE`, `end PHASE STATE EXIT COMMAND`, `export NAME VALUE` (quoted).
    After INSTALL or PRE_BUILD has failed nothing but the end follows; POST_BUILD follows BUILD
    whatever became of it, unless BUILD aborts.
    """
    lines = [
        f"__told={shlex.quote(told)}",
        "export CODEBUILD_BUILD_SUCCEEDING=1",
        "__done=0",
        "__say() { printf '[Container] %s\\n' \"$*\"; }",
        '__run() { __say "Running command $1"; eval "$1"; }',
    ]
    for name in PHASES:
        if name in spec.phases:
            lines += _phase_lines(name, spec.phases[name], spec.exported)
    return "\n".join([*lines, "exit 0", ""])


def _phase_lines(name: str, phase: Phase, exported: Sequence[str]) -> list[str]:
    """The commands of one phase, each only if those before it were good."""
    shown = name.upper()
    lines = [
        'if [ "$__done" = 0 ]; then',
        f'__say "Entering phase {shown}"',
        f'printf "begin {name}\\n" >> "$__told"; __code=0; __what=0',
    ]
    for number, command in enumerate(phase.commands, 1):
        lines.append(
            f'if [ "$__code" = 0 ]; then __run {shlex.quote(command)}; __code=$?; __what={number}; fi'
        )
    lines += [
        'if [ "$__code" != 0 ]; then export CODEBUILD_BUILD_SUCCEEDING=0; fi',
        *(f"__run {shlex.quote(command)} || true" for command in phase.last),
        '__state=SUCCEEDED; if [ "$__code" != 0 ]; then __state=FAILED; fi',
        f'__say "Phase complete: {shown} State: $__state"',
    ]
    for variable in exported:
        lines.append(f'printf "export {variable} %s\\n" "${{{variable}@Q}}" >> "$__told"')
    lines.append(f'printf "end {name} $__state $__code $__what\\n" >> "$__told"')
    stops = phase.aborts or name in ("install", "pre_build")
    if stops:
        lines.append('if [ "$__code" != 0 ]; then __done=1; fi')
    return [*lines, "fi"]
