"""Laws of clips: what can be read is finite mono sound, what cannot says why in one line."""

import io
import os
import struct
import subprocess
import sys
from functools import partial

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from intent.audio.clip import MAX_AMPLITUDE, Clip, clip_hash, read_clip, resample, write_wav
from intent.errors import AudioError
from tests.repository import ROOT

UNREADABLE = (
    "is not a sound file that can be read, or it is damaged. "
    "Use WAV, FLAC, Ogg, Opus, MP3, m4a or WebM."
)
WRITTEN_BY_SOUNDFILE = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]
wild = partial(settings, deadline=None, derandomize=True, database=None)
WRITTEN_BY_FFMPEG = [("ipod", "aac"), ("webm", "libopus")]
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def tone(sample_rate: int, seconds: float = 0.5, hertz: float = 300.0) -> np.ndarray:
    t = np.arange(int(sample_rate * seconds)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def pitch(clip: Clip) -> float:
    spectrum = np.abs(np.fft.rfft(clip.samples * np.hanning(len(clip.samples))))
    return float(np.argmax(spectrum) / clip.seconds)


def encoded(container: str, codec: str, samples: np.ndarray, sample_rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate, format=container, subtype=codec)
    return file.getvalue()


def wav(samples: np.ndarray, sample_rate: int = 16_000, codec: str = "PCM_16") -> bytes:
    return encoded("WAV", codec, samples, sample_rate)


def encoded_by_ffmpeg(container: str, codec: str, sample_rate: int, channels: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=sample_rate, layout=LAYOUTS[channels])
        planes = np.tile(tone(sample_rate), (channels, 1))
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=LAYOUTS[channels])
        frame.sample_rate = sample_rate
        frame.pts = 0
        converter = av.AudioResampler(stream.codec_context.format, LAYOUTS[channels], sample_rate)
        for converted in converter.resample(frame):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return file.getvalue()


def message(source: object, **limits: float) -> str:
    with pytest.raises(AudioError) as caught:
        read_clip(source, **limits)
    return str(caught.value)


def assert_heard_or_refused(source: object) -> None:
    try:
        clip = read_clip(source)
    except AudioError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
        return
    assert clip.samples.dtype == np.float32 and clip.samples.ndim == 1
    assert np.isfinite(clip.samples).all()
    assert clip.seconds >= 0.1


