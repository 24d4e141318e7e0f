"""The lab's process: `python -m deployer.lab.process`, started by `deployer lab up`.

Writes `state.json` when everything is ready; ends on SIGTERM, SIGINT, when a part breaks, or when
its folder is deleted: nobody could end it any more.
"""

import argparse
import json
import os
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path
from types import FrameType

from deployer.errors import DeployError
from deployer.lab import home
from deployer.lab.lab import Lab, deploy, open_lab
from deployer.lab.secured import secured
from deployer.lab.templates import synthesized
from deployer.process import heap
from deployer.settings.reading import load
from deployer.topology import topology_parameter

LOOK_S = 0.2


def main(argv: list[str] | None = None) -> int:
    """Run a lab until told to end; the exit status is 0 unless a part broke."""
    heap.spare_what_stays()
    options = parse(argv)
    told = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        with home.take(options.directory):
            return live(options, told)
    except DeployError as error:
        print(error, file=sys.stderr)  # noqa: T201  the parent shows it as its own error
        return error.exit_code


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line that `deployer lab up` writes."""
    parser = argparse.ArgumentParser(prog="deployer.lab.process")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--no-stacks", action="store_true")
    return parser.parse_args(argv)


def live(options: argparse.Namespace, told: threading.Event) -> int:
    """Open, deploy, publish, wait."""
    settings = load(options.config, options.environment)
    stacks = (
        ()
        if options.no_stacks
        else synthesized(options.config, options.environment, options.directory)
    )
    with closing(open_lab(options.directory, options.scale, secured(settings.balancer))) as lab:
        deploy(lab, stacks)
        home.publish(options.directory, state_of(lab, options))
        while not told.wait(LOOK_S):
            if lab.beats.broken.is_set():
                return 1
            if not home.standing(options.directory):
                return 0
    return 0


def state_of(lab: Lab, options: argparse.Namespace) -> home.State:
    """What the other commands need to know."""
    urls = {"url": "", "test_url": ""}
    if not options.no_stacks:
        service = load(options.config, options.environment).service.name
        name = topology_parameter(service, options.environment)
        urls = json.loads(lab.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    context = lab.context
    return home.State(
        endpoint=context.endpoint,
        url=urls["url"],
        test_url=urls["test_url"],
        account=context.account,
        region=context.region,
        pid=os.getpid(),
        origin=context.clock.origin,
        scale=context.clock.scale,
        config=str(options.config.absolute()),
        environment=options.environment,
    )


if __name__ == "__main__":
    sys.exit(main())
