"""A local HTTP server, a tiny data set, and the cards of both: what the tests of fetching share."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorbench import DatasetSpec, Source, SourceFile

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
    content: bytes = CONTENT  # of the file that ``published`` describes


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
            served.sent_bytes.append(len(body))  # before the client has it all and goes on
            self.wfile.write(body)
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
    card = {
        "name": "a.bin",
        "url": f"{server.url}/a.bin",
        "bytes": len(CONTENT),
        "hash": f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}",
    }
    return SourceFile(**(card | changes))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_tiny(root: Path) -> Path:
    for name, count in (("cat", 2), ("dog", 1)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(root / name / f"{number}.png")
    return root


@pytest.fixture(name="spec_of")
def _spec_of():
    return spec_of


@pytest.fixture(name="published")
def _published():
    return published


@pytest.fixture(name="listing")
def _listing():
    return listing


@pytest.fixture(name="write_tiny")
def _write_tiny():
    return write_tiny


@pytest.fixture
def kaggle_spec() -> DatasetSpec:
    return spec_of(kaggle="owner/tiny/versions/1")
