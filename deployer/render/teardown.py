"""What a deletion takes away, and how to have it back, for people and for programs. Pure."""

from collections.abc import Sequence

from rich.text import Text

from deployer.operations.rest.deletion import FAILED, GONE, Stack
from deployer.render.documents import Document
from deployer.render.words import iso, one_line

WORDS = {GONE: "is gone", "DELETE_IN_PROGRESS": "is being deleted", FAILED: "could not be deleted"}


def restore_text(environment: str, found: Sequence[Stack], lines: Sequence[str]) -> Text:
    """The stacks in their order, and what brings them back."""
    text = Text()
    text.append(f"Deletes {environment}, for good:\n", "bold")
    for number, stack in enumerate(found, 1):
        text.append(f"  {number:>2}  {one_line(stack.name)}")
        text.append(f"  {stack.status}\n", "dim")
    if lines:
        text.append("To have it back:\n", "bold")
        for line in lines:
            text.append(f"      {one_line(line)}\n")
    text.rstrip()
    return text


def restore_documents(
    environment: str, found: Sequence[Stack], lines: Sequence[str], at: float
) -> list[Document]:
    """The same."""
    return [
        {
            "at": iso(at), "deployment": None, "event": "deletion", "environment": environment,
            "stacks": [stack.name for stack in found], "restore": list(lines),
        }
    ]  # fmt: skip


def stack_text(stack: Stack, status: str) -> Text:
    """`shop-dev-service is gone`."""
    return Text(f"{one_line(stack.name)} {WORDS.get(status, f'is {status}')}")


def stack_document(stack: Stack, status: str, at: float) -> Document:
    """The same."""
    return {
        "at": iso(at), "deployment": None, "event": "stack", "stack": stack.name, "id": stack.id,
        "status": status,
    }  # fmt: skip
