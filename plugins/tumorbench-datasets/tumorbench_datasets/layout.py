"""Where a data set lies, if not exactly as published: other spellings of a folder's name, a level too deep, a zip that was not unpacked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tumorbench import BadInput, Unavailable

__all__ = ["absent", "child", "describe", "folders", "loose", "same"]

DEPTH = 2  # levels below the data set's folder that are looked into
LISTED = 8  # names in a message


def same(name: str) -> str:
    """What stays of a folder's name when case, blanks, ``_`` and ``-``, and British spelling do not count.

    >>> same("No_Tumour"), same("glioma tumor")
    ('notumor', 'gliomatumor')
    """
    return re.sub(r"[\W_]", "", name).casefold().replace("tumour", "tumor")


def loose(name: str) -> str:
    """``same``, where ``tumor`` at the end does not count either; what has no tumour stays apart.

    >>> loose("glioma_tumor"), loose("Glioma"), loose("no_tumor")
    ('glioma', 'glioma', 'notumor')
    """
    plain = same(name)
    return plain if plain == "notumor" else plain.removesuffix("tumor")


def child(folder: Path, name: str) -> Path | None:
    """The folder ``name`` in ``folder``: that very name, else the only one that is the same but for its spelling.

    None where there is none. Raises: BadInput where there are several.
    """
    if (folder / name).is_dir():
        return folder / name
    for spelling in (same, loose):
        found = [each for each in _inside(folder) if spelling(each.name) == spelling(name)]
        if len(found) > 1:
            both = " and ".join(_text(each.name) for each in found)
            raise BadInput(f"{_text(folder)} holds {both}, and either may be {name}; keep one, and call it {name}")
        if found:
            return found[0]
    return None


def folders(root: Path) -> Iterator[list[Path]]:
    """The folder itself, then its folders, then theirs: one list a level; hidden ones are left out."""
    level = [root] if root.is_dir() else []
    for _ in range(DEPTH + 1):
        yield level
        level = [each for folder in level for each in _inside(folder)]


def _inside(folder: Path) -> list[Path]:
    """The folders in ``folder`` by name. Raises: BadInput where it cannot be listed."""
    try:
        found = sorted(each for each in folder.iterdir() if each.is_dir())
    except OSError as error:
        raise BadInput(f"{_text(folder)} cannot be listed ({error.strerror}); fix its permissions") from error
    return [each for each in found if not each.name.startswith((".", "__MACOSX"))]


def describe(folder: Path) -> str:
    """What the folder holds, in words: up to eight names, folders with ``/``; "" where it is not there or is empty."""
    if not folder.is_dir():
        return f"{_text(folder.name)}, which is no folder" if folder.exists() else ""
    names = sorted(f"{each.name}/" if each.is_dir() else each.name for each in folder.iterdir() if each.name[0] != ".")
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(map(_text, names[:LISTED])) + more


def absent(dataset: str, root: Path, expected: str, names: tuple[str, ...], *, above: bool) -> Unavailable:
    """The error that the data set is not in ``root``: what was found there or beside it, what is due, and what helps.

    names: what else its folder may be called, such as its name at the publisher. above: the folder above is the data set.
    """
    missing = f"{dataset} is not in {_text(root)}"
    fetch = f"fetch it with: tumorbench data fetch {dataset}"
    if above:
        return Unavailable(
            f"{missing}, but {_text(root.parent)} holds it: give the folder above as --data-root, or move it"
        )
    if zips := sorted(root.glob("*.zip")) if root.is_dir() else []:
        unpack = f"python -m zipfile -e {_text(zips[0])} {_text(root)}"
        return Unavailable(
            f"{missing}: it holds {_text(zips[0].name)}, not unpacked, and {expected} is due; run: {unpack}"
        )
    if found := describe(root):
        return Unavailable(
            f"{missing}: it holds {found}, and {expected} is due; rename or move what is there, or {fetch}"
        )
    known = {same(name) for name in (dataset, *names)}
    beside = sorted(root.parent.iterdir()) if root.parent.is_dir() else []
    for each in beside:
        if each != root and same(each.name.removesuffix(".zip")) in known:
            verb = "rename it to" if each.is_dir() else "unpack it into"
            return Unavailable(f"{missing}, but {_text(each)} is there: {verb} {_text(root)}, or {fetch}")
    return Unavailable(f"{missing}; {fetch}")


def _text(name: object) -> str:
    """The name as it can be printed: what is not UTF-8 is escaped."""
    return str(name).encode("utf-8", "backslashreplace").decode()
