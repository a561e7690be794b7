"""Recordings made to cost much: small files that decode to much, or whose headers claim much."""

import os
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tests.hostile.indices import INDICES
from tests.hostile.sounds import by_ffmpeg, silent_flac, voice, whole_files

Maker = Callable[[Path], bytes | None]  # the content, or None where it wrote the file itself
ABSURD = 0x7FFF_FFFF


def all_bombs(light: bool = False) -> dict[str, Maker]:
    """Return a maker for each bomb, by a name whose last word is the file's.

    light: leave out those with minutes of sound, which are slow to make and to process.
    """
    much = {} if light else _much_sound()
    return {**much, **_wav_claims(), **_mp4_claims(), **_other_claims(), **_elsewhere()}


def _much_sound() -> dict[str, Maker]:
    flacs = {
        f"{rate} Hz × {channels} for {seconds} s, "
        f"{'with' if says else 'without'} length a.flac": partial(
            _flac, rate, channels, seconds, says
        )
        for rate, channels, seconds in (
            (384_000, 8, 299),
            (384_000, 8, 18),
            (384_000, 1, 299),
            (384_000, 1, 155),
            (192_000, 2, 150),
            (48_000, 1, 299),
            (48_000, 8, 155),
            (8_000, 1, 100_000),
        )
        for says in (True, False)
    }
    return {
        **flacs,
        "silence in ALAC, 4 min a.m4a": lambda _: by_ffmpeg(
            "ipod", "alac", 48_000, np.zeros(48_000, np.float32), 240
        ),
        "silence in ALAC, 30 min a.m4a": lambda _: by_ffmpeg(
            "ipod", "alac", 48_000, np.zeros(48_000, np.float32), 1_800
        ),
        "Opus, 4 min a.webm": lambda _: by_ffmpeg("webm", "libopus", 48_000, voice(48_000, 6), 40),
        "AAC, 4 min a.m4a": lambda _: by_ffmpeg("ipod", "aac", 96_000, voice(96_000, 6), 40),
        "silence in Opus, 30 min a.webm": lambda _: by_ffmpeg(
            "webm", "libopus", 48_000, np.zeros(48_000, np.float32), 1_800
        ),
        "MP3, 100 min a.mp3": lambda _: whole_files()["voice.mp3"] * 4_000,
        "MP3, 4 min a.mp3": lambda _: whole_files()["voice.mp3"] * 160,
        "AAC without a container, 100 min a.aac": lambda _: whole_files()["voice.aac"] * 4_000,
        "chained Vorbis, 100 min a.ogg": lambda _: whole_files()["vorbis.ogg"] * 4_000,
        "chained Opus, 100 min a.opus": lambda _: whole_files()["opus.opus"] * 4_000,
        "chained Opus, 4 min a.opus": lambda _: whole_files()["opus.opus"] * 160,
        "64 channels of 8 bits for 290 s a.wav": partial(_sparse_wav, 3_000, 64, 290 * 64 * 3_000),
        "speech for 290 s a.wav": partial(_long_voice, 48_000, 290),
    }


def _flac(rate: int, channels: int, seconds: int, says_length: bool, _: Path) -> bytes:
    return silent_flac(rate, channels, seconds, says_length)


def _wav_claims() -> dict[str, Maker]:
    base = {"kind": 1, "channels": 1, "rate": 16_000, "bits": 16, "align": 2, "data": 32_000}
    lies = [
        {"data": 0xFFFF_FFF0},
        {"channels": 64, "align": 128},
        {"channels": 65, "align": 130},
        {"channels": 65_535, "align": 65_535},
        {"channels": 0},
        {"rate": 0},
        {"rate": 0xFFFF_FFFF},
        {"rate": 384_000, "channels": 64, "align": 128},
        {"align": 0},
        {"align": 65_535},
        {"bits": 0},
        {"bits": 1},
        {"bits": 64},
        {"bits": 65_535},
        {"kind": 2},
        {"kind": 0x11},
        {"kind": 0x11, "align": 65_535},
        {"kind": 0x55},
        {"kind": 0xFFFE},
        {"kind": 3, "bits": 64},
    ]
    return {
        f"WAV that says {lie} a.wav": lambda _, lie=lie: _wav(**{**base, **lie}) for lie in lies
    } | {
        "RF64 that claims 2**63 a.wav": lambda _: (
            b"RF64\xff\xff\xff\xffWAVEds64"
            + struct.pack("<IQQQI", 28, 2**63, 2**63, 2**63, 0)
            + _wav(**base)[12:]
        ),
        "a thousand chunks of 4 GB a.wav": lambda _: (
            _wav(**base)[:36] + b"junk\xff\xff\xff\xff" * 1_000
        ),
    }


def _wav(kind: int, channels: int, rate: int, bits: int, align: int, data: int) -> bytes:
    head = struct.pack("<HHIIHH", kind, channels, rate, (rate * align) & 0xFFFF_FFFF, align, bits)
    sound = (voice(16_000, 1.0) * 20_000).astype("<i2").tobytes()
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", data) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _sparse_wav(rate: int, channels: int, data: int, path: Path) -> None:
    path.write_bytes(_wav(1, channels, rate, 8, channels, data)[:44])
    os.truncate(path, 44 + data)


