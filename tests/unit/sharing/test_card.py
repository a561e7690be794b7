"""The model card states what was measured, and nothing about the machine."""

import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from intent.checkpoints.provenance import read_provenance, write_provenance
from intent.errors import RunError
from intent.recipes import Recipe, preset
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.events import EvalPoint
from intent.sharing.card import card_files, thinned
from intent.sharing.confusion_png import confusion_png
from intent.sharing.public_view import checkpoint_files, public_run, recipe_file
from tests.finished import finished_run


def card_of(run: RunDir) -> ModelCard:
    files = card_files(public_run(run), run.history(), "my-model", "me/my-model", 2.0)
    return ModelCard(files["README.md"].decode())


@pytest.fixture
def minds14_run(tmp_path: Path) -> RunDir:
    return finished_run(tmp_path / "runs", Recipe(base="openai/whisper-tiny.en", keep_best=True))


@pytest.fixture
def local_run(tmp_path: Path) -> RunDir:
    recipe = Recipe(base=str(tmp_path / "an" / "encoder"), data=str(tmp_path / "recordings"))
    return finished_run(tmp_path / "runs", recipe, locales=[""] * 6)


def test_the_model_index_holds_the_accuracy_on_the_locale(minds14_run: RunDir) -> None:
    data = card_of(minds14_run).data
    result = data.eval_results[0]
    assert len(data.eval_results) == 1
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.8333)
    assert (result.dataset_type, result.dataset_config) == ("PolyAI/minds14", "en-US")
    assert result.dataset_args == {"test_share": 0.2, "seed": 42}
    assert (data.model_name, data.pipeline_tag) == ("my-model", "audio-classification")
    assert (data.base_model, data.datasets) == ("openai/whisper-tiny.en", ["PolyAI/minds14"])
    assert (data.license, data.language, data.library_name) == ("cc-by-4.0", ["en"], "transformers")
    assert "intent-classification" in data.tags


def test_each_locale_has_a_result_of_its_own(tmp_path: Path) -> None:
    recipe = Recipe(base="openai/whisper-base", locales=("en-US", "de-DE"))
    run = finished_run(tmp_path, recipe, locales=["en-US"] * 3 + ["de-DE"] * 3)
    data = card_of(run).data
    assert {r.dataset_config: r.metric_value for r in data.eval_results} == {
        "en-US": 0.6667,
        "de-DE": 1.0,
    }
    assert data.language == ["de", "en"]


def test_the_limits_state_the_interval_of_six_clips(minds14_run: RunDir) -> None:
    text = card_of(minds14_run).text
    low, high = (f"{100 * bound:.1f}" for bound in read_provenance(minds14_run.model).interval)
    assert (
        f"on 6 held-out recordings: **83.3 % (95 % confidence interval: {low} to {high} %)**"
        in text
    )
    assert f"the 95 % confidence interval of its accuracy is {low} to {high} %." in text
    assert "by 3.3 percentage points (expected calibration error on the test recordings)" in text
    assert "fine-tuned on MInDS-14 recordings of en-US: 8 kHz audio" in text
    assert "decisions about people or their money without human review" in text
    assert "selected on the test set, so the accuracy above is optimistic" in text
    assert "It uses only the first 2 s of a recording" in text


def test_it_says_on_what_part_of_a_recording_the_figures_were_measured(
    minds14_run: RunDir,
) -> None:
    words = (
        "figures are those of the stock pipeline on the part of each recording with speech: from "
    )
    assert f"{words}0.6 s before the first speech to 0.6 s after the last." in card_of(
        minds14_run
    ).text.replace("\n", " ")
    report = json.loads(minds14_run.report_file.read_text())
    del report["speech_part"]  # as an earlier version wrote it, which used recordings as they are
    minds14_run.report_file.write_text(json.dumps(report))
    assert "on the part of each" not in card_of(minds14_run).text


def test_three_lines_of_code_are_enough(minds14_run: RunDir) -> None:
    code = card_of(minds14_run).text.split("```")[1].splitlines()[1:]
    assert len(code) == 3
    compile("\n".join(code), "card", "exec")
    assert 'model="me/my-model"' in code[1]


