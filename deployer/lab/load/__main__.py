"""`python -m deployer.lab.load URL --rps N --duration S`: the load client as a child process.

Prints JSON lines: `{"event": "progress", ...}` every `--every` seconds, then one
`{"event": "report", ...}`; the other keys are those of `report`. SIGTERM, SIGINT, or the end of
standard input if that is a pipe (so that a load does not outlive who started it) stop the sending;
the report still comes. Exit status: 0 whatever the service answered, 2 for bad arguments.
"""

import argparse
import asyncio
import json
import os
import stat
import sys
from pathlib import Path

from deployer.errors import UsageError
from deployer.lab.load.client import Client, drive
from deployer.lab.load.report import LoadReport
from deployer.lab.load.runner import stop_on_signals
from deployer.lab.load.target import Schedule, Target, target


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployer.lab.load", description=__doc__)
    parser.add_argument("url", help="http:// or https:// on 127.0.0.0/8 or localhost")
    parser.add_argument("--rps", type=float, required=True, help="requests a second")
    parser.add_argument("--duration", type=float, required=True, help="seconds")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for an answer")
    parser.add_argument("--max-in-flight", type=int, default=512)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between progress lines")
    parser.add_argument("--header", action="append", default=[], help="'Name: value'; repeatable")
    parser.add_argument(
        "--authority", type=Path, help="PEM file of who signs the certificates of https:// URLs"
    )
    return parser.parse_args()


def say(event: str, report: LoadReport) -> None:
    print(json.dumps({"event": event, **report.as_json()}), flush=True)  # noqa: T201  # its output


async def main(aim: Target, schedule: Schedule, every_s: float) -> None:
    loop = asyncio.get_running_loop()
    client = Client(aim, schedule)
    stop_on_signals(client)
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        loop.add_reader(sys.stdin.fileno(), _read_stdin, client)
    say("report", await drive(client, every_s, lambda report: say("progress", report)))


def _read_stdin(client: Client) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        client.stop()


def headers(lines: list[str]) -> dict[str, str]:
    """`["Name: value"]` as a mapping.

    Raises:
        UsageError: a line without a colon.
    """
    parts = [line.partition(":") for line in lines]
    for name, colon, _ in parts:
        if not colon:
            raise UsageError(f"load: --header {name!r} is not 'Name: value'")
    return {name.strip(): value.strip() for name, _, value in parts}


def command() -> int:
    asked = arguments()
    try:
        aim = target(asked.url, headers(asked.header), asked.authority)
        schedule = Schedule(asked.rps, asked.duration, asked.timeout, asked.max_in_flight)
    except UsageError as problem:
        print(problem, file=sys.stderr)  # noqa: T201  # its output
        return problem.exit_code
    asyncio.run(main(aim, schedule, asked.every))
    return 0


if __name__ == "__main__":
    sys.exit(command())
