"""Training with a label that means "none of the intents": one mechanism for every recipe."""

import json
from pathlib import Path

import pytest
from transformers import pipeline

from intent import recipes
from intent.audio.clip import clip_hash, read_clip, resample
from intent.checkpoints.provenance import read_provenance
from intent.errors import RecipeError
from intent.evaluation.evaluate import evaluate_checkpoint
from intent.models.linear_head import Calibration
from intent.runs.directory import RunDir
from intent.runs.events import Finished, Phase
from intent.runs.report import read_report
from intent.training import phases
from intent.training.train import train
from tests.tiny import tiny_wav2vec2, tiny_whisper

pytestmark = pytest.mark.usefixtures("fresh_cache")

CHANGES = {
    "instant": {"copies": 0},
    "recommended": {"epochs": 1, "copies": 0},
    "guide": {"epochs": 1},
}
FAMILIES = {"whisper": tiny_whisper, "wav2vec2": tiny_wav2vec2}


def recipe_for(preset: str, family: str, tones: Path, tmp_path: Path, label: str) -> recipes.Recipe:
    base = FAMILIES[family](tmp_path / "base")
    values = {"base": str(base), "data": str(tones), "window_seconds": 1, "reject_label": label}
    return recipes.change(recipes.preset(preset, family), {**values, **CHANGES[preset]})


def trained(recipe: recipes.Recipe, folder: Path) -> RunDir:
    folder.mkdir(exist_ok=True)
    run = RunDir(folder)
    train(recipe, run, run.append)
    return run


@pytest.mark.parametrize(
    ("preset", "family"), [*((one, "whisper") for one in CHANGES), ("recommended", "wav2vec2")]
)
def test_every_recipe_gives_a_stock_checkpoint_whose_figures_leave_clips_of_none_out(
    preset: str, family: str, tones: Path, tmp_path: Path
) -> None:
    run = trained(recipe_for(preset, family, tones, tmp_path, "high"), tmp_path / "run")
    assert json.loads((run.model / "config.json").read_text())["reject_label"] == "high"
    report, end = read_report(run), run.events()[-1]
    assert isinstance(end, Finished) and end.clips == 4
    assert run.history().chance == 0.5
    of_intents = [clip for clip in report.clips if clip.true != "high"]
    assert len(report.clips) == 6 and len(of_intents) == 4
    assert report.accuracy == sum(clip.right for clip in of_intents) / 4
    assert set(report.per_intent) == {"low", "middle"}
    assert report.rejection and report.rejection.reject_clips == 2
    rejected = [clip.predicted == "high" for clip in of_intents]
    assert report.rejection.false_rejects == sum(rejected) / 4
    points = run.history().evaluations
    assert points[-1].accuracy == report.accuracy
    provenance = read_provenance(run.model)
    assert provenance and provenance.test_clips == 4

    stock = pipeline("audio-classification", model=str(run.model), device="cpu", top_k=1)
    sounds = {clip_hash(clip): clip for clip in map(read_clip, tones.rglob("*.wav"))}
    for clip in report.clips:
        samples = resample(sounds[clip.hash], stock.feature_extractor.sampling_rate).samples
        assert stock(samples)[0]["label"] == clip.predicted

    again = evaluate_checkpoint(str(run.model), str(tones))
    assert (again.accuracy, again.clips) == (report.accuracy, 4)
    assert again.rejection and again.rejection.false_rejects == report.rejection.false_rejects
    assert again.rejection.false_accepts == report.rejection.false_accepts


def test_a_label_called_none_is_an_intent_unless_the_recipe_says_otherwise(
    tones: Path, tmp_path: Path
) -> None:
    (tones / "high").rename(tones / "none")
    run = trained(recipe_for("instant", "whisper", tones, tmp_path, ""), tmp_path / "run")
    assert "reject_label" not in json.loads((run.model / "config.json").read_text())
    report, end = read_report(run), run.events()[-1]
    assert isinstance(end, Finished) and end.clips == 6 and report.rejection is None
    assert "none" in report.per_intent


def test_a_reject_label_that_is_not_in_the_data_is_refused(tones: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        trained(recipe_for("instant", "whisper", tones, tmp_path, "top"), tmp_path / "run")
    assert str(caught.value) == (
        "reject_label should be one of the data's labels, but is 'top': choose from high, low, middle."
    )


def test_a_resumed_run_keeps_the_operating_point_that_was_fitted(
    tones: Path, tmp_path: Path
) -> None:
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, "high")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    run = RunDir(tmp_path / "run")
    stored = json.dumps(vars(Calibration(temperature=1.0, reject_bias=1e4)))
    (run.checkpoints / "temperature.json").write_text(stored)
    trained(recipe, tmp_path / "run")
    assert all(clip.predicted == "high" for clip in read_report(run).clips)
    names = {event.name for event in run.events() if isinstance(event, Phase)}
    assert phases.CALIBRATING not in names
