"""The content of a JSON file, whatever somebody made of the file: sound and bounded, or one line that says why not."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

from tumorbench.contracts.files.regular import is_unicode

__all__ = ["json_content"]

LARGEST_FILE = 64 * 2**20  # bytes
DEEPEST = 50  # lists and objects in one another
TOO_DEEP = f"it is nested more than {DEEPEST} deep"
LARGEST = 1e100  # of a number: sums and squares of such numbers stay finite


def json_content(path: Path) -> Any:
    """What the JSON file says. Raises: ValueError, saying why, where it is no regular file or no sound JSON.

    Sound JSON is UTF-8 text of at most 64 MiB, nested at most 50 deep, without NaN, infinities, numbers beyond 1e100,
    and text that no file can hold.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would hang
            raise ValueError("it is no file" if not stat.S_ISDIR(status.st_mode) else "it is a folder")
        if status.st_size > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE >> 20} MiB")
        content = json.loads(path.read_text(encoding="utf-8"))
        _check(content)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except OSError as error:
        raise ValueError(error.strerror or type(error).__name__) from None
    return content


def _check(content: Any, depth: int = 0) -> None:
    """The content can be validated, computed with, printed and written. Raises: ValueError."""
    match content:
        case dict() | list() if depth >= DEEPEST:
            raise ValueError(TOO_DEEP)
        case dict():
            for name, value in content.items():
                _check(name)
                _check(value, depth + 1)
        case list():
            for value in content:
                _check(value, depth + 1)
        case str() if not is_unicode(content):
            raise ValueError("it holds half of a character")
        case bool():
            pass
        case int() | float() if not (math.isfinite(content) and abs(content) <= LARGEST):
            raise ValueError("it holds NaN, an infinity, or a number beyond 1e100")
