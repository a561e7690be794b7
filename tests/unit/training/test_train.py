"""Laws of training: every preset, stopping in every phase, resuming, leaving out seen clips."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from transformers import pipeline

from intent import recipes
from intent.audio.clip import clip_hash, read_clip, resample
from intent.checkpoints.provenance import read_provenance
from intent.errors import CheckpointError, DataError
from intent.runs import events
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.training import phases
from intent.training.gradient.fine_tuning import training_arguments
from intent.training.train import train
from tests.tiny import LABELS, tiny_wav2vec2, tiny_whisper, tone, tone_folder, wav_bytes

pytestmark = pytest.mark.usefixtures("fresh_cache")

FAMILIES = {"whisper": tiny_whisper, "wav2vec2": tiny_wav2vec2}
GRADIENT = {
    "method": "fine-tune",
    "head": "closed-form",
    "trainable_layers": 1,
    "learning_rate": 1e-5,
    "batch_size": 16,
    "epochs": 4,
}
# preset, changes, phase, and how often the phase begins until the stop
STOPS = [
    ("recommended", GRADIENT, phases.LOADING_DATA, 1),
    ("recommended", GRADIENT, phases.MUTING_PADDING, 1),
    ("recommended", GRADIENT, phases.READING_AUDIO, 1),
    ("recommended", GRADIENT, phases.COMPUTING_FEATURES, 1),
    ("recommended", GRADIENT, phases.FITTING, 1),
    ("recommended", GRADIENT, phases.training(1, 4), 1),
    ("recommended", GRADIENT, phases.EVALUATING, 2),  # after the first epoch
    ("recommended", GRADIENT, phases.training(2, 4), 1),
    ("recommended", {"epochs": 4}, phases.FITTING, 1),
    ("recommended", {"epochs": 4}, phases.CALIBRATING, 1),
    ("instant", {}, phases.TEST_FEATURES, 1),
    ("instant", {}, phases.TRAINING_FEATURES, 1),
    ("instant", {}, phases.EVALUATING, 1),
]


class Session:
    """One call of train, its events, and a wish to stop when a phase begins."""

    def __init__(self, folder: Path, stop_in: str | None = None, occurrence: int = 1) -> None:
        folder.mkdir(exist_ok=True)
        self.run = RunDir(folder)
        self.events: list[events.Event] = []
        self.stop_in, self.occurrence = stop_in, occurrence
        self.stopping = False

    def on_event(self, event: events.Event) -> None:
        self.events.append(event)
        self.run.append(event)
        names = [phase.name for phase in self.of(events.Phase)]
        self.stopping |= names.count(self.stop_in) == self.occurrence

    def train(self, recipe: recipes.Recipe, budget_seconds: float | None = None) -> "Session":
        train(recipe, self.run, self.on_event, lambda: self.stopping, budget_seconds)
        return self

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def end(self) -> events.Finished:
        assert isinstance(self.events[-1], events.Finished)
        return self.events[-1]


def recipe_for(preset: str, family: str, data: Path, tmp_path: Path, **changes) -> recipes.Recipe:
    base = FAMILIES[family](tmp_path / f"tiny-{family}")
    values = {"base": str(base), "data": str(data), "window_seconds": 1, **changes}
    return recipes.change(recipes.preset(preset, family), values)


def answers(model: Path, sounds: list[np.ndarray]) -> list[str]:
    classify = pipeline("audio-classification", model=str(model))
    return [classify(sound)[0]["label"] for sound in sounds]


def features_in(tmp_path: Path) -> dict[Path, int]:
    """Feature files of clips and their copies, and when they were written."""
    files = (tmp_path / "cache" / "features").rglob("*-[0-9].npy")
    pooled = (tmp_path / "cache" / "features").rglob("*-pooled-*.npy")
    return {path: path.stat().st_mtime_ns for path in {*files} - {*pooled}}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("preset", recipes.PRESETS)
def test_every_preset_ends_with_a_stock_checkpoint_that_has_the_reported_accuracy(
    preset: str, family: str, tones: Path, tmp_path: Path
) -> None:
    changes = {} if preset == "instant" else {"epochs": 2}
    session = Session(tmp_path / "run").train(
        recipe_for(preset, family, tones, tmp_path, **changes)
    )
    assert session.end.outcome == "done" and session.end.clips == 6
    low, high = session.end.interval
    assert 0 <= low <= session.end.accuracy <= high <= 1
    report = json.loads(session.run.report_file.read_text())
    test_names = {path.stem: path for path in tones.rglob("*.wav")}
    reported = {
        mistake["clip"]: mistake["predicted"] for mistake in report["evaluation"]["mistakes"]
    }
    files = [path for path in test_names.values() if any(path.stem in name for name in reported)]
    sounds = [resample(read_clip(path), 16000).samples for path in files]
    for path, answer in zip(files, answers(session.run.model, sounds), strict=True):
        assert answer == next(reported[name] for name in reported if path.stem in name)
    assert len(reported) == round((1 - session.end.accuracy) * 6)
    stored = read_report(session.run)
    assert {clip.name: clip.predicted for clip in stored.mistakes} == reported
    hashes = {clip_hash(read_clip(path)) for path in tones.rglob("*.wav")}
    assert len(stored.clips) == 6 and {clip.hash for clip in stored.clips} < hashes
    assert not session.run.checkpoints.exists()


def test_instant_classifies_tones_and_draws_accuracy_against_clips(
    tones: Path, tmp_path: Path
) -> None:
    session = Session(tmp_path / "run").train(recipe_for("instant", "whisper", tones, tmp_path))
    counts = [point.clips for point in session.of(events.EvalPoint)]
    assert counts == sorted(set(counts)) and counts[-1] == 24
    assert session.end.accuracy == 1.0
    clips = [read_clip((8000, tone(label, seed=99, seconds=0.9))) for label in LABELS]
    sounds = [resample(clip, 16000).samples for clip in clips]
    assert answers(session.run.model, sounds) == list(LABELS)


def test_instant_fits_two_classes(tmp_path: Path) -> None:
    two = tone_folder(tmp_path / "two", labels=("low", "high"))
    session = Session(tmp_path / "run").train(recipe_for("instant", "whisper", two, tmp_path))
    assert session.end.accuracy == 1.0 and session.of(events.Started)[0].labels == ("high", "low")


def test_augmented_copies_are_trained_on_with_their_clips(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("instant", "whisper", tones, tmp_path, copies=4)
    session = Session(tmp_path / "run").train(recipe)
    assert len(features_in(tmp_path)) == 24 * 5 + 6 and session.end.accuracy == 1.0


def test_features_are_computed_once_and_shared_by_seeds(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("instant", "whisper", tones, tmp_path, copies=0)
    Session(tmp_path / "first").train(recipe)
    first = features_in(tmp_path)
    assert len(first) == 30
    Session(tmp_path / "again").train(recipe)
    assert features_in(tmp_path) == first
    Session(tmp_path / "other-seed").train(recipes.change(recipe, {"seed": 7}))
    assert first.items() <= features_in(tmp_path).items()
    assert len(features_in(tmp_path)) <= 30 + 6 + 6  # clips that moved between the parts


def test_features_of_instant_are_used_again_to_fine_tune_the_last_layer(
    tones: Path, tmp_path: Path
) -> None:
    Session(tmp_path / "instant").train(recipe_for("instant", "whisper", tones, tmp_path, copies=2))
    first = features_in(tmp_path)
    assert len(first) == 24 * 3 + 6
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, epochs=1, copies=2)
    Session(tmp_path / "recommended").train(recipe)
    assert features_in(tmp_path) == first


def test_the_tuned_last_layer_classifies_tones_and_is_calibrated_on_held_out_clips(
    tones: Path, tmp_path: Path
) -> None:
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, epochs=12)
    session = Session(tmp_path / "run").train(recipe)
    points = session.of(events.EvalPoint)
    assert [point.epoch for point in points] == [0, 2, 4, 6, 8, 10, 12]
    assert session.end.accuracy == 1.0 and points[-1].loss < 0.5
    assert len(session.of(events.TrainPoint)) == 12
    clips = [read_clip((8000, tone(label, seed=99, seconds=0.9))) for label in LABELS]
    sounds = [resample(clip, 16000).samples for clip in clips]
    assert answers(session.run.model, sounds) == list(LABELS)


def test_a_temperature_that_was_fitted_before_is_used_and_fitting_one_changes_no_weight(
    tones: Path, tmp_path: Path
) -> None:
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, epochs=2)
    fitted, session = Session(tmp_path / "fitted").train(recipe), Session(tmp_path / "run")
    session.run.checkpoints.mkdir()
    (session.run.checkpoints / "temperature.json").write_text("1000.0")
    session.train(recipe)
    assert phases.CALIBRATING not in {phase.name for phase in session.of(events.Phase)}
    assert session.of(events.EvalPoint)[-1].loss == pytest.approx(np.log(3), abs=0.05)
    weights = [
        load_file(one.run.model / "model.safetensors")["encoder.layers.1.fc1.weight"]
        for one in (fitted, session)
    ]
    assert np.allclose(*weights, atol=1e-7)


def test_the_last_layer_learns_from_clips_too_few_to_leave_some_out(tmp_path: Path) -> None:
    few = tone_folder(tmp_path / "few", clips_per_label=5)
    session = Session(tmp_path / "run").train(
        recipe_for("recommended", "whisper", few, tmp_path, epochs=1)
    )
    assert session.end.outcome == "done" and session.of(events.Started)[0].train_clips == 12
    assert phases.CALIBRATING not in {phase.name for phase in session.of(events.Phase)}


@pytest.mark.parametrize("keep_best", [False, True])
def test_the_last_layer_keeps_its_last_epoch_or_the_first_of_the_best(
    keep_best: bool, tones: Path, tmp_path: Path
) -> None:
    changes = {"epochs": 2, "keep_best": keep_best}
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, **changes)
    session = Session(tmp_path / "run").train(recipe)
    assert [point.accuracy for point in session.of(events.EvalPoint)] == [1.0, 1.0, 1.0]
    name = "encoder.layers.1.fc1.weight"
    before = load_file(Path(recipe.base) / "model.safetensors")[name]
    after = load_file(session.run.model / "model.safetensors")[name]
    trained = (before != after).any(1).sum()  # neurons; one mutes the padding
    assert trained == 1 if keep_best else trained > 1


class Killed(Exception):
    """A process that ends without a word."""


def test_a_run_killed_after_its_last_checkpoint_ends_as_an_undisturbed_one(
    tones: Path, tmp_path: Path
) -> None:
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, epochs=12)
    undisturbed = Session(tmp_path / "whole").train(recipe)
    first = Session(tmp_path / "run")

    def die_when_trained(event: events.Event) -> None:
        first.on_event(event)
        trained = (first.run.checkpoints / "checkpoint-12" / "trainer_state.json").exists()
        if trained and isinstance(event, events.Phase):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, first.run, die_when_trained)
    second = Session(tmp_path / "run").train(recipe)
    assert second.end.accuracy == undisturbed.end.accuracy == 1.0
    last, expected = second.of(events.EvalPoint)[-1], undisturbed.of(events.EvalPoint)[-1]
    assert last.loss == pytest.approx(expected.loss, abs=1e-5)
    assert (last.step, last.epoch) == (expected.step, expected.epoch) == (12, 12)


def test_leave_one_out_needs_a_whisper_encoder(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("recommended", "wav2vec2", tones, tmp_path, method="leave-one-out")
    with pytest.raises(CheckpointError, match="fine-tunes the last layer of a Whisper encoder"):
        Session(tmp_path / "run").train(recipe)


def test_fine_tuning_shows_training_and_evaluation_as_it_goes(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("recommended", "wav2vec2", tones, tmp_path, epochs=3)
    session = Session(tmp_path / "run").train(recipe)
    assert [point.epoch for point in session.of(events.EvalPoint)] == [1, 2, 3]
    points = session.of(events.TrainPoint)
    assert len(points) == 9 and all(0 <= point.accuracy <= 1 for point in points)
    assert [point.step for point in points] == sorted(point.step for point in points)
    names = [event.name for event in session.of(events.Phase)]
    assert phases.training(1, 3) in names and phases.training(3, 3) in names
    assert names[-1] == phases.SAVING
    last = session.of(events.Progress)[-1]
    assert last.clips_per_second > 0


def test_the_guide_draws_a_point_within_its_accumulation(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("guide", "wav2vec2", tones, tmp_path, epochs=2, batch_size=4)
    session = Session(tmp_path / "run").train(recipe)
    assert any(point.step % 1 for point in session.of(events.TrainPoint))


@pytest.mark.parametrize(("preset", "changes", "phase", "occurrence"), STOPS)
def test_a_stop_in_any_phase_leaves_a_stock_checkpoint(
    preset: str, changes: dict, phase: str, occurrence: int, tones: Path, tmp_path: Path
) -> None:
    recipe = recipe_for(preset, "whisper", tones, tmp_path, **changes)
    session = Session(tmp_path / "run", phase, occurrence).train(recipe)
    assert session.stopping and session.end.outcome == "stopped"
    assert answers(session.run.model, [tone("low", sample_rate=16000)])[0] in LABELS
    names = [event.name for event in session.of(events.Phase)]
    stop = [index for index, name in enumerate(names) if name == phase][occurrence - 1]
    assert not any(name.startswith("Training") for name in names[stop + 1 :])


@pytest.mark.parametrize("changes", [{"epochs": 4}, GRADIENT], ids=["head", "layers"])
def test_a_stop_keeps_the_best_checkpoint_so_far(
    changes: dict[str, object], tones: Path, tmp_path: Path
) -> None:
    changes = {**changes, "learning_rate": 0.05}
    recipe = recipe_for("recommended", "whisper", tones, tmp_path, **changes)
    session = Session(tmp_path / "run", stop_in=phases.training(3, 4)).train(recipe)
    best = max(point.accuracy for point in session.of(events.EvalPoint))
    assert session.end.accuracy == best == session.of(events.Saved)[-1].accuracy


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_out_of_time_resumes_from_its_own_checkpoint(
    family: str, tones: Path, tmp_path: Path
) -> None:
    recipe = recipe_for("recommended", family, tones, tmp_path, epochs=6)
    undisturbed = Session(tmp_path / "whole").train(recipe)
    first = Session(tmp_path / "run", stop_in=phases.training(3, 6)).train(recipe)
    assert first.end.outcome == "stopped" and first.run.checkpoints.exists()
    second = Session(tmp_path / "run").train(recipe)
    assert second.end.outcome == "done" and second.of(events.Started)[0].resumed
    assert second.of(events.TrainPoint)[0].epoch > 1
    expected = {p.epoch: p.loss for p in undisturbed.of(events.EvalPoint)}
    found = {p.epoch: p.loss for p in second.of(events.EvalPoint)}
    assert found[6] == pytest.approx(expected[6], abs=1e-5)


def test_no_padding_detector_is_fitted_when_the_time_is_up(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("instant", "whisper", tones, tmp_path)
    Session(tmp_path / "in-time").train(recipe)
    [detector] = (tmp_path / "cache" / "padding").iterdir()
    detector.unlink()
    assert (
        Session(tmp_path / "late").train(recipe, budget_seconds=1e-6).end.outcome == "out of time"
    )
    assert not detector.exists()


def test_a_budget_ends_a_run_as_out_of_time(tones: Path, tmp_path: Path) -> None:
    recipe = recipe_for("recommended", "wav2vec2", tones, tmp_path, epochs=200)
    session = Session(tmp_path / "run").train(recipe, budget_seconds=2)
    assert session.end.outcome == "out of time" and session.end.accuracy is not None


def test_clips_that_the_base_was_trained_on_are_never_tested_on(
    tones: Path, tmp_path: Path
) -> None:
    first = Session(tmp_path / "first").train(recipe_for("instant", "whisper", tones, tmp_path))
    recipe = recipes.change(
        recipe_for("instant", "whisper", tones, tmp_path, seed=3), {"base": str(first.run.model)}
    )
    second = Session(tmp_path / "second").train(recipe)
    started = second.of(events.Started)[0]
    assert started.test_clips + started.seen_clips == 6 and started.seen_clips > 0
    assert second.end.clips == started.test_clips
    passed_on = set(read_provenance(second.run.model).trained_on)
    assert passed_on >= set(read_provenance(first.run.model).trained_on)


def test_a_test_part_that_was_all_seen_is_refused(tones: Path, tmp_path: Path) -> None:
    first = Session(tmp_path / "first").train(recipe_for("instant", "whisper", tones, tmp_path))
    twice = tmp_path / "twice"
    for label in LABELS:
        for index in range(6):
            sound = sorted((tones / label).iterdir())[index].read_bytes()
            (twice / label).mkdir(parents=True, exist_ok=True)
            (twice / label / f"{index}.wav").write_bytes(sound)
            (twice / label / f"{index}-again.wav").write_bytes(sound)
    base = str(first.run.model)
    trained_on = set(read_provenance(first.run.model).trained_on)
    for path in twice.rglob("*.wav"):
        from intent.audio.clip import clip_hash

        if clip_hash(read_clip(path)) not in trained_on:
            path.unlink()
    recipe = recipes.change(recipe_for("instant", "whisper", twice, tmp_path), {"base": base})
    with pytest.raises(DataError) as refused:
        Session(tmp_path / "second").train(recipe)
    assert re.fullmatch(
        rf"No test recording is left: {re.escape(base)} was trained on \d+ test recordings\. "
        "Choose another base model or the seed it was trained with\\.",
        str(refused.value),
    )


def duplicated(folder: Path, own_test_clips: int) -> Path:
    """A data set with its own test part: six training clips again, and some clips of its own."""
    tone_folder(folder / "train", clips_per_label=4 + own_test_clips)
    for label in LABELS:
        (folder / "test" / label).mkdir(parents=True)
        for index in range(2):
            sound = (folder / "train" / label / f"{label}-{index:02d}.wav").read_bytes()
            (folder / "test" / label / f"again-{index}.wav").write_bytes(sound)
        for path in sorted((folder / "train" / label).iterdir())[4:]:
            path.rename(folder / "test" / label / path.name)
    return folder


def test_duplicates_within_the_data_are_counted_apart_from_the_bases_clips(tmp_path: Path) -> None:
    data = duplicated(tmp_path / "twice", own_test_clips=1)
    session = Session(tmp_path / "run").train(recipe_for("instant", "whisper", data, tmp_path))
    started = session.of(events.Started)[0]
    assert (started.seen_clips, started.duplicate_clips, started.test_clips) == (0, 6, 3)


def test_a_test_part_of_duplicates_is_not_blamed_on_the_base(tmp_path: Path) -> None:
    data = duplicated(tmp_path / "twice", own_test_clips=0)
    with pytest.raises(DataError) as refused:
        Session(tmp_path / "run").train(recipe_for("instant", "whisper", data, tmp_path))
    assert str(refused.value) == (
        "No test recording is left: the training set also contains 6 test recordings. "
        "Choose data without duplicates."
    )


def test_a_test_part_that_cannot_be_read_is_not_blamed_on_the_base(tmp_path: Path) -> None:
    data = duplicated(tmp_path / "twice", own_test_clips=0)
    for path in (data / "test").rglob("*.wav"):
        path.write_bytes(b"text")
    with pytest.raises(DataError) as refused:
        Session(tmp_path / "run").train(recipe_for("instant", "whisper", data, tmp_path))
    assert str(refused.value) == (
        "No readable test recording is left: add recordings or choose another data set."
    )


def test_unreadable_clips_are_left_out_counted_and_listed(tones: Path, tmp_path: Path) -> None:
    (tones / "low" / "broken.wav").write_bytes(b"not a sound at all")
    (tones / "high" / "empty.wav").write_bytes(b"")
    session = Session(tmp_path / "run").train(recipe_for("instant", "whisper", tones, tmp_path))
    skipped = session.of(events.Skipped)
    assert len(skipped) == 2 and any("broken" in skip.clip for skip in skipped)
    assert session.of(events.Started)[0].train_clips + session.end.clips == 30


def test_files_that_are_no_recordings_are_counted_and_named_in_the_run(
    tones: Path, tmp_path: Path
) -> None:
    (tones / "balance").mkdir()
    for number in range(6):
        (tones / "balance" / f"{number}.xyz").write_bytes(b"x")
    session = Session(tmp_path / "run").train(recipe_for("instant", "whisper", tones, tmp_path))
    assert [skip.reason for skip in session.run.history().skipped] == [
        '6 files of label "balance" were not used, because .xyz is not an audio suffix: '
        "0.xyz, 1.xyz, 2.xyz and 3 more."
    ]


def test_one_readable_intent_is_not_enough(tmp_path: Path) -> None:
    data = tone_folder(tmp_path / "tones", labels=("low",))
    (data / "high").mkdir()
    for index in range(10):
        (data / "high" / f"{index}.wav").write_bytes(b"text")
    with pytest.raises(DataError) as error:
        Session(tmp_path / "run").train(recipe_for("instant", "whisper", data, tmp_path))
    assert str(error.value) == (
        "The training set must have readable recordings of at least two intents, but has 1: "
        "add recordings or choose another data set."
    )


def test_a_base_without_a_linear_head_cannot_be_fitted_in_closed_form(
    tones: Path, tmp_path: Path
) -> None:
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=64,
        num_mel_bins=32,
    )
    ASTForAudioClassification(config).save_pretrained(tmp_path / "ast")
    ASTFeatureExtractor(max_length=64, num_mel_bins=32).save_pretrained(tmp_path / "ast")
    recipe = recipes.change(
        recipe_for("instant", "whisper", tones, tmp_path), {"base": str(tmp_path / "ast")}
    )
    with pytest.raises(CheckpointError, match="cannot be fitted in closed form"):
        Session(tmp_path / "run").train(recipe)


GUIDE = {  # huggingface.co/docs/transformers/tasks/audio_classification
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "learning_rate": 3e-5,
    "per_device_train_batch_size": 32,
    "gradient_accumulation_steps": 4,
    "per_device_eval_batch_size": 32,
    "num_train_epochs": 10,
    "warmup_steps": 0.1,
    "logging_steps": 10,
    "load_best_model_at_end": True,
    "metric_for_best_model": "accuracy",
}
OURS = {
    "output_dir",
    "seed",
    "data_seed",
    "report_to",
    "disable_tqdm",
    "use_cpu",
    "save_total_limit",
}


def test_the_guide_preset_gives_the_arguments_of_the_guide_field_by_field(tmp_path: Path) -> None:
    from dataclasses import fields

    from transformers import TrainingArguments

    ours = training_arguments(recipes.preset("guide", "wav2vec2"), tmp_path, "cpu")
    guide = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, **GUIDE)
    differing = {
        field.name
        for field in fields(guide)
        if getattr(ours, field.name, None) != getattr(guide, field.name, None)
    }
    assert differing <= OURS
    assert recipes.preset("guide", "wav2vec2").window_seconds == 1
    assert not ours.push_to_hub and ours.hub_token is None


def test_long_and_short_clips_train_together(tmp_path: Path) -> None:
    data = tone_folder(tmp_path / "tones", clips_per_label=6)
    for label in LABELS:
        (data / label / "long.wav").write_bytes(wav_bytes(tone(label, seconds=5)))
        (data / label / "short.wav").write_bytes(wav_bytes(tone(label, seconds=0.15)))
    for preset, family in (("recommended", "wav2vec2"), ("instant", "whisper")):
        recipe = recipe_for(preset, family, data, tmp_path)
        changes = {"epochs": 1, "window_seconds": 2}
        session = Session(tmp_path / f"run-{family}").train(recipes.change(recipe, changes))
        assert session.end.outcome == "done"
