"""A picture file becomes grey bytes or a mask, or is refused with the reason. What is scaled, and how, is said here."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorbench.contracts.files.regular import check_file, shown
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["MAX_PIXELS", "read_grey", "read_mask"]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
LOSSY = ("JPEG", "MPO", "WEBP")
MAX_PIXELS = 2**25  # 5,792 x 5,792: far more than a slice has; bounds the memory of decoding to about 500 MB
DEEP_COLOUR = re.compile(r"(?!BGR).*;16")  # Pillow's raw modes of 16 bits a channel; BGR;16 is 16 bits a pixel
WHITE_IS_ZERO, PHOTOMETRIC = 0, 262  # TIFF
DARK, MIDDLE, BRIGHT = 32, 127, 223  # of 255: up to DARK is a mask's background, from BRIGHT on its foreground
SOFT_LEVELS = 16  # grey levels from which a mask in a lossless file was evidently smoothed, and holds no labels
SOFT_SHARE = 0.1  # of a mask's pixels may lie between DARK and BRIGHT
LISTED = 8  # values that a message names


@dataclass(frozen=True, slots=True)
class _Picture:
    """Values of any kind, ``(height, width)``. wide: more than 8 bits a pixel, without a common scale."""

    values: NDArray[Any]
    wide: bool
    lossy: bool


def read_grey(path: Path) -> NDArray[np.uint8]:
    """The picture at ``path`` as uint8 ``(height, width)``, 0 dark to 255 bright.

    8 bits a channel or fewer: grey as it is, 1 bit as 0 and 255, colour and palettes by the luma of ITU-R 601, CMYK by its
    inks without a colour profile, transparency composed on black.
    More bits a pixel (integers of 16 or 32 bits, floats) have no common scale: each picture is scaled from its own minimum
    to its own maximum, to 0..255, and rounded; a constant one is 0.

    Raises: BadInput, naming the file, for what is no regular file, is empty, damaged or none of BMP, GIF, JPEG, PGM/PPM,
    PNG, TIFF and WebP, has more than ``MAX_PIXELS`` pixels or several pictures (an animation, pages; of a camera's MPO the
    first counts), has 16 bits a colour channel, or holds values that are not finite.
    """
    picture = _read(path)
    return _minimum_to_maximum(picture.values) if picture.wide else picture.values


def read_mask(path: Path, classes: int) -> NDArray[np.uint8]:
    """The mask at ``path`` as uint8 ``(height, width)``: 0 background, i the i-th of the ``classes`` mask classes of the card.

    One class (or none declared): a file with two values, 0 and any other, marks where it is not 0, and so does one whose
    every pixel is 1 or 255. Smoothed edges, and the noise of JPEG, are cut in the middle: that is where at least half of
    what is brighter than 32 is brighter than 222, at most a tenth lies between, and the format is lossy or there are 16
    values and more. Several classes: every value is one of 0..``classes``.

    Raises: BadInput, with the values found, for every other; and as ``read_grey``.
    """
    import numpy as np

    picture = _read(path)
    values, found = picture.values, np.unique(picture.values)
    if classes > 1:
        if found[0] >= 0 and found[-1] <= classes and np.array_equal(found, np.round(found)):
            return values.astype(np.uint8)
    elif _is_two_valued(picture, found):
        return (values > 0).astype(np.uint8)
    elif _is_soft(picture, found):
        return (values > MIDDLE).astype(np.uint8)
    raise BadInput(_why_no_mask(path, found, classes, lossy=picture.lossy))


def _is_two_valued(picture: _Picture, found: NDArray[Any]) -> bool:
    """Whether the values are 0 and one other; a lossy file's other is a bright one, for it holds no labels."""
    others = found[found != 0]
    if not len(others):
        return True
    lowest = BRIGHT if picture.lossy else 0
    return len(others) == 1 and others[0] > lowest and (len(found) > 1 or others[0] in (1, 255))


