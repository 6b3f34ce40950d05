"""Fields of cards are explained by the comment on their line; on the site it is the field's description."""

# ruff: noqa: INP001 - no package: mkdocs, griffe and tests load it by its path
from __future__ import annotations

import tokenize
from io import StringIO
from typing import Any

from griffe import Attribute, Docstring, Extension


class Comments(Extension):
    """A griffe extension: an attribute without a docstring has the comment that stands in its lines."""

    def on_attribute_instance(self, *, attr: Attribute, **_: Any) -> None:
        """Called by griffe for each attribute that it finds."""
        if attr.docstring is None and (said := comment(attr.source)):
            attr.docstring = Docstring(said, lineno=attr.lineno, parent=attr)


def comment(source: str) -> str:
    """The comments in the lines of code, as one text, without those for a linter."""
    try:
        tokens = list(tokenize.generate_tokens(StringIO(source).readline))
    except (tokenize.TokenError, IndentationError):
        return ""
    said = (token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT)
    return " ".join(each for each in said if not each.startswith(("noqa", "type:", "fmt:", "pragma")))
