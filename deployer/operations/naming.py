"""What a release is called that a pipeline makes: by its revision, so that a retry finds it. Pure."""

import hashlib
import re

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
DIGITS = 12


def release_of(revision: str) -> str:
    """`c` and the first 12 digits of a git commit; `s` and a digest of any other revision.

    revision: a commit (SHA-1 or SHA-256), or the version of an S3 object.

    Raises:
        ValueError: there is none: a bucket without versions gives its objects none.
    """
    text = revision.strip()
    if not text or text == "null":
        raise ValueError(
            "the source has no revision: an S3 source needs a bucket that keeps versions"
        )
    if _COMMIT.fullmatch(text):
        return f"c{text[:DIGITS]}"
    return f"s{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
