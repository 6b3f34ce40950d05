"""The site beside ``docs/``: the README as its first page, boards, plugins' pages, every option of the command line.

Pages are written for the repository, where their links work as they are. On the site a link to another page of the site
leads there, and one to a file that the site has not is its text alone.
"""

# ruff: noqa: INP001 - no package: mkdocs, griffe and tests load it by its path
from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
HOME, OPTIONS = "index.md", "options.md"
BESIDE = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "plugins/*/README.md",
    "plugins/*/*.jpg",
    "leaderboards/*.*",
    "leaderboards/reproductions/*",
)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def site_uri(path: str) -> str:
    """Where a file of the repository lies on the site."""
    return HOME if path == "README.md" else path.removeprefix("docs/")


def repository_path(uri: str) -> str:
    """Where a page of the site lies in the repository."""
    if uri == HOME:
        return "README.md"
    return f"docs/{uri}" if (ROOT / "docs" / uri).is_file() else uri


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Pages that do not lie in ``docs/``, the pictures they show, and the page of options, are of the site too."""
    shown = {path for pattern in BESIDE for path in ROOT.glob(pattern) if path.is_file()}
    for page in [each for each in shown if each.suffix == ".md"]:
        targets = (page.parent / link[3] for link in LINK.finditer(page.read_text(encoding="utf-8")) if link[1])
        shown |= {path for target in targets if (path := Path(os.path.normpath(target))).is_file()}
    known = {each.src_uri for each in files}
    for path in sorted(shown):
        uri = site_uri(path.relative_to(ROOT).as_posix())
        if uri not in known:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    files.append(File.generated(config, OPTIONS, content=options()))
    return files


def options() -> str:
    """Every command with every option, as ``--help`` says them."""
    import typer
    import typer.cli

    from tumorbench.cli import app

    command: Any = typer.main.get_command(app)
    listed = typer.cli.get_docs_for_click(obj=command, ctx=typer.Context(command), name="tumorbench")
    return re.sub(r"\A# `tumorbench`", "# Every option", listed)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - as mkdocs calls it
    """The page with links that lead to where their targets lie on the site."""
    here = page.file.src_uri
    folder = (ROOT / repository_path(here)).parent

    def moved(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        path, _, heading = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return link[0]
        uri = site_uri(Path(os.path.relpath(folder / path, ROOT)).as_posix())
        uri = f"{uri}/README.md" if (folder / path).is_dir() else uri
        if files.get_file_from_path(uri) is None:
            return text
        return f"{picture}[{text}]({os.path.relpath(uri, PurePosixPath(here).parent)}{'#' * bool(heading)}{heading})"

    return "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in CODE.split(markdown))
