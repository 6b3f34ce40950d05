"""A signature says who claims a record, and is of that record alone."""

import json
import subprocess
from pathlib import Path

import pytest

from tumorbench.errors import BadInput
from tumorbench.publish.signing import ALLOWED, Claim, claim_of, drop_stale, sign, signature_of


@pytest.fixture
def keys(tmp_path) -> dict[str, Path]:
    """Two SSH keys by their owners' names."""
    found = {}
    for name in ("ada", "eve"):
        found[name] = tmp_path / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(found[name])]
        subprocess.run(command, check=True)
    return found


@pytest.fixture
def allowed(keys, tmp_path) -> Path:
    """Only ada may sign."""
    path = tmp_path / ALLOWED
    path.write_text(f"ada@example.org {(keys['ada'].with_suffix('.pub')).read_text()}")
    return path


@pytest.fixture
def record(tmp_path) -> Path:
    path = tmp_path / "record.json"
    path.write_text('{"value": 1}\n')
    return path


def test_a_signed_record_names_its_signer(record, keys, allowed):
    assert claim_of(record, allowed) is None
    sign(record, keys["ada"])
    assert claim_of(record, allowed) == Claim("ada@example.org")


def test_a_record_that_is_changed_after_it_was_signed_is_refused(record, keys, allowed):
    sign(record, keys["ada"])
    record.write_text('{"value": 2}\n')
    assert claim_of(record, allowed) == Claim(
        "ada@example.org", "its signature by ada@example.org is not of what it says now"
    )


def test_a_key_that_is_not_listed_and_a_missing_list_are_refused(record, keys, allowed, tmp_path):
    sign(record, keys["eve"])
    assert claim_of(record, allowed).fault == f"it is signed with a key that {allowed} does not list"
    assert "there is no " in claim_of(record, tmp_path / "nowhere").fault


def test_a_signature_of_another_kind_of_file_does_not_count(record, keys, allowed):
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(keys["ada"]), "-n", "git", str(record)], check=True)
    assert claim_of(record, allowed).fault


@pytest.mark.parametrize("text", ["", "no signature"])
def test_what_is_no_signature_is_refused(record, allowed, text):
    signature_of(record).write_text(text)
    assert claim_of(record, allowed).fault


def test_a_key_that_is_none_is_named(record, tmp_path):
    with pytest.raises(BadInput, match="is no file"):
        sign(record, tmp_path / "no-key")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(BadInput, match="cannot be signed"):
        sign(record, tmp_path / "text")


def test_without_ssh_keygen_signing_is_refused_and_checking_says_nothing(record, keys, allowed, monkeypatch):
    sign(record, keys["ada"])
    monkeypatch.setenv("PATH", "")
    assert claim_of(record, allowed) == Claim()
    with pytest.raises(BadInput, match="ssh-keygen is not available"):
        sign(record, keys["ada"])


def test_the_signature_of_an_earlier_record_is_dropped_and_that_of_the_same_stays(record, keys):
    sign(record, keys["ada"])
    drop_stale(record, record.read_bytes())
    assert signature_of(record).exists()
    drop_stale(record, b"an earlier one")
    assert not signature_of(record).exists()


@pytest.mark.usefixtures("tiny")
def test_signed_records_are_published_and_a_rewritten_one_is_refused(
    published, path_of, change, keys, allowed, tumorbench
):
    allowed.rename(published.parent / ALLOWED)
    assert tumorbench("publish", "--sign", str(keys["ada"])).code == 0
    verified = tumorbench("verify")
    assert verified.code == 0, verified.err
    assert "5 records are signed by ada@example.org\n" in verified.out
    path = path_of(published)
    change(path, command="another one")
    tumorbench("leaderboard", "--published", "leaderboards")
    found = json.loads(tumorbench("verify", "--json").out)
    (faults,) = found["problems"].values()
    assert faults == ["its signature by ada@example.org is not of what it says now"]
