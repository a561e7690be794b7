"""The law of rows: what is pooled from stored streams is what the whole encoder gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

from intent.data.labelled_clip import LabelledClip
from intent.models.split import PooledEncoder
from intent.models.whisper_ffn import FeedForward, FeedForwardInput
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.training.context import Watch, Work
from intent.training.pooling import pool, pooled_rows
from tests.tiny import tiny_whisper, tone


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """A tiny Whisper whose muting neuron fires on half of the frames."""
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))
    base = tiny_whisper(tmp_path / "tiny")
    model = AutoModelForAudioClassification.from_pretrained(base).eval()
    model.config.padding_neuron = 5
    extractor = AutoFeatureExtractor.from_pretrained(base)
    recipe = Recipe(window_seconds=extractor.chunk_length, copies=2)
    watch = Watch(lambda: False, None)
    return Work(
        recipe, RunDir(tmp_path), lambda event: None, watch, model, extractor, "cpu", (), (), (), 0
    )


def mel(work: Work, clips: int = 3) -> torch.Tensor:
    frames = 2 * work.model.config.max_source_positions
    return torch.randn(clips, 80, frames, generator=torch.Generator().manual_seed(0))


def test_pooled_streams_are_what_the_whole_encoder_gives(work: Work) -> None:
    fc1 = work.model.encoder.layers[-1].fc1
    seen = []
    with torch.inference_mode(), fc1.register_forward_hook(lambda *a: seen.append(a[2][..., 5])):
        work.model.encoder(mel(work))
    with torch.inference_mode():
        fc1.bias[5] -= seen[0].median()
        streams = [stream.numpy() for stream in FeedForwardInput(work.model)(mel(work))]
        expected = PooledEncoder(work.model)(mel(work)).numpy()
    window = work.model.config.max_source_positions
    assert all(0 < len(stream) < window for stream in streams)  # some frames are muted
    rows = pool(work, FeedForward(work.model), streams, torch.float32)
    assert np.allclose(rows, expected, atol=1e-5)


def test_a_clip_and_its_copies_get_one_row_each_deterministically(work: Work) -> None:
    from intent.audio.clip import read_clip

    clips = [
        LabelledClip(str(i), i, "", "", f"{i:040x}", lambda i=i: read_clip((8000, tone("low", i))))
        for i in range(3)
    ]
    first, again = (dict(pooled_rows(work, clips)) for _ in range(2))
    assert list(first) == [0, 1, 2]
    for index, rows in first.items():
        assert rows.shape == (3, work.model.config.d_model + 1) and rows.dtype == np.float32
        assert np.array_equal(rows, again[index])