def _long_voice(rate: int, seconds: int, _: Path) -> bytes:
    sound = np.tile((voice(rate, 1.0) * 20_000).astype("<i2"), seconds).tobytes()
    return _wav(1, 1, rate, 16, 2, len(sound))[:44] + sound


def _mp4_claims() -> dict[str, Maker]:
    def with_numbers(box: bytes, *numbers: int) -> Maker:
        return lambda _: _set(whole_files()["aac.m4a"], box, numbers)

    tables = {
        "stsz of one size, 2**31 times": (b"stsz", 0, 1, ABSURD),
        "stsz of one size, 10**8 times": (b"stsz", 0, 1, 10**8),
        "stsz of no size, 2**31 times": (b"stsz", 0, 0, ABSURD),
        "stts of 2**31 entries": (b"stts", 0, ABSURD),
        "stts of 2**31 samples": (b"stts", 0, 1, ABSURD, 1),
        "stsc of 2**31 samples a chunk": (b"stsc", 0, 1, 1, ABSURD, 1),
        "stco of 2**31 chunks": (b"stco", 0, ABSURD),
        "elst of 2**31 entries": (b"elst", 0, ABSURD),
        "mdhd of no time scale": (b"mdhd", 0, 0, 0, 0, ABSURD),
        "mvhd of no time scale": (b"mvhd", 0, 0, 0, 0, ABSURD),
        "moov without an end": (b"moov",),
    }
    bombs = {f"mp4: {name} a.m4a": with_numbers(*box) for name, box in tables.items()}
    return bombs | {
        "mp4: samples of one byte each a.m4a": lambda _: _set(
            _set(whole_files()["aac.m4a"], b"stsz", (0, 1, 10**8)), b"stsc", (0, 1, 1, 10**8, 1)
        ),
        **{f"mp4: {name} a.m4a": partial(_made, make) for name, make in INDICES.items()},
        "mp4: ALAC frames of 2**31 samples a.m4a": lambda _: _alac_frames(ABSURD),
        "mp4: ALAC frames of 2**24 samples a.m4a": lambda _: _alac_frames(2**24),
        "mp4: boxes within boxes a.m4a": lambda _: _nested_boxes(100_000),
        "mp4: 3,000 tracks a.m4a": lambda _: _tracks(3_000),
    }


def _made(make: Callable[[], bytes], _: Path) -> bytes:
    return make()


def _set(content: bytes, box: bytes, numbers: tuple[int, ...]) -> bytes:
    """Set the 32-bit numbers at the head of a box's content."""
    made = bytearray(content)
    at = made.index(box) + 4
    made[at : at + 4 * len(numbers)] = struct.pack(f">{len(numbers)}I", *numbers)
    return bytes(made)


def _alac_frames(samples: int) -> bytes:
    made = bytearray(whole_files()["alac.m4a"])
    at = made.rindex(b"alac", 0, made.rindex(b"stts")) + 8  # behind the box's version and flags
    made[at : at + 4] = struct.pack(">I", samples)
    return bytes(made)


def _nested_boxes(depth: int) -> bytes:
    head = whole_files()["aac.m4a"][:32]
    sizes = range(8 * depth, 0, -8)
    return head + b"".join(struct.pack(">I", size) + b"moov" for size in sizes)


def _tracks(count: int) -> bytes:
    made = whole_files()["aac.m4a"]
    moov, trak = made.index(b"moov") - 4, made.index(b"trak") - 4
    (size,) = struct.unpack_from(">I", made, trak)
    grown = struct.unpack_from(">I", made, moov)[0] + size * (count - 1)
    track = made[trak : trak + size]
    return (
        made[:moov]
        + struct.pack(">I", grown)
        + made[moov + 4 : trak]
        + track * count
        + made[trak + size :]
    )


