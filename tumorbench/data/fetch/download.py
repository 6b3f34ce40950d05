"""One published file, over HTTP: resumable, its size and hash checked, atomically named."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from tumorbench.contracts.cards import SourceFile
from tumorbench.errors import BadInput

__all__ = ["fetch_file", "one_line"]

INTERRUPTIONS = 10  # after so many dropped connections a download gives up; the next call continues it
TIMEOUT_S = (10, 60)  # to connect; between bytes
CHUNK_BYTES = 1 << 15  # what a dropped connection loses at most
PARTIAL, RANGE_NOT_SATISFIABLE, ERRORS = 206, 416, 400  # HTTP


def fetch_file(file: SourceFile, folder: Path, *, progress: bool) -> None:
    """``folder/NAME`` is the published file. Raises: BadInput, one line; an unfinished download stays in ``NAME.part``."""
    import pooch

    target = folder / file.name
    if target.exists() and file.hash is None and file.bytes not in (None, target.stat().st_size):
        target.unlink()  # without a hash pooch would take it as it is
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(
            file.url,
            file.hash,
            file.name,
            folder,
            downloader=_ResumingDownload(file, target.with_name(f"{file.name}.part"), progress),
        )
    except ValueError as error:  # pooch has deleted the download
        raise BadInput(
            f"{file.name} from {file.url} does not have the published hash {file.hash} and was deleted; fetch again, and report it if it stays so"
        ) from error
    except OSError as error:
        raise BadInput(
            f"{target} cannot be written ({error}); make room or choose another --data-root, then fetch again"
        ) from error


class _ResumingDownload:
    """A pooch downloader that continues ``part`` where an earlier connection or an earlier call left it."""

    def __init__(self, file: SourceFile, part: Path, progress: bool) -> None:
        self.file, self.part, self.progress = file, part, progress

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        """``output_file`` is the whole file. Raises: BadInput; what has arrived stays in ``part``."""
        import requests

        with _session() as session:
            for _ in range(INTERRUPTIONS):
                before = self._arrived()
                try:
                    self._continue(session, url)
                    break
                except requests.RequestException as error:
                    if self._arrived() <= before:
                        reason = f"interrupted after {before} bytes, which are kept" if before else "no connection"
                        raise BadInput(
                            f"{self.file.name} from {url}: {reason} ({one_line(error)}); run the same command again"
                        ) from error
        if self.file.bytes not in (None, self._arrived()):
            raise BadInput(
                f"{self.file.name} from {url}: {self._arrived()} of {self.file.bytes} bytes arrived; what has arrived is kept, run the same command again"
            )
        self.part.replace(output_file)

    def _arrived(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _continue(self, session: Any, url: str) -> None:
        start = self._arrived()
        if start and self.file.bytes is not None and start >= self.file.bytes:
            if start == self.file.bytes:
                return
            self.part.unlink()
            start = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE and start:
                if response.headers.get("Content-Range") == f"bytes */{start}":
                    return  # it was whole
                self.part.unlink()
                raise BadInput(
                    f"{self.file.name} from {url}: the part on disk is not of this file and was deleted; run the same command again"
                )
            if response.status_code >= ERRORS:
                raise BadInput(
                    f"{self.file.name} from {url}: HTTP {response.status_code} {response.reason}; try again later, or see the data set's homepage"
                )
            resumed = response.status_code == PARTIAL
            self._store(response, start if resumed else 0, "ab" if resumed else "wb")

    def _store(self, response: Any, start: int, mode: str) -> None:
        from tqdm import tqdm

        total = self.file.bytes or (
            start + int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
        )
        with (
            self.part.open(mode) as part,
            tqdm(
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                desc=self.file.name,
                disable=None if self.progress else True,
            ) as bar,
        ):
            for chunk in response.iter_content(CHUNK_BYTES):
                part.write(chunk)
                bar.update(len(chunk))


def _session() -> Any:
    """An HTTP session that waits and asks again where a server is busy."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    retry = Retry(
        total=10,
        connect=1,
        read=0,
        status=3,
        other=0,
        status_forcelist=(429, 502, 503, 504),
        backoff_factor=1,
        raise_on_status=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def one_line(error: Exception) -> str:
    """The error's text without line breaks; of a failed connection, its cause only."""
    cause = getattr(error.args[0], "reason", None) if error.args else None  # urllib3's MaxRetryError
    text = " ".join(str(cause or error).split())
    return re.sub(r"^HTTPS?Connection(Pool)?\([^)]*\): ", "", text)[:300] or type(error).__name__
