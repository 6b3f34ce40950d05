"""Downloads from a local HTTP server."""

from __future__ import annotations

import hashlib
import threading

import pytest

from tumorbench import BadInput, SourceFile
from tumorbench.data.fetch import fetch
from tumorbench.data.fetch.download import CHUNK_BYTES


def test_a_file_arrives_whole_and_alone(server, tmp_path, spec_of, published, listing):
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert (folder, listing(folder)) == (tmp_path / "tiny", ["a.bin"])
    assert (folder / "a.bin").read_bytes() == server.content


def test_a_sha256_and_a_file_without_a_hash_are_accepted(server, tmp_path, spec_of, published, listing):
    server.files["/b.bin"] = b"no hash is published"
    second = SourceFile(name="b.bin", url=f"{server.url}/b.bin")
    folder = fetch(
        spec_of(published(server, hash=f"sha256:{hashlib.sha256(server.content).hexdigest()}"), second),
        tmp_path,
        progress=False,
    )
    assert listing(folder) == ["a.bin", "b.bin"]


def test_a_valid_file_is_not_downloaded_again(server, tmp_path, spec_of, published):
    spec = spec_of(published(server))
    fetch(spec, tmp_path, progress=False)
    fetch(spec, tmp_path, progress=False)
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server, tmp_path, spec_of, published):
    spec = spec_of(published(server))
    folder = fetch(spec, tmp_path, progress=False)
    (folder / "a.bin").write_bytes(server.content[:-1] + b"?")
    fetch(spec, tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == server.content


def test_a_file_of_the_wrong_size_is_replaced_even_without_a_hash(server, tmp_path, spec_of, published):
    spec = spec_of(published(server, hash=None))
    folder = fetch(spec, tmp_path, progress=False)
    (folder / "a.bin").write_bytes(server.content[:5])
    fetch(spec, tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == server.content


def test_a_dropped_connection_is_continued_within_the_call(server, tmp_path, spec_of, published):
    server.drops = [10 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5]
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == server.content
    assert server.requests == [
        ("GET", None),
        ("GET", f"bytes={10 * CHUNK_BYTES}-"),
        ("GET", f"bytes={13 * CHUNK_BYTES}-"),
    ]


def test_an_interrupted_download_is_continued_by_the_next_call_and_only_the_rest_is_sent(
    server, tmp_path, spec_of, published, listing
):
    spec, server.drops = spec_of(published(server)), [10 * CHUNK_BYTES, 0]
    with pytest.raises(BadInput, match=f"interrupted after {10 * CHUNK_BYTES} bytes"):
        fetch(spec, tmp_path, progress=False)
    assert listing(tmp_path / "tiny") == ["a.bin.part"]
    server.sent_bytes.clear()
    folder = fetch(spec, tmp_path, progress=False)
    assert (server.requests[-1], server.sent_bytes) == (
        ("GET", f"bytes={10 * CHUNK_BYTES}-"),
        [len(server.content) - 10 * CHUNK_BYTES],
    )
    assert ((folder / "a.bin").read_bytes(), listing(folder)) == (server.content, ["a.bin"])


def test_a_part_is_started_anew_where_the_server_cannot_continue(server, tmp_path, spec_of, published):
    server.ignores_range = True
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.bin.part").write_bytes(b"x" * 1000)
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert (folder / "a.bin").read_bytes() == server.content


def test_a_part_that_is_already_whole_is_taken_without_a_request(server, tmp_path, spec_of, published):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.bin.part").write_bytes(server.content)
    fetch(spec_of(published(server)), tmp_path, progress=False)
    assert server.requests == []


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path, spec_of, published):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.bin.part").write_bytes(server.content + b"more")
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert ((folder / "a.bin").read_bytes(), server.requests) == (server.content, [("GET", None)])


def test_another_content_is_deleted_and_named(server, tmp_path, spec_of, published, listing):
    with pytest.raises(BadInput, match=r"a\.bin from http://127\.0\.0\.1.* does not have the published hash md5:"):
        fetch(spec_of(published(server, b"?" * len(server.content))), tmp_path, progress=False)
    assert listing(tmp_path / "tiny") == []


def test_a_shorter_content_never_bears_the_final_name(server, tmp_path, spec_of, published, listing):
    with pytest.raises(BadInput, match="700000 of 700001 bytes arrived"):
        fetch(spec_of(published(server, server.content[:-1])), tmp_path, progress=False)
    assert listing(tmp_path / "tiny") == ["a.bin.part"]


def test_a_missing_file_is_one_line_with_its_status(server, tmp_path, spec_of, published, listing):
    file = published(server, url=f"{server.url}/gone.bin")
    with pytest.raises(BadInput, match=r"a\.bin from .*/gone\.bin: HTTP 404 Not Found") as caught:
        fetch(spec_of(file), tmp_path, progress=False)
    assert "\n" not in str(caught.value)
    assert listing(tmp_path / "tiny") == []


def test_a_busy_server_is_asked_again(server, tmp_path, spec_of, published):
    server.statuses = [503]
    folder = fetch(spec_of(published(server)), tmp_path, progress=False)
    assert ((folder / "a.bin").read_bytes(), len(server.requests)) == (server.content, 2)


def test_no_connection_is_one_line(server, tmp_path, spec_of, published):
    file = published(server, url="http://127.0.0.1:9/a.bin")  # the discard port: nobody listens
    with pytest.raises(BadInput, match="no connection") as caught:
        fetch(spec_of(file), tmp_path, progress=False)
    assert "\n" not in str(caught.value)


def test_a_complete_copy_in_another_layout_is_left_as_it_is(server, tmp_path, spec_of, published, write_tiny):
    write_tiny(tmp_path / "tiny")
    assert fetch(spec_of(published(server)), tmp_path, progress=False) == tmp_path / "tiny"
    assert server.requests == []


def test_a_computed_set_is_not_fetched(tmp_path, spec_of):
    with pytest.raises(BadInput, match="tiny is not downloaded: it is computed by its plugin; use it as it is"):
        fetch(spec_of().model_copy(update={"synthetic": True}), tmp_path, progress=False)


def test_a_set_that_must_be_asked_for_says_where_and_where_to_put_it(tmp_path, spec_of, write_tiny):
    with pytest.raises(BadInput) as caught:
        fetch(spec_of(), tmp_path, progress=False)
    assert str(caught.value) == (
        f"tiny cannot be downloaded: ask for it at about:blank and lay it into {tmp_path / 'tiny'} (tiny is not there)"
    )
    write_tiny(tmp_path / "tiny")
    with pytest.raises(BadInput, match="tiny is not downloaded: it is there; use it as it is"):
        fetch(spec_of(), tmp_path, progress=False)


def test_a_set_that_several_fetch_at_once_is_downloaded_once(server, tmp_path, spec_of, published, listing):
    spec, gate = spec_of(published(server)), threading.Barrier(3)

    def run():
        gate.wait()
        fetch(spec, tmp_path, progress=False)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.requests), listing(tmp_path / "tiny")) == (1, ["a.bin"])