def _other_claims() -> dict[str, Maker]:
    webm, mp3 = whole_files()["opus.webm"], whole_files()["voice.mp3"]
    ids = {
        "segment": b"\x18\x53\x80\x67",
        "tracks": b"\x16\x54\xae\x6b",
        "private": b"\x63\xa2",
        "cluster": b"\x1f\x43\xb6\x75",
        "block": b"\xa3",
        "doctype": b"\x42\x82",
    }
    huge = {
        f"Matroska: a {name} of {size:.0e} bytes a.webm": partial(_ebml, webm, tag, size)
        for name, tag in ids.items()
        for size in (2**28 - 2, 2**31, 2**40, 2**56 - 2)
    }
    picture = _png(30_000, 30_000)
    return huge | {
        "Matroska: masters within masters a.webm": lambda _: (
            webm[:40] + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" * 50_000
        ),
        "ID3 of 256 MB that is not there a.mp3": lambda _: _id3(b"APIC", b"", 2**28 - 1) + mp3,
        "ID3 of 30 MB a.mp3": lambda _: _id3(b"APIC", bytes(30_000_000)) + mp3,
        "ID3 with a cover of 900 megapixels a.mp3": lambda _: (
            _id3(b"APIC", b"\0image/png\0\x03\0" + picture) + mp3
        ),
        "a thousand ID3 tags a.mp3": lambda _: _id3(b"TIT2", b"x" * 9_000) * 1_000 + mp3,
        "FLAC with a cover of 900 megapixels a.flac": lambda _: _flac_with(
            6,
            struct.pack(">II9sIIIIII", 3, 9, b"image/png", 0, 30_000, 30_000, 24, 0, len(picture))
            + picture,
        ),
        "FLAC with 16 MB of padding that is not there a.flac": lambda _: _flac_with(
            1, b"", 2**24 - 1
        ),
        "FLAC with 2**31 comments a.flac": lambda _: _flac_with(4, struct.pack("<II", 0, ABSURD)),
        "AIFF of 2**32 frames a.aiff": lambda _: _after("voice.aiff", b"COMM", 6, b"\xff" * 4),
        "CAF of 2**63 bytes a.caf": lambda _: _after(
            "voice.caf", b"data", 4, b"\x7f" + b"\xff" * 7
        ),
        "AU whose sound begins at 4 GB a.au": lambda _: _after("voice.au", b".snd", 4, b"\xff" * 4),
        "Ogg page at the end of time a.ogg": lambda _: _after(
            "vorbis.ogg", b"OggS", 6, b"\xff" * 7 + b"\x7f"
        ),
        "transport stream of packets of nothing a.ts": lambda _: (
            (b"\x47\x1f\xff\x10" + bytes(184)) * 200_000
        ),
        "4 GB of zeros a.mp3": partial(_sparse, b"", 4 * 10**9),
        "4 GB of zeros behind an MP3's head a.mp3": partial(_sparse, mp3[:4_000], 4 * 10**9),
        "4 GB of zeros behind an Ogg's head a.ogg": partial(
            _sparse, whole_files()["vorbis.ogg"][:5_000], 4 * 10**9
        ),
        "4 GB of zeros behind a Matroska's head a.webm": partial(_sparse, webm[:3_000], 4 * 10**9),
        "4 GB of zeros behind an mp4's head a.m4a": partial(
            _sparse, whole_files()["aac.m4a"][:32], 4 * 10**9
        ),
        "4 GB of zeros behind a transport stream a.ts": partial(
            _sparse, whole_files()["aac.ts"][:9_400], 4 * 10**9
        ),
        "4 GB of zeros behind ADTS a.aac": partial(_sparse, whole_files()["voice.aac"], 4 * 10**9),
    }


def _ebml(webm: bytes, tag: bytes, size: int, _: Path) -> bytes:
    at = webm.index(tag) + len(tag)
    return webm[:at] + bytes([0x01]) + size.to_bytes(7, "big") + webm[at + 1 :]


def _id3(frame: bytes, content: bytes, claim: int | None = None) -> bytes:
    size = len(content) + 10 if claim is None else claim
    body = frame + _sync_safe(size - 10) + b"\0\0" + content
    return b"ID3\x04\0\0" + _sync_safe(size) + body


def _sync_safe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(20_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _flac_with(kind: int, content: bytes, claim: int | None = None) -> bytes:
    flac = whole_files()["pcm16.flac"]
    size = len(content) if claim is None else claim
    return flac[:42] + bytes([kind]) + size.to_bytes(3, "big") + content + flac[42:]


def _after(name: str, tag: bytes, distance: int, value: bytes) -> bytes:
    made = bytearray(whole_files()[name])
    at = made.index(tag) + len(tag) + distance - 4 * (tag == b".snd")
    made[at : at + len(value)] = value
    return bytes(made)


def _sparse(head: bytes, size: int, path: Path) -> None:
    path.write_bytes(head)
    os.truncate(path, size)


def _elsewhere() -> dict[str, Maker]:
    """Files that name other files and addresses, or that are none."""
    target = "/etc/passwd"
    scripts = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
        "b.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
        "a.pls": f"[playlist]\nFile1={target}\nNumberOfEntries=1\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "a.mpd": "<MPD><Period><AdaptationSet><Representation><BaseURL>http://127.0.0.1:9/"
        "</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "a.ffmeta": ";FFMETADATA1\ntitle=x\n[CHAPTER]\nSTART=0\nEND=9999999999999\n",
        "a.srt": "1\n00:00:00,000 --> 99:00:00,000\nx\n" * 10_000,
        "a.svg": f'<svg><image href="file://{target}"/></svg>',
    }
    return {
        f"text that names others {name}": lambda _, text=text: text.encode()
        for name, text in scripts.items()
    } | {
        "a pipe that nobody writes to a.wav": lambda path: os.mkfifo(path),
        "a folder a.wav": lambda path: path.mkdir(),
        "a link to nothing a.wav": lambda path: path.symlink_to(path.parent / "nothing"),
        "a link to itself a.wav": lambda path: path.symlink_to(path),
        "a device a.wav": lambda path: path.symlink_to("/dev/zero"),
    }
