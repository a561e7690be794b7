"""From what a visitor chooses to a recipe, and from a data set to what the page shows of it."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from intent.errors import CheckpointError, DataError, IntentError
from intent.jobs.request import TrainingRequest, recipe_of
from intent.models.encoders import family
from intent.recipes import OF_ANY_RECIPE, PRESETS, Recipe, fields_read_by, preset
from intent.runs.access import OWNER
from intent.ui.finetune import recipe_form
from intent.ui.finetune.data_figures import figures_html, histogram
from intent.ui.finetune.recipe_form import (
    NOT_IN_FORM,
    SENTENCES,
    WORDS,
    default_preset,
    field_names,
    fill_in,
    preset_cards,
    show_fields,
    values_of,
)
from intent.ui.shared.recordings import measure, open_data
from intent.ui.shared.requests import FOLDER, data_name, shown_run, usable_data
from tests.tiny import LABELS, tone_folder


def test_every_hyperparameter_has_a_field_and_words() -> None:
    fields = {field.name for field in dataclasses.fields(Recipe)}
    fields -= {*OF_ANY_RECIPE, *NOT_IN_FORM}
    assert set(field_names()) == set(WORDS) == fields
    assert set(SENTENCES) == set(PRESETS)


@pytest.mark.parametrize("base", ["facebook/wav2vec2-base", "ntu-spml/distilhubert"])
def test_the_card_of_recommended_describes_what_it_does_with_the_base_model(base: str) -> None:
    figures = dict.fromkeys(PRESETS, "")
    whisper = {name: text for text, name in preset_cards(figures, family("bundled"))}
    others = {name: text for text, name in preset_cards(figures, family(base))}
    assert preset("recommended").method == "leave-one-out"
    assert "last feed-forward network with a leave-one-out loss" in whisper["recommended"]
    recipe = preset("recommended", family(base))
    assert (recipe.method, recipe.head) == ("fine-tune", "random")
    assert "all transformer layers and the classifier" in others["recommended"]
    assert "leave-one-out" not in others["recommended"]
    assert (whisper["instant"], whisper["guide"]) == (others["instant"], others["guide"])


@pytest.mark.parametrize("name", PRESETS)
def test_a_form_that_a_preset_filled_in_is_that_preset(name: str) -> None:
    note, updates = fill_in("facebook/wav2vec2-base", name)
    assert list(updates) == list(field_names())
    filled = {name: update["value"] for name, update in updates.items()}
    asked = TrainingRequest("sample", "facebook/wav2vec2-base", name, ["en-US"], filled)
    recipe = recipe_of(asked, OWNER)
    wanted = preset(name, "wav2vec2")
    assert note == ""
    assert recipe == dataclasses.replace(wanted, data="sample", base="facebook/wav2vec2-base")


def test_a_click_before_the_form_is_filled_uses_the_chosen_preset() -> None:
    instant = tuple(update["value"] for update in fill_in("bundled", "instant")[1].values())
    meant = values_of("bundled", "guide", ("bundled", "instant"), instant)
    assert meant == {name: getattr(preset("guide"), name) for name in field_names()}
    edited = ("edited", *instant[1:])
    meant = values_of("bundled", "instant", ("bundled", "instant"), edited)
    assert tuple(meant.values()) == edited


@pytest.mark.parametrize("base", ["bundled", "facebook/wav2vec2-base"])
@pytest.mark.parametrize("name", PRESETS)
def test_the_form_shows_what_the_method_reads_and_hides_the_rest(base: str, name: str) -> None:
    kind = family(base)
    method = preset(name, kind).method
    for updates in (fill_in(base, name)[1], show_fields(base, method)):
        shown = {name for name, update in updates.items() if update["visible"]}
        assert shown == set(fields_read_by(method, kind)) - set(NOT_IN_FORM)


def test_instant_is_the_default_without_a_gpu_and_recommended_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What a GPU says cannot be had on every machine: the answer is set.
    for device, name in {"cpu": "instant", "cuda": "recommended", "mps": "recommended"}.items():
        monkeypatch.setattr(recipe_form, "may_have_gpu", lambda device=device: device != "cpu")
        monkeypatch.setattr(recipe_form, "best_device", lambda device=device: device)
        assert default_preset() == name


def test_an_unusable_base_is_reported_and_the_form_is_still_filled_in() -> None:
    note, fields = fill_in("no such folder!", "guide")
    assert "no such folder!" in note and list(fields) == list(field_names())


def test_a_space_does_not_serve_its_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_data("/etc") == "/etc"
    monkeypatch.setenv("SPACE_ID", "somebody/intent-studio")
    assert usable_data("minds14") == "minds14" and usable_data("sample") == "sample"
    with pytest.raises(DataError) as caught:
        usable_data("/etc")
    assert str(caught.value) == (
        "Folders of the server cannot be used here: choose minds14 or sample, or run the app on "
        "your own machine."
    )


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: data_name(FOLDER, "  "),
            "The path of the folder is empty: enter the path of a folder of recordings, or choose the "
            "bundled sample.",
        ),
        (
            lambda: recipe_of(TrainingRequest("minds14", preset="guide", locales=[]), OWNER),
            "MInDS-14 needs at least one locale, but none was given: choose from "
            "cs-CZ, de-DE, en-AU, en-GB, en-US, es-ES, fr-FR, it-IT, ko-KR, nl-NL, "
            "pl-PL, pt-PT, ru-RU, zh-CN.",
        ),
        (
            lambda: recipe_of(TrainingRequest("sample", changes={"epochs": None}), OWNER),
            "epochs must be a whole number, but is None.",
        ),
    ],
)
def test_what_is_missing_is_said(ask, message: str) -> None:  # noqa: ANN001
    with pytest.raises(IntentError) as caught:
        ask()
    assert str(caught.value) == message and not isinstance(caught.value, CheckpointError)


def test_without_any_run_none_is_shown(tmp_path: Path) -> None:
    assert shown_run(tmp_path / "runs") is None


@given(some.lists(some.floats(0.1, 300), min_size=1, max_size=200))
def test_the_histogram_counts_every_recording_once(seconds: list[float]) -> None:
    columns = histogram(seconds)
    assert sum(count for _, count in columns) == len(seconds)
    assert columns[0][0] == "0" and columns[-1][0].endswith("+")


def test_recordings_are_numbered_measured_and_the_unreadable_ones_named(tmp_path: Path) -> None:
    folder = tone_folder(tmp_path / "tones", clips_per_label=3)
    (folder / LABELS[0] / f"{LABELS[0]}-01.wav").write_text("no sound")
    preview, unreadable = measure(open_data(str(folder), ["en-US"]))
    assert [one.number for one in preview.recordings] == list(range(1, 10))
    assert len(preview.seconds) == 8 and set(preview.seconds.values()) <= {0.8, 0.85, 0.9}
    assert [f"{LABELS[0]}-01" in name for name, _ in unreadable] == [True]


def test_the_figures_name_intents_as_people_do_and_count_them() -> None:
    html = figures_html({"pay_bill": 3, "balance": 1}, [1.0, 2.0, 3.0, 4.0], "No test set.")
    assert "4 recordings, 2 intents" in html
    assert html.index("Pay a bill") < html.index("Check my balance")
    assert "the longest lasts 4.0 s" in html
