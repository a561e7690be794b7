"""The Runs tab as a visitor uses it, in Chromium, on runs on the bundled sample."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from intent.labels import human_name
from intent.runs.directory import RunDir
from intent.runs.report import read_report
from intent.runs.store import list_runs, rename_run
from intent.runs.trash import empty_trash
from tests.browser.harness import PHONE, problems
from tests.made_runs import make_run


@pytest.fixture
def runs(app_home: Path) -> Iterator[Path]:
    """The app's folder of runs, empty before and after."""
    folder = app_home / "runs"
    yield folder
    for run in list_runs(folder):
        shutil.rmtree(run.path)
    empty_trash(folder)


def named(runs: Path, name: str, **wanted: object) -> RunDir:
    run = make_run(runs, **wanted)
    rename_run(run, name)
    return run


def open_tab(page: Page) -> None:
    page.get_by_role("tab", name="Runs").click()
    expect(page.get_by_text(re.compile(r"^\d runs?|^No runs yet")).first).to_be_visible()


def names(page: Page) -> Locator:
    return table(page).get_by_role("rowheader").get_by_role("button")


def table(page: Page) -> Locator:
    return page.get_by_role("table", name="Runs")


def pick(page: Page, name: str) -> None:
    table(page).get_by_role("checkbox", name=f"Select {name}").check()


def open_run(page: Page, name: str) -> None:
    table(page).get_by_role("button", name=name, exact=True).click()
    expect(summary(page).get_by_role("heading", name=name, exact=True)).to_be_focused()


def summary(page: Page) -> Locator:
    return page.get_by_role("region", name="Selected runs")


def recordings(page: Page) -> Locator:
    return page.get_by_role("region", name="Recordings")


def rows(page: Page) -> Locator:
    return recordings(page).get_by_role("list").get_by_role("listitem")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_two_runs_are_compared_in_words_in_curves_and_by_their_recipes(
    page: Page, runs: Path
) -> None:
    named(runs, "Good", wrong=(1,))
    named(runs, "Bad", wrong=range(20), epochs=9)
    open_tab(page)
    pick(page, "Good")
    pick(page, "Bad")
    expect(summary(page).get_by_role("heading", name="2 runs compared")).to_be_visible()
    expect(summary(page)).to_contain_text("Good is significantly better (p < 0.001)")
    curves = summary(page).get_by_role("img", name=re.compile(r"^Accuracy: Good .*; Bad "))
    expect(curves).to_be_visible()
    recipes = summary(page).get_by_role("region", name="Recipes side by side")
    expect(recipes.get_by_role("row", name=re.compile("^Epochs .differs"))).to_contain_text("9")
    expect(recordings(page)).not_to_be_visible()
    press(page, "Clear")
    expect(summary(page)).not_to_be_visible()
    assert problems(page) == []


def test_a_report_opens_and_a_cell_of_its_matrix_lists_the_recordings(
    page: Page, runs: Path
) -> None:
    report = read_report(named(runs, "Good", wrong=(0,)))
    mistake = report.mistakes[0]
    open_tab(page)
    open_run(page, "Good")
    expect(recordings(page)).to_contain_text("1 mistake")
    true, predicted = human_name(mistake.true), human_name(mistake.predicted)
    words = f"“{true}”, predicted correctly: 3 recordings"
    cell = page.get_by_role("button", name=words)
    cell.hover()
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    cell.click()
    expect(rows(page)).to_have_count(3)
    cell.press("ArrowRight")
    wrong = page.get_by_role("button", name=f"“{true}”, predicted as “{predicted}”: 1 recording")
    wrong.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(mistake.transcription)
    press(page, "All mistakes 1")
    expect(recordings(page).get_by_role("heading")).to_have_text("1 mistake")


def test_a_mistake_is_played_with_its_transcript_and_predictions(page: Page, runs: Path) -> None:
    mistake = read_report(named(runs, "Good", wrong=(0, 7))).mistakes[0]
    open_tab(page)
    open_run(page, "Good")
    rows(page).first.get_by_role("button", name=re.compile("^Play")).click()
    played = page.get_by_role("region", name="Selected recording")
    expect(played).to_contain_text(mistake.transcription)
    expect(played.get_by_role("list", name="Predicted intents")).to_contain_text(
        human_name(mistake.predicted)
    )
    # Gradio's player gives its duration no role or label.
    expect(page.locator("#run-player #duration")).to_have_text(re.compile(r"0:0[1-9]"))
    assert problems(page) == []


