"""`python -m docs.generate`: write every generated page; `--check`: say which are not as the code is."""

import sys

from docs.generate.pages import stale, write


def main(arguments: list[str]) -> int:
    """Exit status 1: with `--check` a page is stale, or an argument is not known."""
    if arguments == ["--check"]:
        found = stale()
        for path in found:
            sys.stderr.write(f"{path} is not as the code is: run `make reference`\n")
        return 1 if found else 0
    if arguments:
        sys.stderr.write("Usage: python -m docs.generate [--check]\n")
        return 1
    for path in write():
        sys.stdout.write(f"{path} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
