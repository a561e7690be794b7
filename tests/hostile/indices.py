"""m4a files of ten kilobytes whose tables claim millions of samples, for which FFmpeg keeps an index."""

import functools
import io
import struct

import av
import numpy as np

BOXES_OF_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def with_index(samples: int, tracks: int) -> bytes:
    """Return an m4a with so many tracks, each of so many samples of one byte in one chunk."""
    return _with_tracks(_claiming(_voice(fragmented=False), samples), tracks)


def with_fragment(samples: int) -> bytes:
    """Return a fragmented m4a whose one run says nothing of its samples but how many there are."""
    made = bytearray(_voice(fragmented=True))
    at = made.index(b"trun") + 4
    made[at : at + 8] = struct.pack(">II", 0, samples)
    return bytes(made)


INDICES = {
    "an index of 8·10**7 samples": functools.partial(with_index, 80_000_000, 1),
    "an index of 10**7 samples": functools.partial(with_index, 10_000_000, 1),
    "four indices of 8·10**7 samples": functools.partial(with_index, 80_000_000, 4),
    "eight indices of 4·10**5 samples": functools.partial(with_index, 400_000, 8),
    "thirty indices of 4·10**5 samples": functools.partial(with_index, 400_000, 30),
    "a fragment of 4·10**7 samples": functools.partial(with_fragment, 40_000_000),
    "a fragment of 4·10**5 samples": functools.partial(with_fragment, 400_000),
}


@functools.cache
def _voice(fragmented: bool) -> bytes:
    file = io.BytesIO()
    flags = {"movflags": "empty_moov+frag_keyframe+default_base_moof"} if fragmented else {}
    with av.open(file, "w", format="mp4", options=flags) as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        noise = np.random.default_rng(0).standard_normal((1, 16_000)).astype(np.float32) / 10
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode()])
    return file.getvalue()


def _claiming(content: bytes, samples: int) -> bytes:
    tables = {
        b"stsz": struct.pack(">III", 0, 1, samples),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, samples, 1),
        b"stts": struct.pack(">IIII", 0, 1, samples, 1024),
        b"stco": struct.pack(">III", 0, 1, 48),
    }
    made = b""
    for kind, inner in _boxes(content):
        if kind in BOXES_OF_BOXES:
            inner = _claiming(inner, samples)
        if kind != b"edts":
            made += _box(kind, tables.get(kind, inner))
    return made


def _with_tracks(content: bytes, count: int) -> bytes:
    made = b""
    for kind, inner in _boxes(content):
        if kind == b"moov":
            parts = (_box(*box) * (count if box[0] == b"trak" else 1) for box in _boxes(inner))
            inner = b"".join(parts)
        made += _box(kind, inner)
    return made


def _boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        found.append((kind, content[at + 8 : at + size]))
        at += size
    return found


def _box(kind: bytes, inner: bytes) -> bytes:
    return struct.pack(">I", len(inner) + 8) + kind + inner
