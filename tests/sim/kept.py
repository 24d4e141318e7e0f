"""Where minutes of past deployments are kept, in memory."""

from dataclasses import dataclass, field

from deployer.analysis.replay.recording import Recording


@dataclass
class Kept:
    """By id of the deployment."""

    there: dict[str, Recording] = field(default_factory=dict)

    def keep(self, recording: Recording) -> None:
        self.there[recording.deployment] = recording

    def find(self, environment: str, deployment_id: str) -> Recording | None:
        found = self.there.get(deployment_id)
        return found if found is not None and found.environment == environment else None