def _is_soft(picture: _Picture, found: NDArray[Any]) -> bool:
    """Whether the values are those of a mask of 0 and 255 that was smoothed or compressed."""
    if picture.wide or not (picture.lossy or len(found) >= SOFT_LEVELS):
        return False
    bright, marked = (picture.values >= BRIGHT).sum(), (picture.values > DARK).sum()
    return bool(bright * 2 >= marked > 0 and marked - bright <= SOFT_SHARE * picture.values.size)


def _why_no_mask(path: Path, found: NDArray[Any], classes: int, *, lossy: bool) -> str:
    values = ", ".join(f"{value:g}" for value in found[:LISTED])
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    due = f"0 to {classes}, one for each mask class of the card" if classes > 1 else "0 and one other"
    advice = " in a lossless format such as PNG" if lossy else ""
    return f"{shown(path)} is no mask: its values are {values}{more}, and a mask has {due}; save it so{advice}"


def _read(path: Path) -> _Picture:
    from PIL import Image

    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is refused here or changes no pixel
            with Image.open(path, formats=FORMATS) as opened:
                _check_header(path, opened)
                return _as_picture(path, opened)
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise BadInput(f"{shown(path)} {_too_large()}") from None
    except Exception as error:  # a damaged header makes Pillow raise nearly anything
        reason = shown(" ".join(str(error).split())) or type(error).__name__
        raise BadInput(
            f"{shown(path)} cannot be decoded ({reason}); fetch the data set again or replace the file"
        ) from error


def _check_header(path: Path, opened: Image.Image) -> None:
    if fault := _fault(opened):
        raise BadInput(f"{shown(path)} {fault}")


def _fault(opened: Image.Image) -> str:
    """Why the picture is not decoded, by its header alone; "" where nothing is against it."""
    width, height = opened.size
    if width * height > MAX_PIXELS:
        return _too_large(f" ({width}x{height})")
    pictures = getattr(opened, "n_frames", 1)
    if pictures > 1 and opened.format != "MPO":
        return f"holds {pictures} pictures (an animation, or pages), and a slice is one; save the one that counts"
    wide, depth = _is_wide(opened), _raw_mode(opened)
    if not wide and DEEP_COLOUR.match(depth):
        return f"has 16 bits a colour channel ({depth}), of which half would be lost; save it as grey, of 8 or 16 bits"
    if wide and "transparency" in opened.info:
        return "has more than 8 bits a pixel and a transparent value; save it without transparency"
    if wide and getattr(opened, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        return "stores white as 0 with more than 8 bits a pixel; save it with black as 0"
    return ""


def _too_large(size: str = "") -> str:
    return f"has more than {MAX_PIXELS:,} pixels{size}, more than any slice; save it smaller, or remove it"


def _is_wide(opened: Image.Image) -> bool:
    return opened.mode in ("I", "F") or opened.mode.startswith("I;")


def _raw_mode(opened: Image.Image) -> str:
    """Pillow's name of how the file stores a pixel; "" where it has none."""
    tile = getattr(opened, "tile", None)
    arguments = tile[0][3] if tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _as_picture(path: Path, opened: Image.Image) -> _Picture:
    import numpy as np
    from PIL import Image

    lossy = opened.format in LOSSY
    if _is_wide(opened):
        unsigned = _raw_mode(opened) == "I;32N"  # which Pillow hands over as signed
        values = np.array(opened)
        if values.dtype.kind == "f" and (wrong := int((~np.isfinite(values)).sum())):
            raise BadInput(f"{shown(path)} has {wrong} pixels that are not finite (NaN or infinite); replace them")
        return _Picture(values.view(np.uint32) if unsigned else values, wide=True, lossy=lossy)
    picture: Image.Image = opened
    if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
        rgba = opened.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return _Picture(np.array(picture.convert("L")), wide=False, lossy=lossy)


def _minimum_to_maximum(values: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8, the lowest value at 0 and the highest at 255, rounded; all 0 where every value is the same."""
    import numpy as np

    scaled = values.astype(np.float64)
    scaled -= scaled.min()
    if (span := float(scaled.max())) > 0:
        scaled /= span
    return np.rint(scaled * 255).astype(np.uint8)
