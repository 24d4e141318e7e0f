"""A lab with Lambda, CloudWatch and IAM over a real socket: functions call it as programs do."""

import io
import json
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.lab import actions, inprocess, server
from deployer.lab.beats import Beats
from deployer.lab.context import Context
from deployer.lab.functions import api
from deployer.lab.functions.component import Functions
from deployer.lab.functions.model import RUNTIME
from deployer.lab.iam import roles
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.lab.traffic import Traffic
from deployer.process.clock import ScaledClock

SCALE = 60.0
LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}


class NoTraffic:
    """Of a lab without load balancers."""

    def read(self) -> Traffic:
        return Traffic()


@dataclass(frozen=True)
class Lambdas:
    """The lab as a test sees it."""

    context: Context
    functions: Functions

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    @property
    def api(self) -> Any:
        return self.client("lambda")

    def role(self, name: str, *statements: Mapping[str, Any], trusts: str = "lambda") -> str:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{trusts}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(
            RoleName=name, PolicyName="all", PolicyDocument=document(LOGS, *statements)
        )
        return str(made["Role"]["Arn"])

    def make(self, name: str, source: str, role: str = "", **more: Any) -> Any:
        return self.api.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=role or self.role(f"{name}-role"),
            Handler="index.handler",
            Code={"ZipFile": zipped({"index.py": source})},
            **more,
        )

    def call(self, name: str, event: Any = None, **more: Any) -> tuple[Any, dict[str, Any]]:
        """What it returned, and the whole answer."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event), **more)
        return json.loads(answer["Payload"].read() or b"null"), answer

    def facts(self, name: str) -> dict[str, Any]:
        return next(one for one in self.functions.describe() if one["name"] == name)

    def until(self, done: Callable[[], object], patience_s: float = 20.0) -> None:
        end = time.monotonic() + patience_s
        while not done():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def zipped(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), textwrap.dedent(text))
    return made.getvalue()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambdas]:
    """One for all tests of a file: each uses functions of its own."""
    with ExitStack() as stack:
        yield opened(tmp_path_factory.mktemp("lab"), stack)
    server.release_ports()


def opened(folder: Path, stack: ExitStack) -> Lambdas:
    server.reset()
    context = Context(
        directory=folder,
        network=77,
        endpoint=f"http://localhost:{server.reserve_port()}",
        clock=ScaledClock(time.time(), SCALE),
    )
    actions.install(context)
    roles.install(context)
    telemetry = Telemetry(context, NoTraffic())
    functions = stack.enter_context(closing(api.install(context, telemetry.store)))
    stack.enter_context(closing(server.serve(context)))
    beats = stack.enter_context(closing(Beats(context, (telemetry, functions))))
    beats.start()
    return Lambdas(context, functions)
