"""CodePipeline, CodeBuild and what starts them as one part of the lab.

pipelines = Pipelines(context, pages)         # after actions.install(context)
pipelines.tick(context.clock.now())           # under the lock: executions get on
pipelines.poll(context.clock.now())           # without it: events are delivered, actions begun
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from deployer.lab.context import Context
from deployer.lab.pipelines import codebuild_api, codepipeline_api
from deployer.lab.pipelines.builds import Builds
from deployer.lab.pipelines.engine import Engine
from deployer.lab.pipelines.events import Events

LEAST_S = 20.0


class Pipelines:
    """A component of the lab; answers from when it is made.

    pages:   the lab's own HTTP paths, to which it adds its own.
    least_s: as `Builds`.
    """

    def __init__(
        self,
        context: Context,
        pages: MutableMapping[str, Callable[[], Any]],
        least_s: float = LEAST_S,
    ) -> None:
        self.builds = Builds(context, pages, least_s)
        self.engine = Engine(context, self.builds)
        self.events = Events(context)
        codebuild_api.Api(self.builds).install()
        codepipeline_api.Api(self.engine).install()
        self.events.install()
        pages["builds"] = self.builds.describe

    def tick(self, now: float) -> None:
        """Executions get on."""
        self.engine.tick(now)

    def poll(self, now: float) -> None:
        """What was heard and noted is carried out."""
        self.events.poll(now)
        self.engine.poll(now)

    def close(self) -> None:
        """Kill every build."""
        self.builds.close()
