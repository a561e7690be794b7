"""Training and its test use the part of a recording that `classify` uses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intent.audio.clip import clip_hash, read_clip
from intent.audio.speech_part import MARGIN_SECONDS, SpeechPart
from intent.audio.voice_activity import find_speech
from intent.data.labelled_clip import LabelledClip
from intent.models.classifier import classify
from intent.models.encoders import load_base
from intent.recipes import change, preset
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.runs.store import create_run
from intent.training import features
from intent.training.feature_cache import FeatureCache
from intent.training.features import FrontEnd, stored_features
from intent.training.train import train
from tests.late_speech import SECONDS_BEFORE, late, late_folder
from tests.tiny import tiny_wav2vec2, tiny_whisper

pytestmark = pytest.mark.usefixtures("fresh_cache")

FAMILIES = {"whisper": tiny_whisper, "wav2vec2": tiny_wav2vec2}
WINDOW = 2  # s


@pytest.fixture
def late_data(tmp_path: Path) -> Path:
    """Six recordings of two labels that begin with 16 s of noise."""
    return late_folder(tmp_path / "late", copies=3)


def instant(family: str, data: Path, tmp_path: Path) -> RunDir:
    """Train on the recordings, with one of each label as a test clip."""
    base = FAMILIES[family](tmp_path / f"tiny-{family}")
    values = {"base": str(base), "data": str(data), "window_seconds": WINDOW, "test_share": 0.4}
    recipe = change(preset("instant", family), values)
    run = create_run(tmp_path / "runs", recipe)
    train(recipe, run, run.append)
    return run


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reported_scores_are_those_that_the_checkpoint_gives(
    family: str, late_data: Path, tmp_path: Path
) -> None:
    run = instant(family, late_data, tmp_path)
    files = {clip_hash(read_clip(file)): file for file in late_data.rglob("*.wav")}
    clips = read_report(run).clips
    assert clips and {clip.hash for clip in clips} < set(files)  # of the whole recordings
    for clip in clips:
        answer = classify(read_clip(files[clip.hash]), str(run.model))
        scores = {score.label: score.score for score in answer.top}
        assert dict(clip.top) == pytest.approx(scores, abs=2e-3)
        assert clip.used == pytest.approx((answer.used_from, answer.used_to), abs=1e-3)
        assert clip.used[0] > SECONDS_BEFORE - MARGIN_SECONDS - 0.1


def test_features_are_those_of_the_part_and_so_are_those_of_its_copies(tmp_path: Path) -> None:
    model, extractor = load_base(str(tiny_whisper(tmp_path / "base")), ("a", "b"), WINDOW)
    front_end = FrontEnd(extractor, None, WINDOW, True, "cpu")
    clip = late("pay-a-bill")
    whole = LabelledClip("late", 0, "", "", clip_hash(clip), lambda: clip)
    labelled = replace(whole, seconds=clip.seconds, speech=find_speech(clip))
    cut = labelled.part(WINDOW).cut(clip)
    alone = replace(whole, read=lambda: cut)
    found = [stored(front_end, one, name) for one, name in ((labelled, "late"), (alone, "cut"))]
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert labelled.part_hash(WINDOW).startswith(f"{labelled.hash}@")


def stored(front_end: FrontEnd, clip: LabelledClip, name: str) -> list[np.ndarray]:
    [(_, found)] = stored_features(front_end, [clip], 3, FeatureCache(name))
    return [np.load(one.path) for one in found]


def test_a_recording_that_is_used_whole_keeps_the_name_of_its_features() -> None:
    clip = LabelledClip("a", 0, "", "", "abc", None, seconds=8.0, speech=((4.0, 5.0),))
    assert clip.part(15) == SpeechPart(0, 8, True, True)
    assert clip.part_hash(15) == "abc"
    assert replace(clip, speech=((5.5, 7.0),)).part_hash(15) == "abc@1.500-8.000"


def test_speech_is_detected_once(
    late_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_report(instant("whisper", late_data, tmp_path / "first"))
    monkeypatch.setattr(features, "find_speech", None)
    assert read_report(instant("whisper", late_data, tmp_path / "second")).clips == first.clips
