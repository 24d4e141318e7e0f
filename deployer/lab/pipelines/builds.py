"""CodeBuild: projects, and builds that run, each in a thread that waits for its shell.

Under the lab's lock: all state. Without it: everything that takes time.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab.context import Context
from deployer.lab.iam import roles
from deployer.lab.iam.acting import Acting
from deployer.lab.iam.sessions import Session
from deployer.lab.pipelines import building
from deployer.lab.pipelines.building import (
    FAILED,
    STOPPED,
    SUCCEEDED,
    TIMED_OUT,
    Build,
    Job,
    Project,
)
from deployer.lab.pipelines.workshop import Workshop, tail
from deployer.lab.wire import Refused

SERVICE = "codebuild.amazonaws.com"
LOG_EVERY_S = 0.25  # real
PATIENCE_S = 10.0  # real: for a thread to end
Pages = MutableMapping[str, Callable[[], Any]]
_log = logging.getLogger("deployer.lab")


class Builds:
    """Projects by name, builds by id; close it, and every build is killed.

    pages:   the lab's own HTTP paths: where a build's shell gets its role's credentials from.
    least_s: no build is too long before, in real seconds: however fast the clock runs, a machine
             needs time to work.
    """

    def __init__(self, context: Context, pages: Pages, least_s: float) -> None:
        self.context = context
        self.projects: dict[str, Project] = {}
        self.builds: dict[str, Build] = {}
        self._pages, self._least_s = pages, least_s
        self._acting = Acting(context, SERVICE)
        self._shops: dict[str, Workshop] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False

    # -- under the lock

    def start(self, project: Project, job: Job) -> Build:
        """Begin a build."""
        numbers = [
            each.number for each in self.builds.values() if each.project.name == project.name
        ]
        build = Build(
            id=f"{project.name}:{uuid.uuid4()}",
            number=max(numbers, default=0) + 1,
            project=project,
            job=job,
            started_at=self.context.clock.now(),
        )
        build.stream = build.id.partition(":")[2]
        self.builds[build.id] = build
        thread = threading.Thread(
            target=self._run, args=(build,), name=f"lab-build-{build.number}", daemon=True
        )
        self._threads.append(thread)
        thread.start()
        return build

    def stop(self, build: Build) -> None:
        """Kill it: nothing in it hears a signal that it could answer."""
        build.stopping = True
        if (shop := self._shops.get(build.id)) is not None:
            shop.kill()

    def _stop_if_told(self, build: Build) -> None:
        """It may have been told to stop before there was anything to kill."""
        if build.stopping:
            self.stop(build)

    def describe(self) -> list[dict[str, Any]]:
        """The lab's page `builds`."""
        with self.context.lock:
            return [
                {
                    "id": each.id, "project": each.project.name, "status": each.status,
                    "pid": each.pid, "problem": each.problem, "initiator": each.job.initiator,
                    "log": str(self._shops[each.id].log) if each.id in self._shops else "",
                }
                for each in self.builds.values()
            ]  # fmt: skip

    def close(self) -> None:
        """Kill every build and wait for its thread."""
        with self.context.lock:
            self._closing = True
            for build in self.builds.values():
                if build.going:
                    self.stop(build)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    # -- in the build's thread

    def _run(self, build: Build) -> None:
        try:
            self._carry_out(build)
        except Exception as error:  # noqa: BLE001  a defect here is the build's fault, told
            _log.exception("build %s failed inside the lab", build.id)
            self._end(build, building.FAULT, f"a defect of the lab: {error!r}")

    def _carry_out(self, build: Build) -> None:
        """From SUBMITTED to COMPLETED."""
        shop = Workshop(self.context, build, lambda: self.client(build, "s3"))
        with self.context.lock:
            self._shops[build.id] = shop
        try:
            self._acting.trusted(build.project.role, build.project.arn)
            pump = Log(self, build, shop)
            shop.prepare()
        except (Refused, ClientError) as error:
            self._end(build, FAILED, f"CLIENT_ERROR: {error}")
            return
        if build.stopping:
            self._end(build, STOPPED, "Build stopped by user.")
            return
        token = self._issue(build)
        pid = shop.begin(token)
        with self.context.lock:
            build.pid = pid
            self._stop_if_told(build)
        limit_s = max(self._least_s, self.context.clock.real(build.project.timeout_s))
        status = shop.wait(limit_s, pump.look)
        with self.context.lock:
            build.pid = None
            self._pages.pop(token.partition("/_lab/")[2], None)
        pump.push()
        self._judge(build, shop, status, pump)

    def _judge(self, build: Build, shop: Workshop, status: int | None, pump: "Log") -> None:
        told = building.read(shop.told.read_text())
        with self.context.lock:
            build.exported = dict(told.exported)
            build.phases = [
                (name.upper(), state, f"exit status {code}" if code else "")
                for name, (state, code, _) in told.ended.items()
            ]
        if build.stopping:
            self._end(build, STOPPED, "Build stopped by user.")
            return
        if status is None:
            minutes = build.project.timeout_s / 60
            self._end(build, TIMED_OUT, f"Build has timed out. ({minutes:g} minutes)")
            return
        phase, problem = building.verdict(build.project.spec, told, status)
        if phase not in ("install", "pre_build"):  # of a build that failed too, as far as it got
            late = _delivered(shop)
            problem = problem or late
        if problem:
            shown = (
                f"[Container] Phase context status code: COMMAND_EXECUTION_ERROR Message: {problem}"
            )
            with shop.log.open("a") as file:
                file.write(f"{shown}\n")
            pump.push()
        self._end(build, FAILED if problem else SUCCEEDED, problem)

    def _end(self, build: Build, status: str, problem: str) -> None:
        with self.context.lock:
            build.status, build.problem = status, problem
            build.ended_at, build.pid = self.context.clock.now(), None
        self.context.wake.set()

    # -- the role

    def client(self, build: Build, service: str) -> Any:
        """A client that may what the project's role may."""
        return self._acting.client(build.project.role, build.project.arn, service)

    def _issue(self, build: Build) -> str:
        """Where the build's shell finds credentials: a path that nobody can guess."""
        name = f"credentials/{token_hex(16)}"
        self._pages[name] = lambda: self._credentials(build)
        return f"{self.context.endpoint}/_lab/{name}"

    def _credentials(self, build: Build) -> Mapping[str, str]:
        """A new session of the role, as a container's endpoint tells it."""
        session = self._session(build)
        ends = datetime.fromtimestamp(session.ends_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "AccessKeyId": session.key,
            "SecretAccessKey": session.secret,
            "Token": session.token,
            "Expiration": ends,
        }

    def _session(self, build: Build) -> Session:
        guard = roles.on_guard(self.context)
        with self.context.lock:
            if guard is None:
                ends = time.time() + 3600
                return Session("none", "none", self.context.account, "lab", "lab", "lab", ends)
            self._acting.trusted(build.project.role, build.project.arn)
            role = build.project.role.rsplit("/", 1)[-1]
            return roles.session_of(guard, role, f"AWSCodeBuild-{build.stream}")


