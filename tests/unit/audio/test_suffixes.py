"""Every suffix that counts as a recording is that of a format that is read."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from intent.audio.clip import read_clip
from intent.audio.suffixes import AUDIO_SUFFIXES, is_audio
from tests.unit.audio.test_clip import encoded, tone

SOUNDFILE = {
    ".wav": ("WAV", "PCM_16"),
    ".wave": ("WAV", "ULAW"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "VORBIS"),
    ".oga": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".aiff": ("AIFF", "PCM_16"),
    ".aif": ("AIFF", "PCM_24"),
    ".aifc": ("AIFF", "ULAW"),
    ".au": ("AU", "ULAW"),
    ".snd": ("AU", "PCM_16"),
    ".caf": ("CAF", "PCM_16"),
    ".w64": ("W64", "PCM_16"),
    ".rf64": ("RF64", "PCM_16"),
    ".sph": ("NIST", "PCM_16"),
    ".nist": ("NIST", "ULAW"),
    ".voc": ("VOC", "PCM_16"),
}
FFMPEG = {
    ".m4a": ("ipod", "aac", 48_000),
    ".m4b": ("ipod", "alac", 48_000),
    ".mp4": ("mp4", "aac", 48_000),
    ".m4v": ("mp4", "aac", 48_000),
    ".mov": ("mov", "pcm_s16le", 48_000),
    ".3gp": ("3gp", "libopencore_amrnb", 8_000),
    ".3gpp": ("3gp", "aac", 48_000),
    ".3g2": ("3g2", "aac", 48_000),
    ".aac": ("adts", "aac", 48_000),
    ".ac3": ("ac3", "ac3", 48_000),
    ".amr": ("amr", "libopencore_amrnb", 8_000),
    ".wma": ("asf", "wmav2", 44_100),
    ".wmv": ("asf", "wmav2", 44_100),
    ".asf": ("asf", "wmav2", 44_100),
    ".webm": ("webm", "libopus", 48_000),
    ".weba": ("webm", "libopus", 48_000),
    ".mkv": ("matroska", "flac", 48_000),
    ".mka": ("matroska", "libopus", 48_000),
    ".avi": ("avi", "pcm_s16le", 48_000),
    ".flv": ("flv", "aac", 44_100),
    ".mp2": ("mp2", "mp2", 48_000),
    ".mpga": ("mp2", "mp2", 48_000),
    ".mpg": ("mpeg", "mp2", 48_000),
    ".mpeg": ("mpeg", "mp2", 48_000),
    ".ts": ("mpegts", "aac", 48_000),
    ".mts": ("mpegts", "ac3", 48_000),
    ".m2ts": ("mpegts", "ac3", 48_000),
    ".ogv": ("ogv", "flac", 48_000),
}
AMR_WB = b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * 50  # 50 frames of 20 ms
NO_ENCODER = {".spx"}


def written_by_ffmpeg(container: str, codec: str, rate: int) -> bytes:
    """Return a second of a tone as the encoders of PyAV's wheels write it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            stream.bit_rate = 64_000
        context = stream.codec_context
        context.open()
        frame = av.AudioFrame.from_ndarray(tone(rate, 1.0)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        size = context.frame_size or None
        converter = av.AudioResampler(context.format, "mono", rate, frame_size=size)
        for converted in (*converter.resample(frame), *converter.resample(None)):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return file.getvalue()


def recording(suffix: str) -> bytes:
    """Return a second of a tone in the format that a suffix is the usual one of."""
    if suffix == ".awb":
        return AMR_WB
    if suffix in SOUNDFILE:
        return encoded(*SOUNDFILE[suffix], tone(48_000, 1.0), 48_000)
    return written_by_ffmpeg(*FFMPEG[suffix])


@pytest.mark.parametrize("suffix", sorted(set(AUDIO_SUFFIXES) - NO_ENCODER))
def test_a_recording_with_the_suffix_is_read(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(recording(suffix))
    clip = read_clip(tmp_path / f"a{suffix}")
    assert clip.seconds == pytest.approx(1.0, abs=0.05)
    assert np.isfinite(clip.samples).all()
    assert is_audio(f"a{suffix.upper()}") and is_audio(f"low/A{suffix.title()}")


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.zip", "a.py", "wav", "a.wav.part", "a"])
def test_other_files_are_no_recordings(name: str) -> None:
    assert not is_audio(name)
