"""A table of recordings on the command line: trained on, evaluated on, resumed and played."""

import json
import os
from pathlib import Path

import datasets
import pytest

from intent.data.find_clip import find_clip
from intent.recipes import Recipe
from intent.runs.report import read_report
from intent.runs.store import list_runs
from tests.tiny import tone_folder
from tests.unit.cli.test_cli import Output, said

INSTANT = ("--recipe", "instant", "--set", "window_seconds=2", "copies=0")


@pytest.fixture(autouse=True)
def own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of tables of the test's own."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of tones, whose columns have unusual names, beside one of a usual name."""
    folder = tone_folder(tmp_path / "calls", 6)
    rows = [
        f"{path.relative_to(folder)},{path.parent.name},{number}\n"
        for number, path in enumerate(sorted(folder.rglob("*.wav")))
    ]
    (folder / "all.csv").write_text("sound,reason,label\n" + "".join(rows))
    return folder / "all.csv"


def test_a_table_is_trained_on_resumed_played_and_evaluated_on(
    capsys: Output, world: Path, tmp_path: Path, table: Path
) -> None:
    columns = ("--audio-column", "sound", "--label-column", "reason")
    code, _, err = said(
        capsys,
        *("train", "--data", "calls/all.csv", *columns, "--base", world / "base", *INSTANT),
        *("--budget", "0.001"),
    )
    assert code == 0, err
    [run] = list_runs(tmp_path / "runs")
    recipe = run.recipe()
    assert (recipe.data, recipe.audio_column, recipe.label_column) == (
        str(table),
        "sound",
        "reason",
    )
    os.chdir("/")  # nothing depends on the folder in which it was started
    code, out, err = said(capsys, "train", "--resume", run.id, "--json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["outcome"] == "done"
    report = read_report(run)
    assert report.labels == ("high", "low", "middle")
    clip = report.clips[0]
    assert find_clip(recipe, clip.name, clip.hash).seconds > 0.5
    code, out, err = said(
        capsys, "evaluate", "--checkpoint", run.model, "--data", table, *columns, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["clips"] == 4


def test_a_column_that_is_not_there_is_one_line(capsys: Output, world: Path, table: Path) -> None:
    code, out, err = said(
        capsys, "evaluate", "--data", table, "--audio-column", "sound", "--label-column", "why"
    )
    assert (code, out.strip()) == (2, "")
    assert err.splitlines()[-1] == (
        'The table "all.csv" should have the column "why" that --label-column names, but has sound, '
        "reason, label: choose one of these."
    )


@pytest.mark.parametrize("option", ["--audio-column", "--label-column"])
def test_columns_are_no_part_of_resuming(capsys: Output, option: str) -> None:
    code, _, err = said(capsys, "train", "--resume", "x", option, "y")
    assert (code, err) == (2, f"--resume uses the run's own recipe: leave out {option}.\n")


def test_columns_are_no_settings(capsys: Output) -> None:
    code, _, err = said(capsys, "train", "--data", "sample", "--set", "label_column=x")
    assert (code, err) == (
        2,
        "label_column is not a hyperparameter: set it with its own option --label-column.\n",
    )


def test_a_recipe_of_an_earlier_version_has_no_columns() -> None:
    old = json.loads(Recipe(seed=7).to_json())
    del old["audio_column"], old["label_column"]
    assert Recipe.from_json(json.dumps(old)) == Recipe(seed=7)
