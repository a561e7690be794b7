"""Draw a confusion matrix as a PNG: dark text on white, rows are true labels."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

CELL = 46  # pixels, as the sizes below
MARGIN = 24
GAP = 10
TEXT_SIZE, TITLE_SIZE = 18, 20
MAX_LABEL = 30  # characters
INK, FAINT, PAPER, LINE = "#1b211f", "#8a918d", "#ffffff", "#e6e4de"
RIGHT = (0x1F, 0x8F, 0x77)  # clips on the diagonal
WRONG = (0xC2, 0x4A, 0x2E)  # clips off the diagonal


def confusion_png(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> bytes:
    """Return a PNG of a matrix of counts: rows are true labels, columns predicted labels.

    Each cell shows its count; a larger share of its row is darker. names: of the labels; letters
    that Pillow's own font lacks are drawn as boxes.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(TEXT_SIZE)
    shown = [name if len(name) <= MAX_LABEL else f"{name[: MAX_LABEL - 1]}…" for name in names]
    longest = max(int(font.getlength(name)) for name in shown)
    side = CELL * len(shown)
    left, top = MARGIN + TEXT_SIZE + GAP + longest + GAP, MARGIN + TITLE_SIZE + GAP + longest + GAP
    picture = Image.new("RGB", (left + side + MARGIN, top + side + MARGIN), PAPER)
    draw = ImageDraw.Draw(picture)
    _cells(draw, confusion, left, top, font)
    for index, name in enumerate(shown):
        middle = CELL * index + CELL // 2
        draw.text((left - GAP, top + middle), name, INK, font, anchor="rm")
        _upright(picture, name, font, left + middle, top - GAP)
    title = ImageFont.load_default(TITLE_SIZE)
    draw.text((left + side / 2, MARGIN), "Predicted label", INK, title, anchor="ma")
    _upright(picture, "True label", title, MARGIN + TITLE_SIZE // 2, top + side // 2, "middle")
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _cells(
    draw: "ImageDraw",
    confusion: Sequence[Sequence[int]],
    left: int,
    top: int,
    font: "Font",
) -> None:
    for row, counts in enumerate(confusion):
        for column, count in enumerate(counts):
            x, y = left + CELL * column, top + CELL * row
            share = count / max(1, sum(counts))
            ground = _mixed(RIGHT if row == column else WRONG, 0.12 + 0.6 * share if count else 0)
            draw.rectangle((x, y, x + CELL, y + CELL), ground, LINE)
            text, ink = (str(count), INK) if count else ("·", FAINT)
            draw.text((x + CELL / 2, y + CELL / 2), text, ink, font, anchor="mm")


def _mixed(color: tuple[int, int, int], share: float) -> tuple[int, ...]:
    """Return a mix of a color and white; dark text stays readable on the darkest mix in use."""
    return tuple(round(255 + (part - 255) * share) for part in color)


def _upright(
    picture: "Image",
    text: str,
    font: "Font",
    x: int,
    y: int,
    anchor: Literal["end", "middle"] = "end",
) -> None:
    """Write text upwards, centered on x; y is where it begins, or its middle."""
    from PIL import Image, ImageDraw

    width, height = int(font.getlength(text)) + 2, int(TITLE_SIZE * 1.4)
    strip = Image.new("RGB", (width, height), PAPER)
    ImageDraw.Draw(strip).text((0, height / 2), text, INK, font, anchor="lm")
    turned = strip.rotate(90, expand=True)
    upper = y - width if anchor == "end" else y - width // 2
    picture.paste(turned, (x - height // 2, upper))
