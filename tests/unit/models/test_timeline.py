"""A timeline finds what is said in a long recording, where, and with which intent."""

import io

import numpy as np
import pytest
import soundfile

from intent.errors import IntentError
from intent.models.classifier import Score, classify
from intent.models.timeline import Utterance, clock, steps, summarize, timeline
from tests.long_recordings import five_minutes
from tests.tiny import tone, wav_bytes


@pytest.fixture(scope="module")
def recording() -> bytes:
    clip, _ = five_minutes()
    file = io.BytesIO()
    soundfile.write(file, clip.samples, clip.sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def test_six_utterances_in_five_minutes_are_found_in_order_with_the_intents_of_their_clips(
    recording,
):
    found = list(timeline(recording))
    _, spoken = five_minutes()
    assert [one.top[0].label for one in found] == [one.label for one in spoken]
    for utterance, true in zip(found, spoken, strict=True):
        assert utterance.start == pytest.approx(true.start, abs=0.3)
        assert utterance.end == pytest.approx(true.end, abs=0.3)
        alone = classify(true.clip)
        assert utterance.sure and len(utterance.top) == 5
        assert utterance.top[0].label == alone.top[0].label
        assert utterance.top[0].score == pytest.approx(alone.top[0].score, abs=0.15)


def test_utterances_come_while_the_recording_is_read(recording):
    first = next(step for step in steps(recording, top_k=1) if step.utterances)
    assert first.seconds < 40 and 0 < first.share < 0.2
    assert len(first.utterances[0].top) == 1


def test_a_recording_without_speech_has_no_utterances():
    silence = wav_bytes(0 * tone("low", seconds=3.0))
    assert list(timeline(silence)) == []
    assert list(steps(silence))[-1].seconds == pytest.approx(3.0)


def test_no_intents_are_refused():
    with pytest.raises(IntentError):
        list(timeline(b"", top_k=0))


def test_a_summary_divides_the_whole_time():
    def said(label: str, score: float, start: float, end: float) -> Utterance:
        return Utterance(start, end, (Score(label, score),))

    utterances = [said("a", 0.9, 1, 2), said("b", 0.8, 3, 6), said("a", 0.5, 7, 8)]
    summary = summarize([*utterances, said("b", 0.2, 8.5, 9)], 10.0)
    assert summary.intents == (("b", 3.0), ("a", 2.0))
    assert (summary.not_sure, summary.no_speech) == (0.5, 4.5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (9.96, "0:10.0"), (125.34, "2:05.3"), (3_725.3, "1:02:05.3")],
)
def test_a_time_is_written_as_on_a_player(seconds, text):
    assert clock(seconds) == text


def test_a_loud_and_a_quiet_speaker_are_both_found():
    clip, spoken = five_minutes()
    one, two = spoken[0].clip.samples, 0.02 * spoken[1].clip.samples
    quiet = np.zeros(20 * clip.sample_rate, np.float32)
    found = list(timeline(wav_bytes(np.concatenate([one, quiet, two, quiet]), clip.sample_rate)))
    assert [utterance.top[0].label for utterance in found] == ["balance", "abroad"]
