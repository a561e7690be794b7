"""A label that means "none of the intents", in Chromium: its answers, and the field that names it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from intent.labels import MINDS14_LABELS
from intent.runs.store import list_runs
from tests.browser.harness import PHONE, WIDE, problems
from tests.browser.test_classify import about, answer, bars, headline
from tests.tiny import tiny_whisper, tone_folder
from tests.unit.models.test_classifier import lean_to

NAMES = (*MINDS14_LABELS, "other")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checkpoints that predict one label for any recording; "other" means none of the intents."""
    folders = {}
    for label in ("other", "freeze"):
        folder = tiny_whisper(tmp_path_factory.mktemp(label), labels=NAMES, reject_label="other")
        lean_to(folder, label, 4.0)
        folders[label] = str(folder)
    return folders


def choose(page: Page, checkpoint: str) -> None:
    menu = page.get_by_role("combobox", name="Checkpoint")
    menu.fill(checkpoint)
    menu.press("Enter")
    expect(about(page)).to_contain_text("14 intents, or none of these")


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_an_answer_of_none_says_so_with_the_closest_intent_and_a_known_one_looks_as_ever(
    visit: Callable[..., Page], checkpoints: dict[str, str], size: tuple[int, int]
) -> None:
    page = visit(size=size)
    choose(page, checkpoints["other"])
    page.get_by_role("button", name="Pay a bill").click()
    expect(headline(page)).to_have_text("None of the 14 intents")
    expect(answer(page)).to_contain_text(re.compile("Closest: [A-Z].*, [0-9]+.%"))
    expect(bars(page)).to_have_count(5)
    expect(bars(page).first).to_contain_text("None of these")
    choose(page, checkpoints["freeze"])
    expect(headline(page)).to_contain_text("Freeze an account or card")
    expect(bars(page)).to_have_count(5)
    expect(answer(page)).not_to_contain_text("None of these")
    expect(answer(page)).not_to_contain_text("Other")
    assert problems(page) == []


def test_the_label_that_means_none_of_these_is_chosen_from_those_of_a_folder(
    page: Page, app_home: Path, tmp_path: Path
) -> None:
    page.get_by_role("tab", name="Fine-tune").click()
    field = page.get_by_role("combobox", name="Label that means none of these")
    expect(field).to_be_hidden()
    figures = page.locator("#data-figures")
    expect(figures).to_contain_text("Total:")  # the sample's, all measured
    page.get_by_text("A folder on this machine").click()
    expect(figures).to_contain_text("Press “Preview the data”")
    expect(field).to_have_value("")
    page.get_by_placeholder("/home/me/recordings").fill(str(tone_folder(tmp_path / "tones")))
    page.get_by_role("button", name="Preview the data").click()
    expect(figures).to_contain_text("30 recordings, 3 intents")
    field.click()
    expect(page.get_by_role("option")).to_have_text(
        [re.compile(name) for name in ("high", "low", "middle")]
    )
    field.fill("nope")
    field.press("Enter")
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(
        "reject_label should be one of the data's labels, but is 'nope': choose from high, low, middle."
    )
    assert list_runs(app_home / "runs") == []
