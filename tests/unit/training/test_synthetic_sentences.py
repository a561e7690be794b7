"""Clips with a sentence that was learned from synthetic speech are never tested on."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from intent import recipes
from intent.checkpoints.provenance import read_provenance, sentence_hash
from intent.data.dataset import load_data
from intent.evaluation.evaluate import evaluate_checkpoint
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.training.train import train
from tests.tiny import LABELS, tiny_whisper, tone, wav_bytes

pytestmark = pytest.mark.usefixtures("fresh_cache")

TRAIN = ("Sentence zero, please!", "sentence one", "sentence two", "sentence three", "")
TEST = ("sentence zero please", "Sentence one.", "another one", "")


def spoken_folder(folder: Path, synthetic: str | None) -> Path:
    """Write tones with sentences; those of the training set are synthetic, if `synthetic` says so.

    The test set has one of the training set's sentences with another voice, twice.
    """
    header = ["file_name", "label", "transcription", "split"]
    rows = [header if synthetic is None else [*header, "synthetic"]]
    for part, sentences in (("train", TRAIN), ("test", TEST)):
        (folder / part).mkdir(parents=True)
        for label in LABELS:
            for number, sentence in enumerate(sentences):
                name = f"{part}/{label}-{number}.wav"
                sound = tone(label, seed=number + 100 * (part == "test"))
                (folder / name).write_bytes(wav_bytes(sound))
                said = "" if not sentence else f"{label} {sentence}"
                row = [name, label, f'"{said}"', part]
                # Of the two sentences in both parts, one is not synthetic.
                is_one = number == 0 and part == "train"
                rows.append(row if synthetic is None else [*row, synthetic if is_one else "false"])
    (folder / "metadata.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    return folder


def trained(base: Path, data: Path, folder: Path) -> RunDir:
    values = {"base": str(base), "data": str(data), "window_seconds": 1, "copies": 0}
    run = RunDir(folder)
    folder.mkdir()
    train(recipes.change(recipes.preset("instant"), values), run, run.append)
    return run


@pytest.mark.parametrize("synthetic", ["true", "True", "1"])
def test_a_column_says_which_clips_are_synthetic(synthetic: str, tmp_path: Path) -> None:
    data = load_data(str(spoken_folder(tmp_path / "spoken", synthetic)))
    names = [row["name"] for row in data["train"].remove_columns("audio") if row["synthetic"]]
    assert sorted(names) == [f"train/{label}-0.wav" for label in sorted(LABELS)]
    assert not any(data["test"]["synthetic"])


def test_a_parquet_file_may_have_the_column_too(tmp_path: Path) -> None:
    said = [True, None, False, True]
    table = pyarrow.table(
        {
            "audio": [{"bytes": wav_bytes(tone("low", n)), "path": None} for n in range(4)],
            "label": ["low", "high", "low", "high"],
            "synthetic": said,
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    assert load_data(str(tmp_path))["all"]["synthetic"][:] == [True, False, False, True]


def test_sentences_of_synthetic_training_clips_are_left_out_of_every_test(tmp_path: Path) -> None:
    data = spoken_folder(tmp_path / "spoken", "true")
    run = trained(tiny_whisper(tmp_path / "base"), data, tmp_path / "run")
    provenance, started = read_provenance(run.model), run.history().started
    assert provenance and started
    assert set(provenance.sentences) == {sentence_hash(f"{x} sentence zero please") for x in LABELS}
    tested = {clip.transcription for clip in read_report(run).clips}
    assert tested == {"", *(f"{x} {said}" for x in LABELS for said in TEST[1:] if said)}
    assert (started.test_clips, started.duplicate_clips) == (9, 3)

    found = evaluate_checkpoint(str(run.model), str(data))
    assert (found.clips, found.seen_in_training) == (9, 3)

    # As a base, it hands its sentences on.
    plain = spoken_folder(tmp_path / "plain", None)
    later = trained(run.model, plain, tmp_path / "later")
    history, handed_on = later.history().started, read_provenance(later.model)
    assert history and (history.test_clips, history.seen_clips) == (9, 3)
    assert handed_on and handed_on.sentences == provenance.sentences


def test_without_the_column_nothing_is_left_out(tmp_path: Path) -> None:
    data = spoken_folder(tmp_path / "spoken", None)
    run = trained(tiny_whisper(tmp_path / "base"), data, tmp_path / "run")
    provenance = read_provenance(run.model)
    assert provenance and provenance.sentences == ()
    assert json.loads((run.model / "provenance.json").read_text())["sentences"] == []
    assert len(read_report(run).clips) == 12
