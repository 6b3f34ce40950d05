"""Slices in rows and columns: where each lies, and that a page of many costs one axes."""

from itertools import pairwise

import numpy as np
import pytest

from tumorbench.figures.page import Page


@pytest.mark.parametrize(("shape", "size"), [((24, 24), (2, 2)), ((12, 24), (2, 1)), ((40, 10), (0.5, 2))])
def test_a_slice_of_any_shape_lies_undistorted_in_the_middle_of_its_tile(shape, size):
    tile = Page(2, 3, 2.0, "slices").tiles[1][2]
    left, right, bottom, top = tile.extent(shape)
    assert (right - left, bottom - top) == pytest.approx(size)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((tile.left + 1, tile.top + 1))


def test_no_tile_touches_another_or_the_edge_whatever_stands_around_it():
    page = Page(
        3, 4, 1.5, "a title that is as long as a line of this page is wide, and longer", above=2, below=1, left=0.3
    )
    for row, below in zip(page.tiles, [*page.tiles[1:], None], strict=True):
        assert all(tile.left + tile.side < other.left for tile, other in pairwise(row))
        assert row[0].left > 0.3
        assert row[-1].left + row[-1].side < page.width
        assert row[0].top + row[0].side < (below[0].top if below else page.height)


def test_a_page_of_many_slices_is_one_axes(slices):
    page = Page(5, 6, 1.0, "many", above=1)
    for tile, image in zip(page.in_order, slices, strict=True):
        tile.show(image, "heading")
        tile.outline(np.eye(24) > 0, "white")
    assert len(page.figure.axes) == 1
    assert page.figure.axes[0].get_xlim() == (0, page.width)  # no picture moved the page
    assert page.figure.axes[0].get_ylim() == (page.height, 0)