def test_a_run_is_removed_and_brought_back_with_undo_and_from_the_trash(
    page: Page, runs: Path
) -> None:
    named(runs, "Keep")
    run = named(runs, "Away")
    open_tab(page)
    open_run(page, "Away")
    press(page, "Remove")
    expect(names(page)).to_have_text(["Keep"])
    expect(summary(page)).not_to_be_visible()
    press(page, "Undo")
    expect(names(page)).to_have_text(["Away", "Keep"])

    open_run(page, "Away")
    press(page, "Remove")
    expect(names(page)).to_have_text(["Keep"])
    page.get_by_role("button", name=re.compile("^Trash")).click()
    press(page, "Restore Away")
    expect(names(page)).to_have_text(["Away", "Keep"])

    open_run(page, "Away")
    press(page, "Remove")
    page.once("dialog", lambda dialog: dialog.accept())
    press(page, "Empty the trash")
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    assert not (runs / ".trash" / run.id).exists()


def test_a_new_run_appears_by_itself_and_the_selection_stays(page: Page, runs: Path) -> None:
    named(runs, "First")
    open_tab(page)
    box = table(page).get_by_role("checkbox", name="Select First")
    box.check()
    expect(summary(page)).to_contain_text("First")
    named(runs, "Second")
    expect(names(page)).to_have_text(["Second", "First"])
    expect(box).to_be_checked()
    expect(box).to_be_focused()


def test_the_list_is_sorted_by_a_heading_both_ways(page: Page, runs: Path) -> None:
    for name, wrong in (("Middle", 5), ("Best", 0), ("Worst", 9)):
        named(runs, name, wrong=range(wrong))
    open_tab(page)
    heading = table(page).get_by_role("columnheader", name="Accuracy")
    heading.get_by_role("button").click()
    expect(names(page)).to_have_text(["Best", "Middle", "Worst"])
    expect(heading).to_have_attribute("aria-sort", "descending")
    heading.get_by_role("button").press("Enter")
    expect(names(page)).to_have_text(["Worst", "Middle", "Best"])


def test_on_a_phone_an_order_is_chosen_and_turned_round(
    visit: Callable[..., Page], runs: Path
) -> None:
    for name, wrong in (("Middle", 5), ("Best", 0), ("Worst", 9)):
        named(runs, name, wrong=range(wrong))
    page = visit(size=PHONE)
    open_tab(page)
    page.get_by_label("Sort by").select_option("Accuracy")
    expect(names(page)).to_have_text(["Best", "Middle", "Worst"])
    page.get_by_role("button", name="Reverse the order, now descending").click()
    expect(names(page)).to_have_text(["Worst", "Middle", "Best"])
    turned = page.get_by_role("button", name="Reverse the order, now ascending")
    expect(turned).to_be_focused()
    size = turned.bounding_box()
    assert size["width"] >= 44 and size["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]


def test_a_run_is_renamed(page: Page, runs: Path) -> None:
    named(runs, "Before")
    open_tab(page)
    open_run(page, "Before")
    press(page, "Rename")
    box = page.get_by_role("textbox", name="Name")
    expect(box).to_have_value("Before")
    box.fill("After")
    box.press("Enter")
    expect(names(page)).to_have_text(["After"])
    expect(page.get_by_text("Renamed to “After”.")).to_be_visible()
    expect(box).not_to_be_visible()


def test_the_model_of_any_run_can_classify(page: Page, runs: Path) -> None:
    run = named(runs, "Mine", with_model=True)
    open_tab(page)
    open_run(page, "Mine")
    page.get_by_role("button", name="Use this model").click()
    expect(page.get_by_role("tab", name="Classify")).to_have_attribute("aria-selected", "true")
    menu = page.get_by_role("combobox", name="Checkpoint", exact=True)
    expect(menu).to_have_value(re.compile(run.id))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit: Callable[..., Page], runs: Path, scheme: str) -> None:
    named(runs, "One", wrong=(0,))
    named(runs, "Two, which has a name that goes on for quite a while longer", wrong=(1, 2))
    page = visit(size=PHONE, scheme=scheme)
    open_tab(page)
    open_run(page, "One")
    expect(page.get_by_role("heading", name="Metrics per intent")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    pick(page, "Two")
    expect(summary(page)).to_contain_text("2 runs compared")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
