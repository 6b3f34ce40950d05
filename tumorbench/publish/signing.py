"""Who claims a record: its signature by an SSH key, in a file beside it. Optional; ``ssh-keygen`` signs and checks."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tumorbench.errors import BadInput

__all__ = ["ALLOWED", "Claim", "claim_of", "drop_stale", "sign", "signature_of"]

ALLOWED = "allowed_signers"  # beside the boards: who may sign, one "NAME KEYTYPE KEY" a line, as for git
NAMESPACE = "tumorbench"
KEYGEN = "ssh-keygen"
WAIT_S = 60  # for a passphrase or an agent


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature says.

    signer: the name in the allowed signers; "" where nothing here can check the signature. fault: why it does not
    count, "" where it does.
    """

    signer: str = ""
    fault: str = ""


def signature_of(path: Path) -> Path:
    """Where the signature of the record at ``path`` lies."""
    return path.with_name(f"{path.name}.sig")


def available() -> bool:
    """Whether signatures can be made and checked here."""
    return shutil.which(KEYGEN) is not None


def sign(path: Path, key: Path) -> None:
    """A signature of the file lies beside it. It names predictions and split by their hashes, so they are signed too.

    key: a private key, or a public one whose private key an agent holds. Raises: BadInput.
    """
    if not available():
        raise BadInput(f"{KEYGEN} is not available, which signs; install OpenSSH, or publish without --sign")
    if not key.is_file():
        raise BadInput(f"the key {key} is no file; name an SSH key with --sign, such as ~/.ssh/id_ed25519")
    signature_of(path).unlink(missing_ok=True)
    done = _run("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(path))
    if done.returncode or not signature_of(path).is_file():
        raise BadInput(f"{path} cannot be signed with {key} ({_reason(done)}); name another key with --sign")


def drop_stale(path: Path, before: bytes | None) -> None:
    """A signature of what the file was ``before`` is gone, unless that is what it is now."""
    if before != path.read_bytes():
        signature_of(path).unlink(missing_ok=True)


def claim_of(path: Path, allowed: Path) -> Claim | None:
    """Who signed the record at ``path``, by the file of allowed signers; None where it has no signature."""
    signature = signature_of(path)
    if not signature.is_file():
        return None
    if not available():
        return Claim()
    if not allowed.is_file():
        return Claim(fault=f"it is signed, and there is no {allowed} that says whose key that is")
    found = _run("-Y", "find-principals", "-s", str(signature), "-f", str(allowed))
    signer = found.stdout.decode("utf-8", "replace").strip().partition("\n")[0]
    if found.returncode or not signer:
        return Claim(fault=f"it is signed with a key that {allowed} does not list")
    content = path.read_bytes()
    done = _run(
        "-Y", "verify", "-f", str(allowed), "-I", signer, "-n", NAMESPACE, "-s", str(signature), content=content
    )
    if done.returncode:
        return Claim(signer, f"its signature by {signer} is not of what it says now")
    return Claim(signer)


def _run(*arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - no shell; the paths are arguments
            [KEYGEN, *arguments], input=content, capture_output=True, check=False, timeout=WAIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"{KEYGEN} failed ({error}); sign without a passphrase prompt, such as by ssh-agent") from error


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(done.stderr.decode("utf-8", "replace").split())[:200] or f"exit code {done.returncode}"
