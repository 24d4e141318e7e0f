"""The instances' user data: bootstrap.sh with the service's facts at its top. Pure but for reading.

The facts are plain shell assignments between two marker lines, so that bash executes them on EC2
and anybody else can read them (`shlex.split` of each line). Nothing else goes into the user data:
it changes only with bootstrap.sh or [service], and with it the launch templates.
"""

from collections.abc import Mapping
from pathlib import Path

from deployer.settings.schema import ServiceSettings

BOOTSTRAP = Path(__file__).with_name("bootstrap.sh")
BEGIN = "# deployer:service"
END = "# deployer:end"


def user_data(service: ServiceSettings, log_group: str = "") -> str:
    """The whole script for one service, under EC2's limit of 16 KB.

    Args:
        service:   what it runs.
        log_group: where the CloudWatch agent sends its output; "": no agent runs.
    """
    return with_facts(BOOTSTRAP.read_text(encoding="utf-8"), facts(service, log_group))


def facts(service: ServiceSettings, log_group: str = "") -> dict[str, str]:
    """What an instance must know to run the service."""
    known = {
        "SERVICE_START": service.start,
        "SERVICE_PORT": str(service.port),
        "SERVICE_HEALTH_PATH": service.health_path,
    }
    return known | ({"AGENT_LOG_GROUP": log_group} if log_group else {})


def with_facts(script: str, named: Mapping[str, str]) -> str:
    """`script` with the lines between its markers replaced by `named`.

    Raises:
        ValueError: the script does not have both markers once, in order.
    """
    before, begin, rest = script.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not (begin and end) or script.count(BEGIN) != 1 or script.count(END) != 1:
        raise ValueError(f"the script needs one line {BEGIN!r} and after it one line {END!r}")
    block = "".join(f"{name}={quoted(value)}\n" for name, value in named.items())
    return before + begin + block + end + after


def quoted(value: str) -> str:
    """`value` in single quotes for bash, always: `it's` -> `'it'"'"'s'`."""
    return "'" + value.replace("'", "'\"'\"'") + "'"
