"""The programs of Amazon Linux that a throw-away root lacks: `aws`, `systemctl`, `dnf` and an agent.

`aws s3api get-object` does what the AWS CLI does, with the CLI's own libraries: credentials from the
instance metadata service, the request, the --query. `systemctl` keeps one service, as its unit says.
`dnf` has one package, the CloudWatch agent, unless /etc/dnf/empty is there; the agent's command takes a
configuration as the real one does, and refuses what that would refuse (tests/bootstrap/agent.py).
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bootstrap.agent import refusals

UNITS = Path("/etc/systemd/system")
RUN = Path("/run/systemd")
AGENT = Path("/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl")


def aws(arguments: list[str]) -> int:
    """`aws s3api get-object --bucket B --key K --query Q --output text FILE`."""
    import boto3
    import botocore.exceptions
    import jmespath  # type: ignore[import-untyped]  # the CLI's own; it has no stubs

    parser = argparse.ArgumentParser(prog="aws")
    parser.add_argument("service", choices=["s3api"])
    parser.add_argument("action", choices=["get-object"])
    for name in ("--bucket", "--key", "--query"):
        parser.add_argument(name, required=True)
    parser.add_argument("--output", choices=["text"], required=True)
    parser.add_argument("file", type=Path)
    given = parser.parse_args(arguments)
    try:
        answer = boto3.client("s3").get_object(Bucket=given.bucket, Key=given.key)
    except botocore.exceptions.ClientError as error:
        sys.stderr.write(f"\n{error}\n")
        return 254
    given.file.write_bytes(answer["Body"].read())
    sys.stdout.write(f"{jmespath.search(given.query, answer)}\n")
    return 0


def systemctl(arguments: list[str]) -> int:
    """`daemon-reload`, `enable --quiet UNIT`, `start UNIT`, `restart UNIT`."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / "told").open("a") as told:
        told.write(" ".join(arguments) + "\n")
    if arguments[0] in ("start", "restart"):
        return _start(arguments[1], again=arguments[0] == "restart")
    return 0 if arguments[0] in ("daemon-reload", "enable") else 1


def _start(unit: str, *, again: bool) -> int:
    pid = RUN / unit
    running = pid.exists() and Path(f"/proc/{pid.read_text()}").exists()
    if running and again:
        os.kill(int(pid.read_text()), 15)
    if running and not again:
        return 0
    said = dict(
        line.split("=", 1) for line in (UNITS / unit).read_text().splitlines() if "=" in line
    )
    environment = dict(
        line.split("=", 1) for line in Path(said["EnvironmentFile"]).read_text().splitlines()
    )
    kind, _, file = said["StandardOutput"].partition(":")
    with Path(file if kind == "append" else os.devnull).open("ab") as output:
        service = subprocess.Popen(
            said["ExecStart"].split(),
            cwd=said["WorkingDirectory"],
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    pid.write_text(str(service.pid))
    return 0


def dnf(arguments: list[str]) -> int:
    """`dnf install --quiet --assumeyes PACKAGE`."""
    if arguments != ["install", "--quiet", "--assumeyes", "amazon-cloudwatch-agent"]:
        return 2
    if Path("/etc/dnf/empty").exists():
        sys.stderr.write("Error: Unable to find a match: amazon-cloudwatch-agent\n")
        return 1
    AGENT.parent.mkdir(parents=True)
    AGENT.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.bootstrap.tools agent "$@"\n')
    AGENT.chmod(0o755)
    return 0


def agent(arguments: list[str]) -> int:
    """`amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:PATH`: keeps what it was given."""
    *flags, where = arguments
    if flags != ["-a", "fetch-config", "-m", "ec2", "-s", "-c"] or not where.startswith("file:/"):
        return 1
    config = json.loads(Path(where.removeprefix("file:")).read_text())
    wrong = refusals(config)
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    if not wrong:
        (RUN / "agent.json").write_text(json.dumps(config))
    return 1 if wrong else 0


PROGRAMS = {"aws": aws, "systemctl": systemctl, "dnf": dnf, "agent": agent}

if __name__ == "__main__":
    sys.exit(PROGRAMS[sys.argv[1]](sys.argv[2:]))
