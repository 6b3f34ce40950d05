"""Docstrings and comments as the site shows them: a griffe extension.

A field of a card is explained by the comment on its line, which is its description on the site. Examples in docstrings
become blocks of code.
"""

# ruff: noqa: INP001 - no package: griffe and tests load it by its path
from __future__ import annotations

import re
import tokenize
from io import StringIO
from typing import Any

from griffe import Attribute, Docstring, Extension, Object

BRACKET = re.compile(r"(`+[^`]*`+)|\[")
DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)


class Docstrings(Extension):
    """An attribute without a docstring has the comment of its lines; examples are fenced."""

    def on_attribute_instance(self, *, attr: Attribute, **_: Any) -> None:
        """Called by griffe for each attribute that it finds."""
        if attr.docstring is None and (said := comment(attr.source)):
            attr.docstring = Docstring(said, lineno=attr.lineno, parent=attr)

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Called by griffe for everything that it finds."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def comment(source: str) -> str:
    """The comments in the lines of code, as one text, without those for a linter."""
    try:
        tokens = list(tokenize.generate_tokens(StringIO(source).readline))
    except (tokenize.TokenError, IndentationError):
        return ""
    said = (token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT)
    kept = " ".join(each for each in said if not each.startswith(("noqa", "type:", "fmt:", "pragma")))
    return BRACKET.sub(lambda found: found[1] or "\\[", kept)  # a bracket outside of code is no link


def as_markdown(text: str) -> str:
    """The docstring with its examples in fences, a blank line before a list, and no ``::`` before a block."""
    fenced = DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
    listed = re.sub(r"(?m)^(?!- )(\S.*)\n(?=- )", r"\1\n\n", fenced)
    return re.sub(r"::$", ":", listed, flags=re.MULTILINE)
