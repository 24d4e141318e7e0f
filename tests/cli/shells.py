"""A real zsh and a real fish: the machine's own, or Debian's packages unpacked into a cache (8 MB, once)."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.debian import libraries, unpacked

PACKAGES = {
    "zsh": ("zsh", "zsh-common", "libcap2", "libncursesw6", "libtinfo6"),
    "fish": ("fish", "fish-common", "libpcre2-32-0", "libtinfo6"),
}


def command(name: str, home: Path) -> tuple[list[str], Mapping[str, str]]:
    """How to start this shell for somebody with this home, and the variables that it needs.

    Raises:
        Unreachable: it is not on this machine, and not to be had; says why.
    """
    mine = {"HOME": str(home), "XDG_CONFIG_HOME": "", "ZDOTDIR": str(home)}
    if own := shutil.which(name):
        return [own], mine
    root = unpacked(name, *PACKAGES[name])
    if name == "zsh":
        _tell_zsh(root, home)
    elif not (root / "usr/etc").exists():
        (root / "usr/etc").symlink_to("../etc")  # with that, fish knows that it was moved
    (program,) = (found for at in ("bin", "usr/bin") if (found := root / at / name).exists())
    return [str(program)], {**mine, "LD_LIBRARY_PATH": libraries(root)}


def _tell_zsh(root: Path, home: Path) -> None:
    """Where its modules and functions are; it believes no variable about the former."""
    modules = " ".join(str(each.parent) for each in root.glob("**/zsh/*/zsh"))
    functions = f"{root}/usr/share/zsh/functions"
    (home / ".zshenv").write_text(
        f"module_path=({modules})\nfpath=({functions} {functions}/*(/))\n"
    )
