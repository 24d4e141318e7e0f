"""The project's own stacks as their owner changes them week by week: one cloud assembly each.

    python -m tests.lab.variants SETTINGS OUTDIR CERTIFICATE

Each variant is the settings file with one thing more than the one before, so that deploying them one
after the other changes one thing at a time. One process for all: jsii takes longer to start than a
variant takes to synthesize.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aws_cdk import Tags, aws_ssm

from stacks.assembly import Stacks, application, populate

TYPES = ("t3.micro", "t3.small")
MOST = (8, 9)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/first"
TAKEN = "/somebody-elses"  # a parameter that is not the stack's


def _unrelated(text: str) -> str:
    return text + "\n[environments.lab.monitoring]\nmin_requests = 40\n"


def _other_type(text: str) -> str:
    return _replaced(
        text, 'region = "us-east-1"', f'region = "us-east-1"\ninstance_type = "{TYPES[1]}"'
    )


def _larger(text: str) -> str:
    return _replaced(text, f"max_instances = {MOST[0]}", f"max_instances = {MOST[1]}")


def _everything(text: str, other: str) -> str:
    """Certificate, launch templates and sizes once more, on top of what is there."""
    grown = _replaced(text, f"max_instances = {MOST[1]}", "max_instances = 12")
    return _replaced(_replaced(grown, TYPES[1], "t3.medium"), other, CERTIFICATE)


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"{old!r} is not in the settings")
    return text.replace(old, new, 1)


def _label(stacks: Stacks) -> None:
    Tags.of(stacks.service.service.entrance.production).add("team", "checkout")


def _label_and_break(stacks: Stacks) -> None:
    """Everything that could move traffic changes, and then the update fails: a name is taken."""
    service = stacks.service.service
    Tags.of(service).add("team", "returns")
    clash = aws_ssm.StringParameter(
        stacks.service, "Clash", parameter_name=TAKEN, string_value="ours"
    )
    clash.node.add_dependency(service)


def _same(text: str) -> str:
    return text


def _nothing(_stacks: Stacks) -> None:
    pass


Step = tuple[str, Callable[[str], str], Callable[[Stacks], None]]


def steps(other: str) -> tuple[Step, ...]:
    """Name, what becomes of the settings, what is put beside them."""
    return (
        ("first", _same, _nothing),
        ("unrelated", _unrelated, _nothing),
        ("tag", _same, _label),
        ("certificate", partial(_replaced, old=CERTIFICATE, new=other), _label),
        ("type", _other_type, _label),
        ("size", _larger, _label),
        ("broken", partial(_everything, other=other), _label_and_break),
    )


def write(settings: Path, outdir: Path, other: str) -> None:
    """A folder for each step, ready for `cdk deploy --app`; `other`: ARN of another certificate."""
    text = settings.read_text()
    for name, alter, adorn in steps(other):
        text = alter(text)
        file = outdir / f"{name}.toml"
        file.write_text(text)
        app = application(outdir / name)
        adorn(populate(app, file, "lab")["lab"])
        app.synth()


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
