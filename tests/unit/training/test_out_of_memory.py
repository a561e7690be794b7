"""Too little memory: fewer clips at a time, as many per step, once, and it is reported."""

import functools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2ForSequenceClassification

from intent.errors import RunError
from intent.jobs.worker import work
from intent.models.whisper_ffn import FeedForward
from intent.recipes import change, preset
from intent.runs.directory import history_of
from intent.runs.events import Finished, Halved, Started
from intent.runs.store import create_run, state
from intent.training.leave_one_out.loss import LeaveOneOut
from intent.training.out_of_memory import halved
from tests.tiny import tiny_wav2vec2, tiny_whisper, tone_folder

QUICK = {"window_seconds": 1, "epochs": 2}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tones(tmp_path: Path) -> str:
    return str(tone_folder(tmp_path / "tones", 6))


def only_room_for(
    clips: int, module: type[torch.nn.Module], monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Let a module that learns run out of memory beyond so many clips; returns the sizes it saw."""
    forward, sizes = module.forward, []

    @functools.wraps(forward)  # Trainer reads the names of its arguments
    def limited(self: torch.nn.Module, *inputs: torch.Tensor, **named: torch.Tensor) -> object:
        if self.training and torch.is_grad_enabled():
            sizes.append(len(next(iter([*inputs, *named.values()]))))
            if sizes[-1] > clips:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, *inputs, **named)

    monkeypatch.setattr(module, "forward", limited)
    return sizes


@settings(deadline=None)
@given(st.integers(1, 4096), st.integers(1, 64))
def test_half_a_batch_keeps_the_clips_of_a_step(batch: int, passes: int) -> None:
    recipe = change(preset("guide"), {"batch_size": batch, "accumulation_steps": passes})
    smaller = halved(recipe)
    if smaller is None:
        assert batch == 1 or batch * passes > 64
        return
    assert smaller.batch_size <= batch / 2
    assert smaller.batch_size * smaller.accumulation_steps == batch * passes
    if batch % 2 == 0:
        assert smaller.accumulation_steps == 2 * passes


def test_a_fine_tune_that_runs_out_of_memory_continues_with_half_the_batch(
    tones: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_wav2vec2(tmp_path / "base")
    values = {"data": tones, "base": str(base), **QUICK, "batch_size": 8, "accumulation_steps": 1}
    recipe = change(preset("guide", "wav2vec2"), values)
    whole = create_run(tmp_path / "runs", recipe)
    work(whole)
    sizes = only_room_for(4, Wav2Vec2ForSequenceClassification, monkeypatch)
    run = create_run(tmp_path / "runs", recipe)
    work(run)
    history = history_of(run)
    assert isinstance(history.end, Finished) and state(run) == "done"
    assert (history.halved.clips_at_once, history.halved.passes) == (4, 2)
    assert sizes[0] == 8 and set(sizes[1:]) <= {4, 3, 2, 1}
    steps = [point.step for point in history.evaluations]
    assert steps == [point.step for point in history_of(whole).evaluations]
    assert sum(isinstance(event, Halved) for event in run.events()) == 1


def test_memory_that_is_too_small_for_half_a_batch_ends_the_run_with_a_sentence(
    tones: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"data": tones, "base": str(tiny_wav2vec2(tmp_path / "base")), **QUICK}
    run = create_run(tmp_path / "runs", change(preset("guide", "wav2vec2"), values))
    only_room_for(0, Wav2Vec2ForSequenceClassification, monkeypatch)
    with pytest.raises(RunError, match="^Out of memory"):
        work(run)
    assert sum(isinstance(event, Halved) for event in run.events()) == 1
    assert state(run) == "failed"


def test_leave_one_out_keeps_its_batch_and_takes_it_in_two_passes(
    tones: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"data": tones, "base": str(tiny_whisper(tmp_path / "base")), **QUICK}
    recipe = change(preset("recommended"), values)
    whole = create_run(tmp_path / "runs", recipe)
    work(whole)
    sizes = only_room_for(8, FeedForward, monkeypatch)
    run = create_run(tmp_path / "runs", recipe)
    work(run)
    history, expected = history_of(run), history_of(whole)
    train_clips = history.started.train_clips
    assert history.halved.passes == 2 and history.halved.clips_at_once == -(-train_clips // 2)
    assert max(sizes[1:]) <= 8 < sizes[0]
    for point, wanted in zip(history.train, expected.train, strict=True):
        assert point.loss == pytest.approx(wanted.loss, abs=1e-4)


def test_two_passes_give_the_loss_and_the_gradient_of_one(tmp_path: Path) -> None:
    from transformers import WhisperForAudioClassification

    base = tiny_whisper(tmp_path / "base")
    frames, labels = torch.randn(9, 5, 32), torch.arange(9) % 3
    found = []
    for passes in (1, 2):
        learning = LeaveOneOut(WhisperForAudioClassification.from_pretrained(base), passes).train()
        loss = learning(frames, labels).loss
        loss.backward()
        found.append((loss.detach(), learning.feed_forward.fc1.weight.grad))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_resumed_run_remembers_that_memory_is_short(
    tones: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"data": tones, "base": str(tiny_wav2vec2(tmp_path / "base")), **QUICK}
    recipe = change(preset("guide", "wav2vec2"), {**values, "batch_size": 8})
    run = create_run(tmp_path / "runs", recipe)
    sizes = only_room_for(4, Wav2Vec2ForSequenceClassification, monkeypatch)

    def die_when_tested(event: object) -> None:
        if len(history_of(run).evaluations) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(run, die_when_tested)
    before = len(sizes)
    work(run)
    assert state(run) == "done" and max(sizes[before:]) <= 4
    assert sum(isinstance(event, Started) for event in run.events()) == 3
