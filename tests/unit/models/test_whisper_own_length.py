"""A Whisper classifier at a clip's own length gives what stock gives for the whole window."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from intent.audio.clip import read_clip, resample
from intent.data.dataset import clip_at, load_data
from intent.models import whisper_own_length
from intent.models.encoders import load_base
from intent.models.loading import Loaded, loaded
from intent.models.typed import whisper_encoder
from intent.models.whisper_own_length import (
    PADDING,
    Frames,
    Padding,
    encode,
    faster_dtype,
    frames_for,
    logits,
    runs_at_own_length,
    spectra,
)
from intent.paths import EXAMPLES, SAMPLE
from tests import tiny


@pytest.fixture(scope="module")
def bundled() -> Loaded:
    return loaded("bundled")


@given(
    own=st.integers(1, 2000),
    rest=st.integers(PADDING.frames + 1, 2000),
    padding=st.sampled_from([PADDING, Padding(first=1, last=1, blocks=1, block=1)]),
)
def test_the_computed_frames_stand_for_every_frame_of_the_window_once(
    own: int, rest: int, padding: Padding
) -> None:
    frames = Frames(own, own + rest, padding)
    assert len(frames.positions) == len(frames.counts) == own + padding.frames
    assert frames.counts.sum() == frames.window and frames.counts.min() >= 1
    assert np.all(np.diff(frames.positions) > 0)
    assert (frames.positions[0], frames.positions[-1]) == (0, frames.window - 1)


def test_a_clip_that_nearly_fills_the_window_is_computed_as_stock_does(bundled: Loaded) -> None:
    rate, window = bundled.sample_rate, bundled.extractor.nb_max_frames // 2
    assert frames_for(15 * rate, bundled.extractor).is_whole
    assert frames_for(int(14.5 * rate), bundled.extractor).is_whole
    short = frames_for(3 * rate, bundled.extractor)
    assert not short.is_whole and 150 < short.own < 200 and short.window == window == 750


def stock(model: Loaded, samples: np.ndarray) -> torch.Tensor:
    inputs = model.extractor(samples, sampling_rate=model.sample_rate, return_tensors="pt")
    return model.pipeline.model(**inputs).logits


@torch.inference_mode()
def test_own_length_and_window_give_the_same_scores(bundled: Loaded) -> None:
    rows = load_data(SAMPLE)["train"]
    clips = [clip_at(rows, row) for row in range(0, len(rows), 16)]
    clips += [read_clip(path) for path in sorted(EXAMPLES.glob("*.wav"))]
    differences = []
    for clip in clips:
        samples = resample(clip, bundled.sample_rate).samples
        whole = stock(bundled, samples).softmax(-1)
        own = logits(bundled.pipeline.model, [samples], bundled.extractor).softmax(-1)
        assert own.argmax() == whole.argmax()
        differences.append(float((own - whole).abs().max()))
    assert max(differences) < 0.1 and np.mean(differences) < 0.02


@torch.inference_mode()
def test_leaving_the_padding_out_changes_the_scores_more(
    bundled: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = resample(read_clip(min(EXAMPLES.glob("*.wav"))), bundled.sample_rate).samples
    whole = stock(bundled, samples)
    own = logits(bundled.pipeline.model, [samples], bundled.extractor)
    monkeypatch.setattr(Frames, "counts", property(lambda self: np.ones(len(self.positions), int)))
    uncounted = logits(bundled.pipeline.model, [samples], bundled.extractor)
    assert (uncounted - whole).abs().max() > 5 * (own - whole).abs().max()


@torch.inference_mode()
def test_frames_of_the_clip_are_those_of_the_whole_window(bundled: Loaded) -> None:
    samples = resample(read_clip(min(EXAMPLES.glob("*.wav"))), bundled.sample_rate).samples
    encoder, extractor = whisper_encoder(bundled.pipeline.model), bundled.extractor
    frames = frames_for(len(samples), extractor)
    own = encode(encoder, spectra([samples], frames, extractor), frames)[0]
    every = Frames(frames.window, frames.window)
    whole = encode(encoder, spectra([samples], every, extractor), every)[0]
    error = (own - whole[frames.positions]).norm(dim=1) / whole[frames.positions].norm(dim=1)
    assert error[: frames.own].mean() < 0.05


@torch.inference_mode()
def test_clips_of_one_batch_get_the_answers_that_they_get_alone(bundled: Loaded) -> None:
    clips = [read_clip(path) for path in sorted(EXAMPLES.glob("*.wav"))]
    sounds = [resample(clip, bundled.sample_rate).samples[:32_000] for clip in clips]
    model, extractor = bundled.pipeline.model, bundled.extractor
    together = logits(model, sounds, extractor)
    alone = torch.cat([logits(model, [sound], extractor) for sound in sounds])
    assert torch.allclose(together.softmax(-1), alone.softmax(-1), atol=1e-4)


def test_only_a_model_whose_padding_is_muted_runs_at_own_length(
    bundled: Loaded, tmp_path: Path
) -> None:
    assert runs_at_own_length(bundled.pipeline.model, bundled.extractor)
    for make in (tiny.tiny_whisper, tiny.tiny_wav2vec2):
        model, extractor = load_base(str(make(tmp_path / make.__name__)), tiny.LABELS, 1)
        assert not runs_at_own_length(model, extractor)


def test_a_spectrum_with_random_noise_added_is_computed_whole(bundled: Loaded) -> None:
    extractor = type(bundled.extractor)(chunk_length=15, dither=0.1)
    assert not runs_at_own_length(bundled.pipeline.model, extractor)


@torch.inference_mode()
def test_bfloat16_predicts_the_same_intents(bundled: Loaded) -> None:
    model, extractor = bundled.pipeline.model, bundled.extractor
    for path in sorted(EXAMPLES.glob("*.wav")):
        samples = resample(read_clip(path), bundled.sample_rate).samples
        single = logits(model, [samples], extractor).softmax(-1)
        half = logits(model, [samples], extractor, torch.bfloat16).softmax(-1)
        assert half.dtype == torch.float32 and half.argmax() == single.argmax()
        assert (half - single).abs().max() < 0.05


@pytest.mark.parametrize(
    ("cost", "chosen"),
    [(0.5, torch.bfloat16), (0.9, torch.float32), (5.0, torch.float32)],
)
def test_bfloat16_is_chosen_only_if_it_is_measured_to_be_much_faster(
    cost: float, chosen: torch.dtype, bundled: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How fast a processor is cannot be had on every machine: the clock is set.
    seconds = {False: 1.0, True: cost}
    clock = iter(time for _ in range(10) for half in (False, True) for time in (0.0, seconds[half]))
    monkeypatch.setattr(whisper_own_length.time, "thread_time", lambda: next(clock))
    assert faster_dtype(bundled.pipeline.model, bundled.extractor) == chosen
