"""Whole recordings to damage: something like a voice, in the formats that are read."""

import functools
import io
import struct

import av
import numpy as np
import soundfile

RATE = 16_000  # Hz
SECONDS = 1.5
BY_SOUNDFILE = {
    "pcm16.wav": ("WAV", "PCM_16", RATE),
    "float.wav": ("WAV", "FLOAT", 44_100),
    "ulaw.wav": ("WAV", "ULAW", 8_000),
    "adpcm.wav": ("WAV", "IMA_ADPCM", RATE),
    "pcm24.flac": ("FLAC", "PCM_24", 48_000),
    "pcm16.flac": ("FLAC", "PCM_16", RATE),
    "vorbis.ogg": ("OGG", "VORBIS", 44_100),
    "opus.opus": ("OGG", "OPUS", 48_000),
    "voice.mp3": ("MP3", "MPEG_LAYER_III", 44_100),
    "voice.aiff": ("AIFF", "PCM_16", RATE),
    "voice.caf": ("CAF", "PCM_16", RATE),
    "voice.w64": ("W64", "PCM_16", RATE),
    "voice.au": ("AU", "PCM_16", RATE),
}
BY_FFMPEG = {
    "aac.m4a": ("ipod", "aac", 44_100),
    "alac.m4a": ("ipod", "alac", 44_100),
    "opus.webm": ("webm", "libopus", 48_000),
    "flac.mkv": ("matroska", "flac", 48_000),
    "aac.ts": ("mpegts", "aac", 44_100),
    "voice.aac": ("adts", "aac", 44_100),
    "voice.flv": ("flv", "aac", 44_100),
    "voice.avi": ("avi", "pcm_s16le", RATE),
}


def voice(rate: int, seconds: float = SECONDS) -> np.ndarray:
    """Return something like a vowel that moves, (n,) float32: pulses through three resonances."""
    time = np.arange(int(rate * seconds)) / rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 2 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    harmonics = range(1, 30)
    formants = [(600 + 200 * np.sin(2 * np.pi * time), 1.0), (1_400 + 0 * time, 0.5)]
    sound = sum(
        np.sin(k * phase) * sum(a / (1 + ((k * pitch - f) / 120) ** 2) for f, a in formants)
        for k in harmonics
        if k * 150 < rate / 2
    )
    syllables = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    return (0.2 * sound * syllables).astype(np.float32)


@functools.cache
def whole_files() -> dict[str, bytes]:
    """Return a whole recording in each format, by its file's name."""
    files = {}
    for name, (container, codec, rate) in BY_SOUNDFILE.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, voice(rate), rate, format=container, subtype=codec)
        files[name] = buffer.getvalue()
    for name, (container, codec, rate) in BY_FFMPEG.items():
        files[name] = by_ffmpeg(container, codec, rate, voice(rate))
    return files


def by_ffmpeg(container: str, codec: str, rate: int, samples: np.ndarray, repeat: int = 1) -> bytes:
    """Return samples, (n,) float32, in a container of FFmpeg's, their packets repeated."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        converter = av.AudioResampler(stream.codec_context.format, "mono", rate)
        packets = []
        for converted in converter.resample(frame):
            packets += stream.encode(converted)
        packets += stream.encode(None)
        for packet in _repeated(packets, repeat):
            output.mux(packet)
    return buffer.getvalue()


def _repeated(packets: list[av.Packet], repeat: int) -> list[av.Packet]:
    if repeat == 1:
        return packets
    made, at = [], 0
    for _ in range(repeat):
        for packet in packets:
            copy = av.Packet(bytes(packet))
            copy.stream, copy.time_base = packet.stream, packet.time_base
            copy.pts = copy.dts = at
            copy.duration = packet.duration
            at += packet.duration
            made.append(copy)
    return made


def silent_flac(rate: int, channels: int, seconds: float, says_length: bool = True) -> bytes:
    """Return silence in FLAC, 40 bytes for each 65,535 frames: a megabyte can hold hours.

    Each frame holds constant subframes (RFC 9639, section 9).
    """
    frames = int(rate * seconds)
    block = 65_535
    total = frames if says_length else 0
    info = struct.pack(">HH6x", block, block)
    info += ((rate << 44) | ((channels - 1) << 41) | (15 << 36) | total).to_bytes(8, "big")
    out = bytearray(b"fLaC" + bytes([0x80, 0, 0, 34]) + info + bytes(16))
    for number in range(-(-frames // block)):
        # fixed block size, 16 bits of it after the header; rate and depth as in STREAMINFO
        head = b"\xff\xf8" + bytes([0x70, (channels - 1) << 4]) + _utf8(number)
        head += struct.pack(">H", block - 1)
        head += bytes([_crc(head, 8, 0x07)])
        body = head + bytes(3 * channels)  # each: constant, no wasted bits, 16 bits of zero
        out += body + struct.pack(">H", _crc(body, 16, 0x8005))
    return bytes(out)


def _utf8(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    value, top, mask = 0, 1 << (bits - 1), (1 << bits) - 1
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = ((value << 1) ^ polynomial if value & top else value << 1) & mask
    return value
