"""The CDK application: the stacks of every environment in deployer.toml.

`-c env=lab` or DEPLOYER_ENV narrows it to one environment; DEPLOYER_CONFIG names another settings file.
"""

import os
import sys
from pathlib import Path

from deployer.errors import DeployError
from stacks.assembly import HERE, application, populate


def main() -> None:
    app = application()
    chosen = app.node.try_get_context("env") or os.environ.get("DEPLOYER_ENV")
    populate(app, Path(os.environ.get("DEPLOYER_CONFIG") or HERE / "deployer.toml"), chosen)
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except DeployError as error:
        sys.exit(str(error))
