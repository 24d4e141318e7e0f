"""Where builds are carried out: a clean folder, a clean environment, a shell, its end.

The image: this Python with its packages, Node and the CDK CLI, a `deployer` command. It says so by
DEPLOYER_TOOLS=image, so that a project's install phase need not bring them from the network.
"""

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from deployer.lab import leash
from deployer.lab.context import Context
from deployer.lab.pipelines.building import Build, Place
from deployer.lab.pipelines.buildspec import Artifacts, script
from deployer.process import clock as clocks

LOOK_S = 0.05  # real
ROOT = Path(__file__).parents[3]  # where the packages `deployer` and `stacks` are


class Workshop:
    """One build's folder. Used by one thread, but `kill`."""

    def __init__(self, context: Context, build: Build, bucket_of: Callable[[], Any]) -> None:
        """`bucket_of` gives an S3 client that may what the build's role may."""
        self._context, self._build, self._s3 = context, build, bucket_of
        self.folder = context.directory / "builds" / build.id.replace(":", "-")
        self.source = self.folder / "src"
        self.told, self.log = self.folder / "told", self.folder / "build.log"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """A clean folder with the inputs in it.

        Raises:
            ClientError: the role may not read one.
        """
        self.folder.mkdir(parents=True)
        for number, (name, place) in enumerate(self._build.job.inputs.items()):
            where = self.folder / "src" if number == 0 else self.folder / f"src-{name}"
            where.mkdir()
            _unpack(self._fetched(place), where)
        (self.folder / "home").mkdir()
        self.log.touch()
        self.told.touch()

    def _fetched(self, place: Place) -> bytes:
        body: bytes = self._s3().get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        return body

    def begin(self, credentials: str) -> int:
        """Start the shell; its pid. `credentials`: where its role's are to be had (URL)."""
        text = script(self._build.project.spec, str(self.told))
        (self.folder / "build.sh").write_text(text)
        self._process = leash.start(
            ["bash", str(self.folder / "build.sh")],
            env=self._environment(credentials),
            cwd=self.source,
            log=self.log,
        )
        return self._process.pid

    def _environment(self, credentials: str) -> dict[str, str]:
        build, context = self._build, self._context
        made = {
            "PATH": f"{image(context.directory)}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "DEPLOYER_TOOLS": "image",
            "AWS_REGION": context.region,
            "AWS_DEFAULT_REGION": context.region,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials,
            "AWS_ENDPOINT_URL": context.endpoint,
            "AWS_ENDPOINT_URL_S3": context.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            clocks.VARIABLE: str(context.clock),
            "CODEBUILD_BUILD_ID": build.id,
            "CODEBUILD_BUILD_NUMBER": str(build.number),
            "CODEBUILD_INITIATOR": build.job.initiator,
            "CODEBUILD_SRC_DIR": str(self.source),
            "CODEBUILD_BUILD_ARN": f"{build.project.arn.rpartition(':')[0]}:build/{build.id}",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": next(iter(build.job.inputs.values())).revision,
        }
        for name in list(build.job.inputs)[1:]:
            made[f"CODEBUILD_SRC_DIR_{name}"] = str(self.folder / f"src-{name}")
        spec = build.project.spec
        return {**made, **spec.variables, **build.project.variables, **build.job.variables}

    def wait(self, limit_s: float, look: Callable[[], None]) -> int | None:
        """Wait until the shell has ended; its status, or None: `limit_s` (real) have passed.

        look: called again and again meanwhile.
        """
        process = self._started()
        until = time.monotonic() + limit_s
        while process.poll() is None:
            look()
            if time.monotonic() > until:
                self.kill()
                process.wait()
                return None
            time.sleep(LOOK_S)
        self.kill()  # what it has left behind ends with it, as a container's processes do
        return process.returncode

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("it was not begun")
        return self._process

    def kill(self) -> None:
        """The container is gone, all at once: nothing in it hears of that."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def deliver(self) -> None:
        """Zip the artifacts into the build's outputs, those that there are.

        Raises:
            ClientError: the role may not write one.
            FileNotFoundError: there is nothing of what the buildspec names.
        """
        for place in self._build.job.outputs.values():
            body = packed(self.source, self._build.project.spec.artifacts)
            self._s3().put_object(Bucket=place.bucket, Key=place.key, Body=body)


def packed(source: Path, artifacts: Artifacts) -> bytes:
    """The files that the patterns name, below the base directory.

    Raises:
        FileNotFoundError: none.
    """
    base, body = source / artifacts.base, BytesIO()
    names = sorted(
        {path for pattern in artifacts.files for path in base.glob(pattern) if path.is_file()}
    )
    if not names:
        raise FileNotFoundError(f"no matching artifact paths found for {list(artifacts.files)}")
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in names:
            archive.write(path, path.relative_to(base))
    return body.getvalue()


def _unpack(body: bytes, where: Path) -> None:
    with zipfile.ZipFile(BytesIO(body)) as archive:
        archive.extractall(where)
        for each in archive.infolist():  # Python leaves a file's mode out
            mode = each.external_attr >> 16
            if mode and not each.is_dir():
                (where / each.filename).chmod(mode & 0o777)


def image(directory: Path) -> Path:
    """The folder with the image's own commands; made when it is not there."""
    folder = directory / "builds" / "image"
    command = folder / "deployer"
    if not command.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / "deployer.new"
        draft.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deployer.cli.main "$@"\n')
        draft.chmod(0o755)
        draft.replace(command)
    return folder


def tail(path: Path, since: int) -> tuple[list[str], int]:
    """Whole lines after this offset, and the next offset."""
    if not path.exists():
        return [], since
    with path.open("rb") as file:
        file.seek(since)
        body = file.read()
    end = body.rfind(b"\n") + 1
    return body[:end].decode(errors="replace").splitlines(), since + end
