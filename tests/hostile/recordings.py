"""Hostile recordings: whole ones damaged at random by a seed, and bombs made by hand."""

import random
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.hostile import bombs
from tests.hostile.case import Case
from tests.hostile.sounds import whole_files

EXTREMES = (0, 1, 0x7F, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1000_0000)
HEADER_BYTES = 300  # of most formats; half of the damage is done there
TAGS = (
    b"fmt ",
    b"data",
    b"stsz",
    b"stts",
    b"stsc",
    b"stco",
    b"mdhd",
    b"mvhd",
    b"moov",
    b"trak",
    b"esds",
    b"mp4a",
    b"alac",
    b"elst",
    b"COMM",
    b"SSND",
    b"desc",
    b"pakt",
    b"OpusHead",
    b"vorbis",
    b"OggS",
    b"fLaC",
    b"LIST",
    b"strh",
    b"strf",
    b"idx1",
    b"FLV",
    b"\x1a\x45\xdf\xa3",
    b"\x16\x54\xae\x6b",
    b"\x1f\x43\xb6\x75",
    b"\xff\xfb",
    b"\xff\xf8",
    b"Xing",
    b"Info",
)


def prepare(store: Path, light: int = 0) -> None:
    """Write the bombs into an empty folder, each in a folder of its own."""
    for number, (name, make) in enumerate(bombs.all_bombs(bool(light)).items()):
        path = store / str(number) / name.split()[-1]
        path.parent.mkdir()
        _write(path, make)


def cases(
    seed: int, count: int = 5000, light: int = 0, store: Path | None = None
) -> Iterator[Case]:
    """Yield the bombs, from a folder that was prepared or made anew, and so many mutations."""
    for number, (name, make) in enumerate(bombs.all_bombs(bool(light)).items()):
        file = name.split()[-1]
        if store is None:
            yield Case(f"bomb {name}", partial(_write_and_process, file, make))
        else:
            yield Case(f"bomb {name}", partial(_process_stored, store / str(number) / file))
    names = sorted(whole_files())
    for number in range(count):
        name = names[number % len(names)]
        make = partial(mutated, name, seed, number)
        yield Case(f"mutation {seed}-{number} of {name}", partial(_write_and_process, name, make))


def process(path: Path) -> None:
    """Process a recording as the app does: read and hash it, and resample its part with speech."""
    from intent.audio.clip import clip_hash, read_clip, resample
    from intent.audio.speech_part import speech_part

    clip = read_clip(path)
    clip_hash(clip)
    resample(speech_part(clip).cut(clip), 16_000)


def _process_stored(path: Path, folder: Path) -> None:
    process(path)


def _write_and_process(name: str, make: Callable[[Path], bytes | None], folder: Path) -> None:
    _write(folder / name, make)
    process(folder / name)


def _write(path: Path, make: Callable[[Path], bytes | None]) -> None:
    """Write what a maker returns; some write the file themselves."""
    content = make(path)
    if content is not None:
        path.write_bytes(content)


def mutated(name: str, seed: int, number: int, path: Path | None = None) -> bytes:
    """Return a whole recording with one to four damages, the same ones for the same numbers."""
    draw = random.Random(f"{seed}-{number}")
    content = bytearray(whole_files()[name])
    for _ in range(draw.randint(1, 4)):
        if content:
            draw.choice(DAMAGES)(content, draw)
    return bytes(content)


def _place(content: bytearray, draw: random.Random) -> int:
    end = len(content) - 1
    return draw.randint(0, min(HEADER_BYTES, end) if draw.random() < 0.5 else end)


def _truncate(content: bytearray, draw: random.Random) -> None:
    del content[_place(content, draw) :]


def _flip_bits(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 2, 8, 64))):
        content[_place(content, draw)] ^= 1 << draw.randrange(8)


def _splice(content: bytearray, draw: random.Random) -> None:
    other = whole_files()[draw.choice(sorted(whole_files()))]
    start = draw.randrange(len(other))
    at = _place(content, draw)
    piece = other[start : start + draw.choice((4, 64, 4_096))]
    content[at : at + draw.choice((0, len(piece)))] = piece


def _repeat(content: bytearray, draw: random.Random) -> None:
    at, size = _place(content, draw), draw.choice((4, 32, 1_024))
    content[at:at] = content[at : at + size] * draw.choice((1, 8, 100))


def _remove(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    del content[at : at + draw.choice((1, 4, 64, 4_096))]


def _fill(content: bytearray, draw: random.Random) -> None:
    at, size = _place(content, draw), draw.choice((4, 64, 4_096))
    content[at : at + size] = draw.choice((b"\0", b"\xff", b"\x80")) * len(content[at : at + size])


def _set_number(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    _write_number(content, at, draw)


def _set_field(content: bytearray, draw: random.Random) -> None:
    """Set a number behind, or the size before, one of the names that formats call their parts."""
    tags = [tag for tag in TAGS if tag in content]
    if not tags:
        return _set_number(content, draw)
    tag = draw.choice(tags)
    at = content.index(tag)
    _write_number(content, max(0, at + draw.choice((-4, *range(len(tag), len(tag) + 40)))), draw)


def _write_number(content: bytearray, at: int, draw: random.Random) -> None:
    packed = struct.pack(draw.choice(("<", ">")) + "I", draw.choice(EXTREMES))
    packed = packed[: draw.choice((1, 2, 4))]
    content[at : at + len(packed)] = packed


DAMAGES = (
    _truncate,
    _flip_bits,
    _splice,
    _repeat,
    _remove,
    _fill,
    _set_number,
    _set_field,
    _set_field,
)