def test_the_training_table_has_the_recipe_and_the_curve(minds14_run: RunDir) -> None:
    text = card_of(minds14_run).text
    assert "| `learning_rate` | 3e-05 |" in text
    assert "| 2.0 | 0.800 | 0.5000 |" in text
    assert "Trained on 24 recordings in 12 s." in text


def test_a_head_in_closed_form_has_no_learning_rate_in_its_table(tmp_path: Path) -> None:
    text = card_of(finished_run(tmp_path, preset("instant"))).text
    assert "learning_rate" not in text
    assert f"| `copies` | {preset('instant').copies} |" in text


def test_no_path_of_the_machine_leaves_it(local_run: RunDir, tmp_path: Path) -> None:
    about = public_run(local_run)
    files = card_files(about, local_run.history(), "my-model", "me/my-model", None)
    with checkpoint_files(local_run, about) as checkpoint:
        texts = {**files, **checkpoint, "recipe.json": recipe_file(about)}
        for name, content in texts.items():
            data = content if isinstance(content, bytes) else content.read()
            assert str(tmp_path).encode() not in data, name
    assert str(tmp_path).encode() not in about.report_json
    assert Recipe.from_json(recipe_file(about).decode()).data == "local recordings"


def test_the_card_of_a_local_run_names_no_source(local_run: RunDir) -> None:
    card = card_of(local_run)
    assert (card.data.base_model, card.data.datasets, card.data.language) == (None, None, None)
    assert card.data.license == "unknown"
    assert card.data.eval_results[0].dataset_name == "local recordings"
    assert "an unpublished checkpoint on unpublished recordings" in card.text
    assert "fine-tuned on one set of recordings" in card.text
    assert not re.search("bank|caller|telephone|MInDS", card.text)


def test_a_run_from_the_bundled_checkpoint_keeps_its_encoder_and_license(tmp_path: Path) -> None:
    data = card_of(finished_run(tmp_path, Recipe(data="sample"))).data
    assert data.base_model == "openai/whisper-tiny.en"
    assert (data.license, data.datasets) == ("cc-by-4.0", ["PolyAI/minds14"])
    assert data.eval_results[0].dataset_name == "Intent Studio sample (synthetic speech)"


def test_a_run_from_a_run_has_the_encoder_of_the_first(tmp_path: Path) -> None:
    first = finished_run(tmp_path, Recipe(base="openai/whisper-small"))
    second = finished_run(tmp_path, Recipe(base=str(first.model), data=str(tmp_path)))
    about = public_run(second)
    assert (about.root, about.trained_on_minds14) == ("openai/whisper-small", True)
    assert about.recipe.base == "local checkpoint"
    assert about.provenance.base == "openai/whisper-small"


def test_an_intent_without_test_clips_is_not_measured(minds14_run: RunDir) -> None:
    report = json.loads(minds14_run.report_file.read_text())
    report["evaluation"]["per_intent"]["high"] = {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }
    minds14_run.report_file.write_text(json.dumps(report))
    text = card_of(minds14_run).text
    assert "| High | not measured | not measured | not measured | 0 |" in text
    assert "0.00" not in text


def test_transcripts_of_mistakes_are_not_in_the_card(minds14_run: RunDir) -> None:
    assert b"secret" in public_run(minds14_run).report_json
    assert "secret" not in card_of(minds14_run).text


def test_a_report_on_an_earlier_checkpoint_is_not_quoted(minds14_run: RunDir) -> None:
    report = json.loads(minds14_run.report_file.read_text())
    report["evaluation"]["accuracy"] = 0.5
    minds14_run.report_file.write_text(json.dumps(report))
    about = public_run(minds14_run)
    files = card_files(about, minds14_run.history(), "m", "me/m", None)
    assert about.report is None
    assert set(files) == {"README.md"}
    card = ModelCard(files["README.md"].decode())
    assert card.data.eval_results[0].metric_value == 0.8333
    assert "Its calibration was not measured" in card.text


