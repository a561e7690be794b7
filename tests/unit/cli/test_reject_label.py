"""`train --reject-label`: the label of the data that means "none of the intents"."""

import json
from pathlib import Path

import pytest

from intent.checkpoints.resolve import describe
from intent.recipes import Recipe
from intent.runs.store import list_runs
from tests.unit.cli.test_cli import Output, said

INSTANT = ("--recipe", "instant", "--set", "window_seconds=1", "copies=0")


@pytest.mark.parametrize(
    "chosen", [("--reject-label", "high"), ("--set", "reject_label=high")], ids=["option", "set"]
)
def test_a_reject_label_is_in_the_recipe_and_in_the_checkpoint(
    chosen: tuple[str, str], capsys: Output, world: Path, tmp_path: Path
) -> None:
    base = ("--data", world / "tones", "--base", world / "base")
    code, _, err = said(capsys, "train", *base, *INSTANT, *chosen)
    assert code == 0, err
    [run] = list_runs(tmp_path / "runs")
    assert run.recipe().reject_label == "high"
    assert describe(str(run.model)).reject_label == "high"


def test_a_reject_label_that_the_data_does_not_have_is_one_line(
    capsys: Output, world: Path
) -> None:
    base = ("--data", world / "tones", "--base", world / "base")
    code, out, err = said(capsys, "train", *base, *INSTANT, "--reject-label", "none")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        "reject_label should be one of the data's labels, but is 'none': choose from high, low, "
        "middle."
    )


def test_a_label_that_is_called_none_stays_an_intent_unless_it_is_named() -> None:
    assert Recipe().reject_label == ""


def test_a_reject_label_is_no_part_of_resuming(capsys: Output) -> None:
    code, _, err = said(capsys, "train", "--resume", "x", "--reject-label", "y")
    assert (code, err) == (2, "--resume uses the run's own recipe: leave out --reject-label.\n")


def test_a_recipe_of_an_earlier_version_has_no_reject_label() -> None:
    old = json.loads(Recipe(seed=7).to_json())
    del old["reject_label"]
    assert Recipe.from_json(json.dumps(old)) == Recipe(seed=7)
