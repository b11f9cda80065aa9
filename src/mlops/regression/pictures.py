"""The visible difference between two pictures."""

# Both pictures are scaled to the same size, blurred, and compared by pixel and color. The result is the largest
# difference at any pixel, relative to the darkness of this pixel: 0 for equal pictures, 1 for black instead of white.
#
# The following differences were measured between the committed plots of the notebooks and changed plots:
#
# =========================================================================  =============
# change                                                                     difference
# =========================================================================  =============
# the same plot, rendered again                                              0.01 to 0.04
# other dpi (60 to 120), hinting, snapping, font; 1 or 2 px cut; JPEG        0.03 to 0.08
# lines without antialiasing                                                 0.04 to 0.10
# a thin grey reference line is missing (not detected)                       0.07 to 0.08
# a series of markers is missing                                             0.18 to 0.31
# the limits for a different rate of false alarms                            0.23
# a model with alpha 0.5 instead of 0.4                                      0.21 and 0.79
# a label of an axis, or the legend, is missing or different                 0.24 to 0.46
# swapped axes, another split, another plot, blank, mirrored, half missing   0.47 to 0.97
# =========================================================================  =============

import io
from typing import Any

WIDTH = 320  # pixels; both pictures are scaled to this width
BLUR = 4  # pixels; hides differences in the rendering of letters and edges between machines
FLOOR = 0.6  # a lower value gives more weight to faint lines on white


def measure_difference(committed: bytes, found: bytes) -> float:
    """Return the visible difference between two pictures.

    Parameters
    ----------
    committed, found : bytes
        The content of two PNG or JPEG files.

    Returns
    -------
    float
        The difference, in [0, 1].

    Raises
    ------
    OSError
        If one of the files is not a picture.
    """
    if committed == found:
        return 0.0
    import numpy as np
    from PIL import Image

    first, second = (Image.open(io.BytesIO(content)).convert("RGBA") for content in (committed, found))
    size = (WIDTH, max(1, round(first.height * WIDTH / first.width)))
    dark, other = (_measure_blurred_darkness(picture, size) for picture in (first, second))
    return float(np.max(np.abs(dark - other) / (dark + other + FLOOR)) * (1 + FLOOR))


def reduce_picture(content: bytes) -> bytes:
    """Return a plot as a PNG file with 32 colors."""
    from PIL import Image

    picture = Image.open(io.BytesIO(content)).convert("RGB")
    written = io.BytesIO()
    picture.quantize(32, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def _measure_blurred_darkness(picture: Any, size: tuple[int, int]) -> Any:
    import numpy as np
    from PIL import Image, ImageFilter

    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    drawn = page.convert("RGB").resize(size, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(BLUR))
    return 1 - np.asarray(drawn, dtype=float) / 255
