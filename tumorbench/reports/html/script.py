"""The script of the plotting library and of the page, in the file itself, and what a browser is told to allow.

Rule for addresses: everywhere in the file, ``http://`` and ``https://`` are taken out where they do not begin the name
of an XML namespace (``http://www.w3.org/...``), which a browser never fetches. The library has three: its editor's, a
schema's and an issue's, none of which is needed. The page's Content-Security-Policy forbids every request besides.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

__all__ = ["library", "page_script", "policy", "style", "without_addresses"]

ADDRESS = re.compile(r"https?://(?!www\.w3\.org/)", re.IGNORECASE)


def without_addresses(text: str) -> str:
    """``text`` without the schemes of its network addresses.

    >>> without_addresses('see https://example.org, xmlns="http://www.w3.org/2000/svg"')
    'see example.org, xmlns="http://www.w3.org/2000/svg"'
    """
    return ADDRESS.sub("", text)


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that leaves ``vegaEmbed`` behind."""
    import altair as alt
    import vl_convert

    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    bundle = vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;", vl_version=version)
    return without_addresses(f"(() => {{ {bundle} }})();")


def page_script() -> str:
    """What the page itself does: draw, filter, sort, change between light and dark."""
    return _file("report.js")


def style() -> str:
    """How the page looks."""
    return _file("report.css")


def policy(*scripts: str) -> str:
    """The Content-Security-Policy under which these scripts run, pictures in the file are shown, and nothing else."""
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _file(name: str) -> str:
    return (files("tumorbench.reports.html") / "templates" / name).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
