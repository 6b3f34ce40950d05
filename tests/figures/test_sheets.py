"""Sheets of a data set."""

from shown_pictures import CLASSES

from tumorbench import figures


def test_a_contact_sheet_says_each_slices_size(slices, titles, tmp_path):
    shown = [slices[0], slices[1, :9], slices[2, :, :5]]
    figures.contact_sheet(shown, [0, 2, 2], CLASSES, tmp_path / "sheet.png")
    assert [text for text in titles if " x " in text and "(" not in text] == ["24 x 24", "9 x 24", "24 x 5"]
    assert {"glioma", "meningioma: no image", "pituitary"} <= set(titles)
