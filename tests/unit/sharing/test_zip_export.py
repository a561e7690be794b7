"""The zip of a run is complete, reproducible and without paths; its ONNX predicts the same."""

import errno
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from transformers import AutoFeatureExtractor, pipeline

from intent.audio.clip import Clip
from intent.errors import CheckpointError, RunError
from intent.models import onnx_export
from intent.models.classifier import classify
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.sharing import zip_export
from intent.sharing.zip_export import zipped
from tests import tiny
from tests.finished import finished_run

SIX = ("a", "b", "c", "d", "e", "f")


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    recipe = Recipe(base=str(tmp_path / "encoder"), data=str(tmp_path / "recordings"))
    return finished_run(tmp_path / "runs", recipe, locales=[""] * 6)


def unpacked(run: RunDir, folder: Path, with_onnx: bool = False) -> Path:
    """Unpack the zip of a run and return its folder."""
    with zipped(run, with_onnx) as file, zipfile.ZipFile(file) as packed:
        assert packed.testzip() is None
        packed.extractall(folder)
    return folder / run.id


def test_the_zip_holds_the_checkpoint_its_card_recipe_and_report(
    run: RunDir, tmp_path: Path
) -> None:
    folder = unpacked(run, tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "confusion.png",
        "model.safetensors",
        "preprocessor_config.json",
        "provenance.json",
        "recipe.json",
        "report.json",
    ]
    weights = "model.safetensors"
    assert (folder / weights).read_bytes() == (run.model / weights).read_bytes()
    assert json.loads((folder / "report.json").read_text())["evaluation"]["clips"] == 6
    assert Recipe.from_json((folder / "recipe.json").read_text()).seed == 42
    assert f'model="{run.id}"' in (folder / "README.md").read_text()


def test_what_was_unpacked_predicts_in_stock_pipeline_what_the_run_predicts(
    run: RunDir, tmp_path: Path
) -> None:
    sound = np.pad(tiny.tone("low"), (0, 8000))
    answers = [
        pipeline("audio-classification", model=str(folder))(sound)
        for folder in (unpacked(run, tmp_path / "out"), run.model)
    ]
    assert answers[0] == answers[1]


def test_the_same_run_gives_the_same_zip(run: RunDir) -> None:
    with zipped(run) as file:
        first = file.read_bytes()
    for path in run.model.iterdir():  # a copy, a restored backup: other times, the same content
        path.touch()
    with zipped(run) as file:
        assert file.read_bytes() == first


def test_no_file_in_the_zip_holds_a_path_of_this_machine(run: RunDir, tmp_path: Path) -> None:
    for path in unpacked(run, tmp_path / "out").rglob("*.*"):
        assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_nothing_stays_behind_when_the_zip_was_taken_or_could_not_be_made(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with zipped(run) as file:
        assert file.name == f"{run.id}.zip"
        assert file.is_relative_to(tmp_path / "temporary")
    monkeypatch.setattr(zip_export, "card_files", full_disk)
    with pytest.raises(RunError) as refused, zipped(run):
        pass
    assert str(refused.value) == (
        f"There is no space for the zip of run {run.id} in {tmp_path / 'temporary'}: free some "
        "space and try again."
    )
    assert not list((tmp_path / "temporary").iterdir())


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_without_its_packages_onnx_says_what_to_install(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "NEEDED", ("onnx_of_no_such_name",))
    with pytest.raises(CheckpointError) as refused, zipped(run, with_onnx=True):
        pass
    assert str(refused.value) == (
        "ONNX export needs onnx_of_no_such_name, not installed: pip install "
        "onnx_of_no_such_name, or share without ONNX."
    )


def in_onnx_runtime(folder: Path, seconds: float) -> list[tuple[str, float]]:
    """Return labels and scores of a tone, highest first, without PyTorch."""
    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"))
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    sound = tiny.tone("high", seconds=seconds, sample_rate=16_000)
    inputs = extractor(sound, sampling_rate=16_000, return_tensors="np")
    (wanted,) = session.get_inputs()
    (logits,) = session.run(["logits"], {wanted.name: inputs[wanted.name]})
    scores = np.exp(logits[0] - logits[0].max())
    labels = json.loads((folder / "config.json").read_text())["id2label"]
    ranked = np.argsort(-scores)
    return [(labels[str(i)], float(scores[i] / scores.sum())) for i in ranked]


@pytest.mark.parametrize("make", [tiny.tiny_whisper, tiny.tiny_wav2vec2])
def test_onnx_runtime_gives_the_same_top_five(
    make: Callable[..., Path], run: RunDir, tmp_path: Path
) -> None:
    make(run.model, labels=SIX)
    folder = unpacked(run, tmp_path / "out", with_onnx=True)
    for seconds in (1.0, 2.7):  # neither is as long as what the graph was traced with
        sound = Clip(tiny.tone("high", seconds=seconds, sample_rate=16_000), 16_000)
        ours = classify(sound, str(run.model)).top
        theirs = in_onnx_runtime(folder, seconds)[:5]
        assert [label for label, _ in theirs] == [score.label for score in ours]
        for (_, score), own in zip(theirs, ours, strict=True):
            assert score == pytest.approx(own.score, abs=1e-3)
    graph = (folder / "onnx" / "model.onnx").read_bytes()
    assert b".py" not in graph  # the exporter's notes are stack traces
