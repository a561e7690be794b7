"""Speech is classified while it arrives, and settled after each pause, however it is cut into chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from intent.audio.clip import Clip, read_clip, resample
from intent.audio.speech_part import MARGIN_SECONDS
from intent.errors import AudioError
from intent.models import live
from intent.models.classifier import Answer, classify
from intent.models.live import MAX_UTTERANCE_SECONDS, SETTLE_SECONDS, Live, Settled, hear
from intent.paths import EXAMPLES

RATE = 8_000  # Hz, of the examples
CHUNKS = {"a fifth of a second": [0.2], "odd": [0.137, 0.0003, 0.9], "all at once": [60.0]}  # s


def spoken(name: str) -> np.ndarray:
    return read_clip(EXAMPLES / f"{name}.wav").samples


def pause(seconds: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(round(seconds * RATE))
    return (1e-4 * noise).astype(np.float32)


def joined(*parts: np.ndarray, rate: int = RATE) -> Clip:
    return resample(Clip(np.concatenate(parts), RATE), rate)


def states(sound: Clip, seconds: Sequence[float] = (0.2,)) -> Iterator[Live]:
    """The state after each chunk of a sound, cut into chunks of these lengths in turn."""
    state, start, lengths = Live(), 0, cycle(seconds)
    while start < len(sound.samples):
        end = start + max(1, round(next(lengths) * sound.sample_rate))
        state = hear(state, sound.samples[start:end], sound.sample_rate)
        yield state
        start = end


def settled(sound: Clip, seconds: Sequence[float] = (0.2,)) -> list[Settled]:
    found = {done.number: done for state in states(sound, seconds) for done in state.settled}
    return [found[number] for number in sorted(found)]


def labels(found: list[Settled]) -> list[str]:
    return [done.answer.top[0].label for done in found]


def test_each_utterance_is_settled_after_its_pause() -> None:
    parts = [pause(1), spoken("pay-a-bill"), pause(1), spoken("freeze-my-card"), pause(1)]
    found = settled(joined(*parts))
    assert [done.number for done in found] == [1, 2]
    assert labels(found) == ["pay_bill", "freeze"]


def test_the_settled_answer_is_the_ordinary_one_to_the_whole_utterance() -> None:
    [done] = settled(joined(pause(1), spoken("pay-a-bill"), pause(1)))
    ordinary = classify(done.clip)
    assert done.answer.top == ordinary.top
    assert done.answer.sure
    assert done.clip.seconds > len(spoken("pay-a-bill")) / RATE


@pytest.mark.parametrize("rate", [8_000, 12_345, 48_000])
def test_chunk_sizes_change_neither_the_utterances_nor_their_answers(rate: int) -> None:
    parts = [pause(3), spoken("pay-a-bill"), pause(0.8), spoken("card-abroad"), pause(1)]
    sound = joined(*parts, rate=rate)
    first, *others = (settled(sound, chunks) for chunks in CHUNKS.values())
    assert labels(first) == ["pay_bill", "abroad"]
    for other in others:
        for one, same in zip(first, other, strict=True):
            np.testing.assert_array_equal(one.clip.samples, same.clip.samples)
            assert one.answer.top == same.answer.top


def answers_take(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each answer say that it took so many seconds, on whatever machine this is."""

    def timed(clip: Clip, checkpoint: str) -> Answer:
        return replace(classify(clip, checkpoint), seconds=seconds)

    monkeypatch.setattr(live, "classify", timed)


def test_answers_follow_at_least_twice_a_second_while_one_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers_take(0.02, monkeypatch)
    speech = spoken("open-a-joint-account")
    *_, last = states(joined(pause(1), speech))
    times = [lead.seconds for lead in last.leads]
    assert np.diff(times).max() <= 0.5
    assert len(times) >= 2 * (len(speech) / RATE - 1)
    assert last.settled == ()
    assert last.answer is not None
    assert last.answer.top[0].label == "joint_account"


def test_a_slow_model_answers_less_often_and_settles_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = joined(pause(1), spoken("open-a-joint-account"), pause(1))
    [ordinary] = settled(sound)
    answers_take(0.6, monkeypatch)
    [slow] = settled(sound)
    *often, _ = [lead.seconds for lead in slow.leads]  # the last is the settled answer
    assert np.diff(often).min() >= 1.2
    assert slow.answer.top == ordinary.answer.top


def test_a_pause_shorter_than_half_a_second_does_not_end_an_utterance() -> None:
    speech = spoken("pay-a-bill")
    short = pause(SETTLE_SECONDS - 0.4)  # the recording itself ends and begins quietly
    assert len(settled(joined(pause(1), speech, short, speech, pause(1)))) == 1


@pytest.mark.parametrize("level", [0.0, 1e-3, 0.1])
def test_silence_and_noise_have_no_answer_and_take_little_memory(level: float) -> None:
    noise = (level * np.random.default_rng(1).standard_normal(20 * RATE)).astype(np.float32)
    *_, last = states(Clip(noise, RATE))
    assert (last.answer, last.leads, last.settled) == (None, (), ())
    assert len(last.samples) <= (MARGIN_SECONDS + 0.5) * RATE


def test_a_click_is_no_utterance() -> None:
    click = pause(0.05)
    click[100:180] = 0.8
    assert settled(joined(pause(1), click, pause(2))) == []


def test_endless_speech_is_settled_at_the_longest_utterance() -> None:
    sound = joined(pause(1), *[spoken("latest-transactions")] * 8)
    found = settled(sound, [0.5])
    assert found
    assert all(done.clip.seconds <= MAX_UTTERANCE_SECONDS for done in found)
    assert max(len(state.samples) for state in states(sound, [0.5])) <= 17 * RATE


def test_sound_at_another_rate_begins_anew_and_keeps_the_last_answer() -> None:
    *_, before = states(joined(pause(1), spoken("pay-a-bill"), pause(1), spoken("card-abroad")))
    after = hear(before, np.zeros(4_800, np.float32), 48_000)
    assert after.answer is None
    assert after.settled == before.settled
    assert len(after.samples) == 4_800


@pytest.mark.parametrize("rate", [0, 4_000, 1_000_000])
def test_a_rate_that_no_microphone_has_is_refused_in_a_sentence(rate: int) -> None:
    with pytest.raises(AudioError, match="Choose another microphone"):
        hear(Live(), np.zeros(100, np.float32), rate)
