"""Downloads from a local HTTP server, and the check of what is on disk."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorbench import BadInput, DatasetSpec, Source, SourceFile, Unavailable
from tumorbench.contracts.factory import load
from tumorbench.fetch import fetch, verify
from tumorbench.fetch.download import CHUNK_BYTES

READER = '''
from tumorbench import Dataset, Sample, Unavailable

class Tiny(Dataset):
    """cat/N.png and dog/N.png, with an optional mask beside each: N-mask.png."""

    def samples(self):
        if not (self.root / "cat").is_dir():
            raise Unavailable("tiny is not there")
        return [
            Sample(path.relative_to(self.root).as_posix(), label, path.relative_to(self.root).as_posix(),
                   f"{name}/{path.stem}-mask.png" if (path.parent / f"{path.stem}-mask.png").exists() else None)
            for label, name in enumerate(("cat", "dog")) for path in sorted((self.root / name).glob("*.png")) if "mask" not in path.name
        ]
'''
KAGGLEHUB_CHUNK_BYTES = 1 << 20  # kagglehub writes in such steps
CONTENT = np.random.default_rng(0).bytes(700_001)


@dataclass
class Served:
    """What the server holds and what it was asked. drops: bytes after which each of the next answers breaks off. statuses: of the next answers."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    drops: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ignores_range: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # method, Range
    sent_bytes: list[int] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Served]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            served.requests.append((self.command, asked))
            status = served.statuses.pop(0) if served.statuses else 200
            content = served.files.get(self.path)
            if content is None or status != 200:
                self.send_response(404 if content is None else status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and not served.ignores_range else 0
            self.answer(content, start, partial=bool(asked) and not served.ignores_range)

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def answer(self, content, start, *, partial):
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if partial else 200)
            self.send_header("Content-Type", "application/zip")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content) - start))
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            body = content[start:][: served.drops.pop(0)] if served.drops else content[start:]
            self.wfile.write(body)
            served.sent_bytes.append(len(body))
            self.close_connection = True

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        served = Served(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def tiny_reader(install_plugin):
    install_plugin("tiny-set", tiny_set=READER)


def spec_of(*files: SourceFile, kaggle: str | None = None, cats: int = 2) -> DatasetSpec:
    return DatasetSpec(
        id="tiny", title="Tiny", version="1", tasks=("classification",), classes=("cat", "dog"), licence="CC0", citation="none", patients_known=False,
        source=Source(homepage="about:blank", files=files, kaggle=kaggle), counts={"all": {"cat": cats, "dog": 1}}, factory="tiny_set:Tiny",
    )  # fmt: skip


def published(server: Served, content: bytes = CONTENT, **changes: object) -> SourceFile:
    server.files["/a.bin"] = content
    card = {"name": "a.bin", "url": f"{server.url}/a.bin", "bytes": len(CONTENT), "hash": f"md5:{hashlib.md5(CONTENT).hexdigest()}"}  # noqa: S324 - as published
    return SourceFile(**(card | changes))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_tiny(root: Path) -> Path:
    for name, count in (("cat", 2), ("dog", 1)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(np.full((4, 6), 9, np.uint8)).save(root / name / f"{number}.png")
    return root


def zipped_tiny(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("LICENCE", np.random.default_rng(1).bytes(3 * KAGGLEHUB_CHUNK_BYTES))  # so that the archive has several steps
        for path in sorted(write_tiny(folder).rglob("*.png")):
            zipped.write(path, path.relative_to(folder).as_posix())
    return archive.getvalue()


def test_a_file_arrives_whole_and_alone(server, tmp_path):
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert (folder, listing(folder)) == (tmp_path / "tiny", ["a.bin"])
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_sha256_and_a_file_without_a_hash_are_accepted(server, tmp_path):
    server.files["/b.bin"] = b"no hash is published"
    second = SourceFile(name="b.bin", url=f"{server.url}/b.bin")
    folder = fetch(spec_of(published(server, hash=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"), second), tmp_path, progress=False)
    assert listing(folder) == ["a.bin", "b.bin"]


def test_a_valid_file_is_not_downloaded_again(server, tmp_path):
    spec = spec_of(published(server))
    fetch(spec, tmp_path, progress=False)
    fetch(spec, tmp_path, progress=False)
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server, tmp_path):
    spec = spec_of(published(server))
    folder = fetch(spec, tmp_path, progress=False)
    (folder / "a.bin").write_bytes(CONTENT[:-1] + b"?")
    fetch(spec, tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_file_of_the_wrong_size_is_replaced_even_without_a_hash(server, tmp_path):
    spec = spec_of(published(server, hash=None))
    folder = fetch(spec, tmp_path, progress=False)
    (folder / "a.bin").write_bytes(CONTENT[:5])
    fetch(spec, tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_dropped_connection_is_continued_within_the_call(server, tmp_path):
    server.drops = [10 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5]
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == CONTENT
    assert server.requests == [("GET", None), ("GET", f"bytes={10 * CHUNK_BYTES}-"), ("GET", f"bytes={13 * CHUNK_BYTES}-")]


def test_an_interrupted_download_is_continued_by_the_next_call_and_only_the_rest_is_sent(server, tmp_path):
    spec, server.drops = spec_of(published(server)), [10 * CHUNK_BYTES, 0]
    with pytest.raises(BadInput, match=f"interrupted after {10 * CHUNK_BYTES} bytes"):
        fetch(spec, tmp_path, progress=False)
    assert listing(tmp_path / "tiny") == ["a.bin.part"]
    server.sent_bytes.clear()
    folder = fetch(spec, tmp_path, progress=False)
    assert (server.requests[-1], server.sent_bytes) == (("GET", f"bytes={10 * CHUNK_BYTES}-"), [len(CONTENT) - 10 * CHUNK_BYTES])
    assert ((folder / "a.bin").read_bytes(), listing(folder)) == (CONTENT, ["a.bin"])


def test_a_part_is_started_anew_where_the_server_cannot_continue(server, tmp_path):
    server.ignores_range = True
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.bin.part").write_bytes(b"x" * 1000)
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_part_that_is_already_whole_is_taken_without_a_request(server, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.bin.part").write_bytes(CONTENT)
    fetch(spec_of(published(server)), tmp_path, progress=False)
    assert server.requests == []


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.bin.part").write_bytes(CONTENT + b"more")
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert ((folder / "a.bin").read_bytes(), server.requests) == (CONTENT, [("GET", None)])


def test_another_content_is_deleted_and_named(server, tmp_path):
    with pytest.raises(BadInput, match=r"a\.bin from http://127\.0\.0\.1.* does not have the published hash md5:"):
        fetch(spec_of(published(server, b"?" * len(CONTENT))), tmp_path, progress=False)
    assert listing(tmp_path / "tiny") == []


def test_a_shorter_content_never_bears_the_final_name(server, tmp_path):
    with pytest.raises(BadInput, match="700000 of 700001 bytes arrived"):
        fetch(spec_of(published(server, CONTENT[:-1])), tmp_path, progress=False)
    assert listing(tmp_path / "tiny") == ["a.bin.part"]


def test_a_missing_file_is_one_line_with_its_status(server, tmp_path):
    file = published(server, url=f"{server.url}/gone.bin")
    with pytest.raises(BadInput, match=r"a\.bin from .*/gone\.bin: HTTP 404 Not Found") as caught:
        fetch(spec_of(file), tmp_path, progress=False)
    assert "\n" not in str(caught.value)
    assert listing(tmp_path / "tiny") == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503]
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert ((folder / "a.bin").read_bytes(), len(server.requests)) == (CONTENT, 2)


def test_no_connection_is_one_line(server, tmp_path):
    file = published(server, url="http://127.0.0.1:9/a.bin")  # the discard port: nobody listens
    with pytest.raises(BadInput, match="no connection") as caught:
        fetch(spec_of(file), tmp_path, progress=False)
    assert "\n" not in str(caught.value)


def test_a_complete_copy_in_another_layout_is_left_as_it_is(server, tmp_path):
    write_tiny(tmp_path / "tiny")
    assert fetch(spec_of(published(server)), tmp_path, progress=False) == tmp_path / "tiny"
    assert server.requests == []


def test_a_computed_set_cannot_be_fetched(tmp_path):
    with pytest.raises(BadInput, match="tiny is computed, not downloaded"):
        fetch(spec_of(), tmp_path, progress=False)


@pytest.fixture
def kaggle(server, tmp_path, monkeypatch) -> Iterator[Served]:
    """kagglehub, as installed, asks the local server: it is told that Kaggle is http://localhost, and reaches that through a proxy."""
    for name in [name for name in os.environ if name.startswith("KAGGLE")] + ["no_proxy", "NO_PROXY"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # nobody's account
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://localhost/api/v1/datasets.DatasetApiService/DownloadDataset"] = zipped_tiny(tmp_path / "original")
    yield server
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # kagglehub leaves broken connections to the garbage collector
        gc.collect()


KAGGLE_SPEC = spec_of(kaggle="owner/tiny/versions/1")


def test_a_kaggle_set_is_counted_and_moved_into_its_folder(kaggle, tmp_path, capfd):
    root = tmp_path / "root"
    folder = fetch(KAGGLE_SPEC, root, progress=False)
    assert (listing(root), listing(folder), listing(folder / "cat")) == (["tiny"], ["LICENCE", "cat", "dog"], ["0.png", "1.png"])
    assert "KAGGLEHUB_CACHE" not in os.environ
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_broken_kaggle_download_is_continued_by_the_next_call(kaggle, tmp_path):
    root, kaggle.drops = tmp_path / "root", [2 * KAGGLEHUB_CHUNK_BYTES]
    with pytest.raises(BadInput, match=r"tiny from Kaggle \(owner/tiny/versions/1\)") as caught:
        fetch(KAGGLE_SPEC, root, progress=False)
    assert ("\n" in str(caught.value), listing(root)) == (False, ["tiny.part"])
    assert listing(fetch(KAGGLE_SPEC, root, progress=False)) == ["LICENCE", "cat", "dog"]
    assert kaggle.requests[-1] == ("GET", f"bytes={2 * KAGGLEHUB_CHUNK_BYTES}-")


def test_a_kaggle_set_that_is_gone_is_one_line(kaggle, tmp_path):
    kaggle.files.clear()
    with pytest.raises(BadInput, match="404") as caught:
        fetch(KAGGLE_SPEC, tmp_path / "root", progress=False)
    assert ("\n" in str(caught.value), (tmp_path / "root" / "tiny").exists()) == (False, False)


def test_a_kaggle_set_with_other_counts_is_not_kept(kaggle, tmp_path):
    with pytest.raises(BadInput, match="all cat: 2 of 3 published"):
        fetch(spec_of(kaggle="owner/tiny/versions/1", cats=3), tmp_path / "root", progress=False)
    assert listing(tmp_path / "root") == []


def test_kaggle_out_of_reach_is_one_line_and_leaves_nothing(kaggle, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match=r"tiny from Kaggle .*refused.*unpack a manual download") as caught:
        fetch(KAGGLE_SPEC, tmp_path / "root", progress=False)
    assert ("\n" in str(caught.value), listing(tmp_path / "root")) == (False, [])


def test_an_incomplete_folder_of_the_user_is_never_touched(kaggle, tmp_path):
    (write_tiny(tmp_path / "root" / "tiny") / "cat" / "1.png").unlink()
    with pytest.raises(BadInput, match=r"all cat: 1 of 2 published.*move .* away"):
        fetch(KAGGLE_SPEC, tmp_path / "root", progress=False)
    assert (listing(tmp_path / "root" / "tiny" / "cat"), kaggle.requests) == (["0.png"], [])


def checked(spec: DatasetSpec, root: Path):
    return verify(spec, load(spec.factory)(root / spec.id), root)


def test_a_sound_copy_verifies(tmp_path):
    write_tiny(tmp_path / "tiny")
    outcome = checked(KAGGLE_SPEC, tmp_path)
    assert (outcome.ok, outcome.problems, outcome.counts, outcome.decoded) == (True, (), {"all": {"cat": 2, "dog": 1}}, 3)


def test_a_truncated_image_is_named_and_the_others_are_still_read(tmp_path):
    path = write_tiny(tmp_path / "tiny") / "cat" / "0.png"
    path.write_bytes(path.read_bytes()[:45])
    outcome = checked(KAGGLE_SPEC, tmp_path)
    assert (outcome.ok, len(outcome.problems), outcome.decoded) == (False, 1, 2)
    assert outcome.problems[0].startswith(f"{path} cannot be decoded")


def test_a_mask_of_another_size_names_both_files_and_sizes(tmp_path):
    folder = write_tiny(tmp_path / "tiny")
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(folder / "dog" / "0-mask.png")
    (problem,) = checked(KAGGLE_SPEC, tmp_path).problems
    assert problem == f"{folder / 'dog/0-mask.png'} is 5x4, but its image {folder / 'dog/0.png'} is 6x4; replace the mask"


def test_the_number_that_a_series_lacks_is_named(tmp_path):
    folder = write_tiny(tmp_path / "tiny") / "cat"
    (folder / "1.png").rename(folder / "3.png")
    (folder / "0.png").rename(folder / "cat_1.png")
    assert checked(spec_of(cats=3), tmp_path).problems == ("tiny all cat: 2 of 3 published; the series 1..3 lacks 2",)


def test_missing_files_are_counted_where_the_names_are_no_series(tmp_path):
    folder = write_tiny(tmp_path / "tiny") / "cat"
    (folder / "1.png").rename(folder / "77.png")
    assert checked(spec_of(cats=3), tmp_path).problems == ("tiny all cat: 2 of 3 published",)


def test_source_files_are_hashed_and_unfinished_ones_named(server, tmp_path):
    folder = write_tiny(tmp_path / "tiny")
    (folder / "a.bin").write_bytes(b"?" * len(CONTENT))
    (folder / "a.bin.part").write_bytes(b"")
    outcome = checked(spec_of(published(server)), tmp_path)
    assert [re.sub(r".*/", "", problem.split(" ")[0]) for problem in outcome.problems] == ["a.bin.part", "a.bin"]
    assert "does not have the published hash" in outcome.problems[1]
    assert outcome.hashed == 1


def test_a_set_that_is_not_there_cannot_be_verified(tmp_path):
    with pytest.raises(Unavailable):
        checked(KAGGLE_SPEC, tmp_path)