def _delivered(shop: Workshop) -> str:
    """Upload the artifacts; what went wrong, or nothing."""
    try:
        shop.deliver()
    except (ClientError, FileNotFoundError) as error:
        return f"CLIENT_ERROR: {error}"
    return ""


class Log:
    """A build's log on its way into CloudWatch Logs, under the project's role."""

    def __init__(self, builds: Builds, build: Build, shop: Workshop) -> None:
        """Make the stream.

        Raises:
            Refused, ClientError: the role may not, or there is no such group.
        """
        self._client = builds.client(build, "logs")
        self._where = {"logGroupName": build.project.log_group, "logStreamName": build.stream}
        self._shop, self._since, self._next_at = shop, 0, 0.0
        try:
            self._client.create_log_stream(**self._where)
        except ClientError as error:
            if "ResourceNotFound" not in str(error):
                raise
            raise Refused(
                "ResourceNotFoundException", f"no log group {build.project.log_group}"
            ) from error

    def look(self) -> None:
        """Push what is new, now and then."""
        if time.monotonic() >= self._next_at:
            self.push()
            self._next_at = time.monotonic() + LOG_EVERY_S

    def push(self) -> None:
        """Put the new lines into the stream. Stamped by the wall: Logs refuses the future."""
        lines, self._since = tail(self._shop.log, self._since)
        if lines:
            at = int(time.time() * 1000)
            events = [{"timestamp": at, "message": line or " "} for line in lines]
            self._client.put_log_events(**self._where, logEvents=events)
