"""A resumed run keeps its split: it tests on nothing that it learnt, whatever became of its data."""

import json
from pathlib import Path

import pytest

from intent import recipes
from intent.audio.clip import clip_hash, read_clip
from intent.checkpoints.provenance import read_provenance
from intent.errors import RunError
from intent.runs import events
from intent.runs.kept_split import read_split
from intent.runs.report import read_report
from intent.training import phases
from tests.tiny import LABELS, tone, wav_bytes
from tests.unit.training.test_train import GRADIENT, Session, recipe_for

pytestmark = pytest.mark.usefixtures("fresh_cache")

NEW = (
    "It was added to the data set after this run began, and is not used. Start a new run to use it."
)


@pytest.fixture
def recipe(tones: Path, tmp_path: Path) -> recipes.Recipe:
    changes = {**GRADIENT, "epochs": 2}
    return recipe_for("recommended", "whisper", tones, tmp_path, **changes)


@pytest.fixture
def stopped(recipe: recipes.Recipe, tmp_path: Path) -> Session:
    """A run that was stopped after its first epoch."""
    session = Session(tmp_path / "run", phases.training(2, 2)).train(recipe)
    assert session.end.outcome == "stopped" and session.run.checkpoints.is_dir()
    return session


def hashes(paths: list[Path]) -> set[str]:
    return {clip_hash(read_clip(path)) for path in paths}


def add_clips(tones: Path) -> list[Path]:
    """Add clips that sort before all others, so that the split drawn of all is another one."""
    added = []
    for label in LABELS:
        for seed in (90, 91):
            added.append(tones / label / f"a-{seed}.wav")
            added[-1].write_bytes(wav_bytes(tone(label, seed)))
    return added


def test_added_clips_are_reported_and_no_training_clip_is_tested_on(
    stopped: Session, recipe: recipes.Recipe, tones: Path, tmp_path: Path
) -> None:
    before = read_split(stopped.run)
    added = add_clips(tones)
    resumed = Session(tmp_path / "run").train(recipe)
    tested = {clip.hash for clip in read_report(resumed.run).clips}
    assert tested == {clip.hash for clip in before.test} and not tested & before.trained_on
    assert not tested & set(read_provenance(resumed.run.model).trained_on)
    named = {(skip.clip.rpartition("/")[2], skip.reason) for skip in resumed.of(events.Skipped)}
    assert len(named) == 2 and {reason for _, reason in named} == {NEW}
    assert len(resumed.of(events.Skipped)) == len(added) == 6
    assert read_split(resumed.run) == before


def test_clips_that_are_gone_are_named_and_stay_in_the_provenance(
    stopped: Session, recipe: recipes.Recipe, tones: Path, tmp_path: Path
) -> None:
    before = read_split(stopped.run)
    path_of = {clip_hash(read_clip(path)): path for path in tones.rglob("*.wav")}
    learnt, tested = before.train[0], before.test[0]
    path_of[learnt.hash].unlink()
    path_of[tested.hash].unlink()
    resumed = Session(tmp_path / "run").train(recipe)
    assert [(skip.clip, skip.reason) for skip in resumed.of(events.Skipped)] == [
        (
            clip.name,
            f"It was in the {part} set when this run began, but is no longer in the data set.",
        )
        for clip, part in ((learnt, "training"), (tested, "test"))
    ]
    started = resumed.of(events.Started)[0]
    assert (started.train_clips, started.test_clips) == (23, 5)
    assert before.trained_on <= set(read_provenance(resumed.run.model).trained_on)


def test_a_clip_with_another_label_is_named_and_not_used(
    stopped: Session, recipe: recipes.Recipe, tones: Path, tmp_path: Path
) -> None:
    moved = next(clip for clip in read_split(stopped.run).test if clip.label == "low")
    path = next(p for p in tones.rglob("*.wav") if clip_hash(read_clip(p)) == moved.hash)
    path.rename(tones / "high" / "moved.wav")
    resumed = Session(tmp_path / "run").train(recipe)
    assert [(skip.clip, skip.reason) for skip in resumed.of(events.Skipped)] == [
        (moved.name, "Its label was low when this run began, but is high now: it is not used.")
    ]
    assert moved.hash not in {clip.hash for clip in read_report(resumed.run).clips}


def test_a_new_label_is_refused_in_a_sentence(
    stopped: Session, recipe: recipes.Recipe, tones: Path, tmp_path: Path
) -> None:
    (tones / "low").rename(tones / "lowest")
    with pytest.raises(RunError) as refused:
        Session(tmp_path / "run").train(recipe)
    assert str(refused.value) == (
        "This run began with 3 labels, but its data set has other labels now (new: lowest; gone: "
        "low). "
        "Restore the data set, or start a new run."
    )


def test_a_run_of_an_earlier_version_resumes_only_with_its_data(
    stopped: Session, recipe: recipes.Recipe, tones: Path, tmp_path: Path
) -> None:
    stopped.run.split_file.unlink()  # earlier versions wrote none
    added = add_clips(tones)
    with pytest.raises(RunError) as refused:
        Session(tmp_path / "run").train(recipe)
    assert str(refused.value).startswith(
        "The data set has changed since this run began, and the run has no list of its recordings. "
    )
    assert str(refused.value).endswith(
        "test recordings were trained on. Restore the data set, or start a new run."
    )
    assert not stopped.run.split_file.exists()
    for path in added:
        path.unlink()
    resumed = Session(tmp_path / "run").train(recipe)
    assert resumed.end.outcome == "done" and resumed.end.clips == 6


def test_a_damaged_list_of_clips_is_reported(
    stopped: Session, recipe: recipes.Recipe, tmp_path: Path
) -> None:
    stopped.run.split_file.write_text('{"labels": [1]')
    with pytest.raises(
        RunError, match=r"^The list of training and test recordings of run run cannot"
    ):
        Session(tmp_path / "run").train(recipe)


def test_a_resume_that_is_stopped_while_reading_keeps_all_training_hashes(
    stopped: Session, recipe: recipes.Recipe, tmp_path: Path
) -> None:
    learnt = read_split(stopped.run).trained_on
    resumed = Session(tmp_path / "run", phases.READING_AUDIO).train(recipe)
    assert resumed.end.outcome == "stopped" and not resumed.of(events.Skipped)
    assert learnt <= set(read_provenance(resumed.run.model).trained_on)
    assert read_split(resumed.run).trained_on == learnt


def test_a_split_holds_each_clip_with_its_label(stopped: Session, tones: Path) -> None:
    kept = json.loads(stopped.run.split_file.read_text())
    assert kept["labels"] == sorted(LABELS)
    assert [len(kept[part]) for part in ("train", "test")] == [24, 6]
    of = {clip["hash"]: clip["label"] for part in ("train", "test") for clip in kept[part]}
    assert of == {clip_hash(read_clip(path)): path.parent.name for path in tones.rglob("*.wav")}
    assert hashes(list(tones.rglob("*.wav"))) == set(of)
