"""Speech in arriving sound is detected where find_speech detects it in the whole clip."""

import numpy as np
import pytest

from intent.audio.clip import Clip, read_clip, resample
from intent.audio.speech_stream import SpeechStream, frame_at_16_khz, frames_in
from intent.audio.voice_activity import FRAME_SECONDS, find_speech
from intent.paths import EXAMPLES


def frames(clip: Clip) -> np.ndarray:
    number = frames_in(len(clip.samples), clip.sample_rate)
    return np.stack(
        [frame_at_16_khz(clip.samples, 0, one, clip.sample_rate) for one in range(number)]
    )


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("name", ["pay-a-bill", "card-abroad"])
def test_frames_of_speech_are_those_of_the_whole_clip(name: str, rate: int) -> None:
    clip = resample(read_clip(EXAMPLES / f"{name}.wav"), rate)
    last = SpeechStream().hear(frames(clip))[-1]
    spans = find_speech(clip)
    assert last.speech_frames * FRAME_SECONDS == pytest.approx(
        sum(end - start for start, end in spans), abs=0.2
    )
    assert last.first_speech is not None
    assert last.first_speech * FRAME_SECONDS == pytest.approx(spans[0][0], abs=0.1)


def test_quiet_speech_with_an_offset_is_detected() -> None:
    clip = read_clip(EXAMPLES / "pay-a-bill.wav")
    quiet = Clip(clip.samples * np.float32(0.01) + np.float32(0.1), clip.sample_rate)
    assert SpeechStream().hear(frames(quiet))[-1].speech_frames * FRAME_SECONDS > 2


def test_one_frame_at_a_time_gives_the_same_states() -> None:
    heard = frames(read_clip(EXAMPLES / "pay-a-bill.wav"))
    together = SpeechStream().hear(heard)
    one = SpeechStream()
    for frame, same in zip(heard, together, strict=True):
        one = one.hear(frame[None])[-1]
        assert (one.run, one.speech_frames, one.silent_frames) == (
            same.run,
            same.speech_frames,
            same.silent_frames,
        )


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_a_frame_at_16_khz_is_the_same_wherever_the_kept_sound_begins(rate: int) -> None:
    samples = np.random.default_rng(0).standard_normal(rate).astype(np.float32)
    whole = frame_at_16_khz(samples, 0, 12, rate)
    later = rate // 4
    np.testing.assert_array_equal(whole, frame_at_16_khz(samples[later:], later, 12, rate))
    assert whole.shape == (512,)
