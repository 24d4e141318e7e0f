"""What was known of a deployment's release minute by minute, for the commands that look."""

from deployer.analysis.replay.trail import Look, trail
from deployer.cli.app import App
from deployer.errors import DeployError
from deployer.operations.looking_back import stood_beside
from deployer.plan import Deployment


def looks_of(app: App, record: Deployment, now: float) -> tuple[Look, ...]:
    """Its minutes beside the other release; none where it was not held to evidence.

    Where nobody has them any more, or nobody answers, people are told: the rest is shown without.
    """
    terms = record.first_plan.intent.terms
    if terms is None or not stood_beside(record):
        return ()
    try:
        recording = app.services.archive.recording(record, now)
    except DeployError as error:
        app.output.note(f"Without the evidence minute by minute: {error}")
        return ()
    return trail(recording.minutes, terms)