def test_only_the_files_of_a_stock_checkpoint_leave(minds14_run: RunDir) -> None:
    for name in ("training_args.bin", "pytorch_model.bin", "modeling.py", ".env", "optimizer.pt"):
        (minds14_run.model / name).write_text("keep me here")
    with checkpoint_files(minds14_run, public_run(minds14_run)) as files:
        assert set(files) == {
            "config.json",
            "model.safetensors",
            "preprocessor_config.json",
            "provenance.json",
        }


def test_a_run_that_trains_is_not_shared(minds14_run: RunDir) -> None:
    with locks.hold(minds14_run.lock_file, "test"), pytest.raises(RunError) as refused:
        public_run(minds14_run)
    assert str(refused.value) == (
        f"Run {minds14_run.id} is still training: wait until it ends, or stop it, then share it."
    )


def test_a_run_without_a_checkpoint_is_not_shared(tmp_path: Path) -> None:
    run = finished_run(tmp_path, Recipe())
    (run.model / "provenance.json").unlink()
    with pytest.raises(RunError, match=f"Run {run.id} has no checkpoint to share: resume it"):
        public_run(run)


def test_a_name_with_a_bar_or_a_line_break_keeps_its_table_whole(tmp_path: Path) -> None:
    run = finished_run(tmp_path, Recipe())
    report = json.loads(run.report_file.read_text().replace('"low"', '"a|b\\nc"'))
    run.report_file.write_text(json.dumps(report))
    row = next(line for line in card_of(run).text.splitlines() if line.startswith("| A\\|b c |"))
    assert row.replace("\\|", "").count("|") == 6


def test_text_in_a_label_is_shown_and_never_markup(tmp_path: Path) -> None:
    run = finished_run(tmp_path, Recipe())
    hostile = "<img src=x>[a](http://evil)`b`{{ 7 * 7 }}"
    run.report_file.write_text(run.report_file.read_text().replace('"low"', json.dumps(hostile)))
    text = card_of(run).text
    shown = r"\<img src=x\>\[a\](http://evil)\`b\`\{\{ 7 \* 7 \}\}"
    assert text.count(shown) == 2  # among the intents, and in the table of each
    assert not re.search(r"(?<!\\)<img", text)


def test_a_run_without_unseen_test_clips_has_a_card_that_says_so(minds14_run: RunDir) -> None:
    provenance = read_provenance(minds14_run.model)
    untested = dataclasses.replace(provenance, accuracy=None, interval=None, test_clips=0)
    write_provenance(minds14_run.model, untested)
    card = card_of(minds14_run)
    assert "Not measured: there are no unseen test recordings." in card.text
    assert "- Its accuracy was not measured." in card.text
    assert (card.data.eval_results, card.data.model_name) == (None, None)


def test_a_long_curve_is_thinned_and_keeps_its_last_point() -> None:
    points = [EvalPoint(n / 100, None, step=n, epoch=float(n)) for n in range(1, 101)]
    kept = thinned(points)
    assert len(kept) <= 13 and (kept[0], kept[-1]) == (points[0], points[-1])


def test_the_picture_is_dark_on_white_and_grows_with_its_labels() -> None:
    few, many = (
        Image.open(io.BytesIO(confusion_png(np.eye(n, dtype=int).tolist(), ["Pay a bill"] * n)))
        for n in (3, 14)
    )
    assert many.width > few.width
    assert few.getpixel((0, 0)) == (255, 255, 255)
    assert min(sum(colour) for _, colour in few.getcolors(100_000)) < 120
    assert many.width < 1400


def test_a_label_that_means_none_of_the_intents_is_not_listed_as_one(tmp_path: Path) -> None:
    recipe = Recipe(base="openai/whisper-tiny.en", reject_label="high")
    text = str(card_of(finished_run(tmp_path / "runs", recipe)))
    assert "one of 2, from audio" in text and "Intents: Low, Middle." in text
    assert (
        "- The label high means none of these intents. It was predicted for 0.0 % of the test "
        "recordings of the intents. Of 1 test recording of something else, 0.0 % got an intent "
        "nevertheless.\n- It uses only"
    ) in text
    assert "always predicts" not in text
    without = str(card_of(finished_run(tmp_path / "other", Recipe(base="openai/whisper-tiny.en"))))
    assert (
        "\n- It always predicts one of these 3 intents, even if none of them applies.\n- It uses"
        in (without)
    )
