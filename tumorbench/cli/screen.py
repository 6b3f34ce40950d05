"""What a terminal shows while a command works: a board that changes, and bars below it.

Imports rich: import it when it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Screen"]


class Screen(Progress):
    """Bars on stderr, and a board above them while there is one; all of it vanishes at the end."""

    def __init__(self) -> None:
        self.board: RenderableType | None = None
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        super().__init__(*columns, console=Console(stderr=True), transient=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The board, then the bars."""
        if self.board is not None:
            yield self.board
        yield from super().get_renderables()
