"""Bundles: one archive of what is published of many cells and is too large for a repository.

A plain tar of the files as they are, without times or owners, in the order of their names: equal files, equal bytes.
Records name their bundle by its SHA-256, and each file in it by its own.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from tumorbench.contracts.files.regular import shown
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.record import Artifact, Bundle, Record
from tumorbench.errors import BadInput
from tumorbench.publish.contents import is_bundled
from tumorbench.store import Store, file_sha256

__all__ = ["bundle_conflicts", "bundled_here", "check_bundle", "write_bundle"]

Located = tuple[Path, Record]
AGAIN = "get it again"


def bundled_here(path: Path, record: Record) -> list[Artifact]:
    """The record's artifacts that are for a bundle and lie beside it; none where an earlier bundle alone has some."""
    there = [each for each in record.artifacts if is_bundled(record, each) and (path.parent / each.path).is_file()]
    lost = [each for each in record.artifacts if each.place == "bundle" and each not in there]
    return [] if lost else there


def write_bundle(file: Path, located: Sequence[Located], remaining: Iterable[Record]) -> Bundle:
    """``file`` is a bundle of what lies beside these records and is for one, as a whole; or it is what it was.

    remaining: published records that keep the bundle that they name. Raises: BadInput where the file cannot be written,
    has a name that no record can give, or the name of another bundle that a remaining record needs.
    """
    try:
        Bundle(name=file.name, sha256="0" * 64)
    except ValidationError:
        raise BadInput(
            f"{shown(file)} is no name of a bundle; name it like results.tar, of letters, digits and ._-"
        ) from None
    members = {
        _member(record, each): path.parent / each.path
        for path, record in located
        for each in bundled_here(path, record)
    }
    if not members:
        raise BadInput(f"no record here has a picture for a bundle; leave out --bundle {shown(file)}")
    try:
        with written_whole(file) as written:
            with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
                for name, place in sorted(members.items()):
                    content = place.read_bytes()
                    about = tarfile.TarInfo(name)
                    about.size = len(content)
                    archive.addfile(about, io.BytesIO(content))
            written.flush()
            bundle = Bundle(name=file.name, sha256=file_sha256(Path(written.name)))
            if any(each.bundle and each.bundle.name == bundle.name and each.bundle != bundle for each in remaining):
                raise BadInput(f"published records need the earlier {file.name}; give this bundle another name")
    except OSError as error:
        raise BadInput(
            f"the bundle {file} cannot be written ({error.strerror}); give another place with --bundle"
        ) from None
    return bundle


def _member(record: Record, artifact: Artifact) -> str:
    """The artifact's name in a bundle: its place in a store."""
    return (Store(Path()).cell_folder(record.identity, record.cell_key) / artifact.path).as_posix()


def bundle_conflicts(records: Sequence[Located]) -> dict[Path, list[str]]:
    """Path -> what is wrong with what the record says of its bundle, one line each."""
    named: dict[str, set[str]] = {}
    for _, record in records:
        if record.bundle:
            named.setdefault(record.bundle.name, set()).add(record.bundle.sha256)
    return {path: found for path, record in records if (found := list(_conflicts(record, named)))}


def _conflicts(record: Record, named: Mapping[str, set[str]]) -> Iterator[str]:
    if record.bundle and len(named[record.bundle.name]) > 1:
        yield f"other records give its bundle {record.bundle.name} another SHA-256"
    said = [each for each in record.artifacts if each.place == "bundle"]
    if bool(said) != (record.bundle is not None):
        yield f"it names {'no' if said else 'a'} bundle, and says that {len(said)} of its files are in one"
    for artifact in said:
        if not is_bundled(record, artifact):
            yield f"{ascii(artifact.path)[:120]} is said to be in a bundle, which may not have it"


def check_bundle(
    file: Path, records: Iterable[Record], keep: Callable[[str, bytes], None] = lambda _name, _content: None
) -> tuple[str, int]:
    """(the SHA-256 of ``file``, how many files in it the records name): all that they say are in it, as they were.

    Others in it are of records that were published again since, and lie where a cell's files lie.

    keep: given each table in it, by its place in a store. Raises: BadInput, in one line, for every other file.
    """
    if not file.is_file():
        raise BadInput(f"the bundle {shown(file)} is no file; give one with --bundle FILE")
    sha256, named = file_sha256(file), [record for record in records if record.bundle]
    own = [record for record in named if record.bundle and record.bundle.sha256 == sha256]
    if not own:
        due = sorted({each.bundle.sha256[:12] for each in named if each.bundle and each.bundle.name == file.name})
        said = f"records give {file.name} the SHA-256 {', '.join(due)}" if due else "no record names such a bundle"
        raise BadInput(f"{shown(file)} has the SHA-256 {sha256[:12]}, and {said}; {AGAIN}")
    due_files = {_member(record, each): each for record in own for each in record.artifacts if each.place == "bundle"}
    seen: set[str] = set()
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                _check_member(member, seen, file)
                if member.name not in due_files:
                    continue
                content = _content(archive, member, due_files[member.name].sha256, file)
                if due_files[member.name].kind == "predictions":
                    keep(member.name, content)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise BadInput(f"the bundle {shown(file)} is damaged ({shown(error)}); {AGAIN}") from None
    if missing := sorted(due_files.keys() - seen):
        raise BadInput(f"the bundle {shown(file)} lacks {len(missing)} files, {missing[0]} among them; {AGAIN}")
    return sha256, len(due_files)


def _check_member(member: tarfile.TarInfo, seen: set[str], file: Path) -> None:
    """The member is a plain file of a cell, and the first of its name; it is noted in ``seen``."""
    way = PurePosixPath(member.name)
    of_a_cell = way.parts[:1] == ("cells",) and ".." not in way.parts and way.as_posix() == member.name
    if not (member.isreg() and of_a_cell) or member.name in seen:
        raise BadInput(
            f"the bundle {shown(file)} holds {ascii(member.name)[:120]}, which is no file of a cell; {AGAIN}"
        )
    seen.add(member.name)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, sha256: str, file: Path) -> bytes:
    opened = archive.extractfile(member)
    content = opened.read() if opened else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadInput(f"the bundle {shown(file)} has another {member.name} than its record names; {AGAIN}")
    return content