def supports(container: str, codec: str, sample_rate: int, channels: int) -> bool:
    """What the formats themselves allow: no encoder writes the other combinations."""
    if container == "MP3":
        return channels <= 2 and sample_rate in (8_000, 16_000, 44_100, 48_000)
    if codec == "OPUS":
        return sample_rate in (8_000, 16_000, 48_000)
    return True


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize(("container", "codec"), WRITTEN_BY_SOUNDFILE)
def test_read_clip_keeps_duration_and_pitch(container, codec, sample_rate, channels):
    samples = np.tile(tone(sample_rate)[:, None], (1, channels))
    if not supports(container, codec, sample_rate, channels):
        with pytest.raises((soundfile.LibsndfileError, ValueError)):
            encoded(container, codec, samples, sample_rate)
        return
    clip = read_clip(encoded(container, codec, samples, sample_rate))
    assert clip.sample_rate == sample_rate
    assert clip.seconds == pytest.approx(0.5, abs=0.1)
    assert pitch(clip) == pytest.approx(300, abs=4)
    assert np.abs(clip.samples).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("container", "codec", "sample_rate"),
    [("ipod", "aac", rate) for rate in (8_000, 16_000, 44_100, 48_000, 96_000)]
    + [("webm", "libopus", rate) for rate in (8_000, 16_000, 48_000)],
)
def test_read_clip_reads_what_phones_and_browsers_record(container, codec, sample_rate, channels):
    clip = read_clip(encoded_by_ffmpeg(container, codec, sample_rate, channels))
    assert clip.sample_rate == (48_000 if codec == "libopus" else sample_rate)
    assert clip.seconds == pytest.approx(0.5, abs=0.1)
    middle = clip.samples[len(clip.samples) // 4 : -len(clip.samples) // 4]
    assert pitch(Clip(middle, clip.sample_rate)) == pytest.approx(300, abs=4)


def test_read_clip_needs_no_ffmpeg_program(tmp_path):
    files = [tmp_path / "phone.m4a", tmp_path / "browser.webm", tmp_path / "voice.mp3"]
    files[0].write_bytes(encoded_by_ffmpeg("ipod", "aac", 44_100, 1))
    files[1].write_bytes(encoded_by_ffmpeg("webm", "libopus", 48_000, 1))
    files[2].write_bytes(encoded("MP3", "MPEG_LAYER_III", tone(16_000), 16_000))
    code = (
        "import shutil, sys; from intent.audio.clip import read_clip; assert not shutil.which('ffmpeg');"
        "print([round(read_clip(name).seconds, 1) for name in sys.argv[1:]])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)],
        env={**os.environ, "PATH": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[0.5, 0.5, 0.5]"


def test_importing_audio_does_not_load_pyav_or_torch():
    code = (
        "import sys, intent.audio.clip, intent.audio.voice_activity;"
        "print({'av', 'torch'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([-32768, 32767, 0], np.int16), [-1, 32767 / 32768, 0]),
        (np.array([-(2**31), 2**31 - 1, 0], np.int32), [-1, 1, 0]),
        (np.array([0, 255, 128], np.uint8), [-1, 127 / 128, 0]),
        (np.array([-1, 1, 0], np.float64), [-1, 1, 0]),
        (np.array([-1, 1, 0], np.float16), [-1, 1, 0]),
    ],
)
def test_read_clip_maps_full_scale_to_one(array, expected):
    clip = read_clip((8_000, np.tile(array, 1000)))
    assert clip.samples[:3] == pytest.approx(expected, abs=1e-6)
    assert clip.samples.dtype == np.float32


def test_read_clip_averages_channels_without_overflow():
    array = np.full((4_000, 6), -32768, np.int16)
    array[:, 3:] = 32767
    assert read_clip((8_000, array)).samples == pytest.approx(-0.5 / 32768, abs=1e-6)
    loud = np.full((4_000, 2), MAX_AMPLITUDE, np.float32)
    assert read_clip((8_000, loud)).samples == pytest.approx(MAX_AMPLITUDE)


def test_read_clip_accepts_silence():
    assert not read_clip(wav(np.zeros(8_000))).samples.any()


def test_read_clip_names_a_missing_file(tmp_path):
    expected = 'The recording "a b.wav" was not found. Check its path and try again.'
    assert message(tmp_path / "a\nb.wav") == expected
    assert message(str(tmp_path / "a b.wav")) == expected


def test_read_clip_refuses_a_folder(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    assert message(folder) == (
        'The recording "clips" is a folder, not a file. Choose a sound file.'
    )


def test_read_clip_refuses_a_device():
    assert message(os.devnull) == (
        'The recording "null" is a device, not a file. Choose a sound file.'
    )


def test_read_clip_refuses_an_impossible_path():
    assert message("a\0b.wav") == (
        'The recording "a\0b.wav" cannot be opened (its path is not valid). Choose another file.'
    )


def test_read_clip_refuses_nothing():
    expected = "A recording was expected, but none was given. Record or choose one."
    assert [message(None), message(""), message(3)] == [expected] * 3


def test_read_clip_refuses_an_empty_file(tmp_path):
    (tmp_path / "empty.wav").touch()
    end = "is empty (0 bytes). Record or export it again."
    assert message(tmp_path / "empty.wav") == f'The recording "empty.wav" {end}'
    assert message(b"") == f"This recording {end}"


@pytest.mark.parametrize(("container", "codec"), WRITTEN_BY_SOUNDFILE[:5] + [("OGG", "VORBIS")])
def test_read_clip_refuses_a_recording_of_zero_length(container, codec):
    assert message(encoded(container, codec, np.zeros((0, 1)), 16_000)) == (
        "This recording has no samples (its length is zero). Record it again."
    )


def test_read_clip_refuses_an_empty_array():
    assert message((16_000, np.zeros((0, 2), np.int16))) == (
        "This recording has no samples (its length is zero). Record it again."
    )


def test_read_clip_refuses_a_text_file_named_wav(tmp_path):
    (tmp_path / "notes.wav").write_text("I would like to pay a bill.\n" * 200)
    assert message(tmp_path / "notes.wav") == f'The recording "notes.wav" {UNREADABLE}'


def test_read_clip_follows_no_playlist(tmp_path):
    voice = tmp_path / "voice.wav"
    voice.write_bytes(wav(tone(16_000, 2.0)))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{voice}\n#EXT-X-ENDLIST\n"
    assert message(playlist.encode()) == f"This recording {UNREADABLE}"
    concat = f"ffconcat version 1.0\nfile '{voice}'\n"
    assert message(concat.encode()) == f"This recording {UNREADABLE}"


def test_read_clip_uses_what_is_left_of_a_truncated_mp3():
    whole = encoded("MP3", "MPEG_LAYER_III", tone(16_000, 4.0), 16_000)
    half = read_clip(whole[: len(whole) // 2])
    assert 1.5 < half.seconds < 2.5
    assert pitch(half) == pytest.approx(300, abs=4)


def test_read_clip_uses_what_is_left_of_a_truncated_flac():
    whole = encoded("FLAC", "PCM_16", tone(16_000, 4.0), 16_000)
    half = read_clip(whole[: len(whole) // 2])
    assert 1.5 < half.seconds < 2.5
    assert pitch(half) == pytest.approx(300, abs=4)


def test_read_clip_refuses_an_mp3_with_nothing_left():
    whole = encoded("MP3", "MPEG_LAYER_III", tone(16_000, 4.0), 16_000)
    assert message(whole[:30]) == f"This recording {UNREADABLE}"


def test_read_clip_uses_what_a_wav_holds_whatever_its_header_claims():
    claims = bytearray(wav(tone(16_000)))
    claims[40:44] = struct.pack("<I", 2 * 16_000 * 3600)  # an hour of sound
    assert read_clip(bytes(claims)).seconds == 0.5
    claims[4:8] = claims[40:44] = b"\xff" * 4  # as programs write that do not know the end
    assert read_clip(bytes(claims)).seconds == 0.5


@pytest.mark.parametrize("sample_rate", [1, 999, 384_001, 600_000])
def test_read_clip_refuses_a_wav_with_an_absurd_rate(sample_rate):
    assert message(wav(tone(16_000), sample_rate)) == (
        "This recording should have a sample rate of 1000 to 384000 Hz, "
        f"but has {sample_rate} Hz. Export it again at 16000 Hz."
    )


def test_read_clip_refuses_a_wav_with_absurd_channels():
    assert message(wav(np.zeros((4_000, 100)))) == (
        "This recording should have 1 to 64 channels, but has 100. Export it again in mono."
    )


@pytest.mark.parametrize(
    "lie",
    [{22: struct.pack("<H", 0)}, {24: struct.pack("<I", 0)}, {20: struct.pack("<H", 0x7777)}],
    ids=["no channels", "no rate", "unknown codec"],
)
def test_read_clip_refuses_a_wav_with_an_impossible_header(lie):
    damaged = bytearray(wav(tone(16_000)))
    for offset, value in lie.items():
        damaged[offset : offset + len(value)] = value
    assert message(bytes(damaged)) == f"This recording {UNREADABLE}"


def test_read_clip_turns_a_few_damaged_samples_into_silence():
    samples = tone(16_000)
    samples[[10, 20, 30]] = np.nan, np.inf, 1e30
    heard = read_clip(wav(samples, codec="FLOAT")).samples
    assert not heard[[10, 20, 30]].any()
    assert heard[40:] == pytest.approx(samples[40:])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_read_clip_refuses_many_damaged_samples(value):
    samples = tone(16_000).astype(np.float64)
    samples[::4] = value
    expected = (
        "This recording is damaged: 25% of its samples are not finite numbers; "
        "at most 1% may be. Export it again."
    )
    with np.errstate(over="ignore"):
        file = wav(samples.astype(np.float32), codec="FLOAT")
    assert message(file) == expected
    assert message((16_000, samples)) == expected


def test_read_clip_refuses_half_an_hour(tmp_path):
    silence = np.zeros(30 * 60 * 8_000, np.uint8)
    end = "is 30 min long; at most 5 min are supported. Shorten it and try again."
    assert message((8_000, silence)) == f"This recording {end}"
    for container, codec in (("WAV", "ULAW"), ("FLAC", "PCM_16")):
        path = tmp_path / f"long.{container.lower()}"
        soundfile.write(path, silence.astype(np.int16), 8_000, subtype=codec)
        assert message(path) == f'The recording "{path.name}" {end}'


def test_read_clip_stops_where_the_limit_is_though_the_header_states_no_length():
    flac = bytearray(encoded("FLAC", "PCM_16", tone(16_000, 30.0), 16_000))
    flac[21] &= 0xF0  # 36 bits at byte 21 count the samples: zero means unknown
    flac[22:26] = bytes(4)
    assert read_clip(bytes(flac)).seconds == 30
    limited = message(bytes(flac), max_seconds=5)
    assert limited.endswith("; at most 5 s are supported. Shorten it and try again.")


def test_read_clip_reads_up_to_the_limit():
    assert read_clip(wav(tone(16_000, 2.0)), max_seconds=2).seconds == 2
    assert message(wav(tone(16_000, 2.1)), max_seconds=2) == (
        "This recording is 3 s long; at most 2 s are supported. Shorten it and try again."
    )


@pytest.mark.parametrize("container", ["array", "wav"])
def test_read_clip_refuses_less_than_a_tenth_of_a_second(container):
    samples = tone(16_000, 0.05)
    assert message((16_000, samples) if container == "array" else wav(samples)) == (
        "This recording is 0.050 s long; at least 0.1 s is needed. "
        "Record a whole sentence and try again."
    )


def test_read_clip_refuses_arrays_that_are_no_sound():
    assert message((16_000, np.zeros((2, 2, 2), np.float32))) == (
        "This recording should have the shape (samples,) or (samples, channels), "
        "but has 3 dimensions. Record it again."
    )
    assert message((16_000, np.zeros(16_000, np.int64))) == (
        "This recording should have int16, int32, uint8 or float samples, but has int64. "
        "Convert it and try again."
    )
    expected = (
        "This recording should be a pair (sample rate, samples), but is not. Record it again."
    )
    assert message(("fast", np.zeros(9))) == message((1, 2, 3)) == message((None, 1)) == expected


@given(st.binary(max_size=400))
@wild(max_examples=200)
def test_read_clip_survives_any_bytes(data):
    assert_heard_or_refused(data)


def _samples_of_every_container() -> dict[str, bytes]:
    files = {f"{c} {s}": encoded(c, s, tone(16_000), 16_000) for c, s in WRITTEN_BY_SOUNDFILE}
    files |= {c: encoded_by_ffmpeg(c, s, 48_000, 1) for c, s in WRITTEN_BY_FFMPEG}
    return files


VALID_FILES = _samples_of_every_container()


@pytest.mark.parametrize("kind", VALID_FILES)
@given(data=st.data())
@wild(max_examples=60)
def test_read_clip_survives_damage_to_every_container(kind, data):
    damaged = bytearray(VALID_FILES[kind])
    in_header = data.draw(st.booleans())
    position = st.integers(0, min(200, len(damaged) - 1) if in_header else len(damaged) - 1)
    for offset in data.draw(st.lists(position, max_size=12)):
        damaged[offset] ^= 1 << data.draw(st.integers(0, 7))
    keep = data.draw(st.none() | st.integers(0, len(damaged)))
    assert_heard_or_refused(bytes(damaged[:keep]))


@given(
    rate=st.integers(-10, 500_000) | st.floats(),
    array=hnp.arrays(
        dtype=st.sampled_from(list("bhiqBefd")),  # 1 to 8 bytes of int, uint8, half to double
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=400),
    ),
)
@wild(max_examples=150)
def test_read_clip_survives_any_array(rate, array):
    assert_heard_or_refused((rate, array))


def test_resample_returns_the_same_clip_at_its_own_rate():
    clip = Clip(tone(16_000), 16_000)
    assert resample(clip, 16_000) is clip


@pytest.mark.parametrize("old", [8_000, 11_025, 44_100, 192_000])
@pytest.mark.parametrize("new", [8_000, 16_000, 48_000])
def test_resample_keeps_duration_pitch_and_level(old, new):
    clip = resample(Clip(tone(old, 2.0, 440.0), old), new)
    assert clip.sample_rate == new and clip.samples.dtype == np.float32
    assert clip.seconds == pytest.approx(2, abs=1e-3)
    assert pitch(clip) == pytest.approx(440, abs=1)
    assert np.abs(clip.samples[new // 2 : new]).max() == pytest.approx(0.5, abs=0.01)


def test_resample_removes_what_the_new_rate_cannot_hold():
    clip = resample(Clip(tone(48_000, 1.0, 10_000.0), 48_000), 16_000)
    assert np.abs(clip.samples[1_000:-1_000]).max() < 1e-3


def test_clip_hash_is_of_the_sound_not_of_the_file():
    samples = np.random.default_rng(0).integers(-32768, 32768, 8_000, np.int16)
    files = wav(samples), encoded("FLAC", "PCM_16", samples, 16_000)
    assert files[0] != files[1]
    assert clip_hash(read_clip(files[0])) == clip_hash(read_clip(files[1]))


def test_clip_hash_changes_with_one_sample_and_with_the_rate():
    samples = tone(16_000)
    changed = samples.copy()
    changed[100] += 1 / 32768
    clips = Clip(samples, 16_000), Clip(changed, 16_000), Clip(samples, 8_000)
    assert len({clip_hash(clip) for clip in clips}) == 3


def test_write_wav_keeps_the_sound(tmp_path):
    clip = Clip(np.array([-1, 1, 0.25, 2, -2] * 1_000, np.float32), 16_000)
    write_wav(clip, tmp_path / "clip.wav")
    assert soundfile.info(tmp_path / "clip.wav").subtype == "PCM_16"
    read = read_clip(tmp_path / "clip.wav")
    assert clip_hash(read) == clip_hash(clip)
    assert read.samples == pytest.approx(clip.samples.clip(-1, 1), abs=1 / 32768)


def test_write_wav_says_when_it_cannot(tmp_path):
    with pytest.raises(AudioError) as caught:
        write_wav(Clip(tone(16_000), 16_000), tmp_path / "missing" / "clip.wav")
    assert str(caught.value) == (
        'The recording "clip.wav" could not be written. '
        "Check that its folder exists, can be written to and has space."
    )
