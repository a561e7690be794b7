"""The Fine-tune tab as a visitor uses it, in Chromium, training the bundled encoder for real."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from intent.jobs.processes import kill_run
from intent.runs.live import live_run
from intent.runs.store import list_runs
from tests.browser.harness import PHONE, WIDE, problems, reload, wait_until_usable

QUICK = {"Window, seconds": "3", "Augmented copies": "1"}
LONG = {"Batch size": "4", "Epochs": "100"}
FILLED_IN = {  # what tells a preset from the others
    "Instant": {"Augmented copies": "2"},
    "Recommended": {"Epochs": "12"},
    "Guide": {"Accumulation": "4", "Window, seconds": "1", "Batch size": "32"},
}
POINTS = """([line, count]) => {
  const chart = document.querySelector("[role=img][aria-label^=Accuracy]");
  const found = chart?.ariaLabel.match(new RegExp(line + " [^;]*, ([0-9]+) point"));
  return found && Number(found[1]) > count ? Number(found[1]) : 0;
}"""  # how many points the text alternative of the accuracy chart counts, 0 for too few
ESTIMATE_IS_THAT_OF = """([preset]) => {
  const cards = [...document.querySelectorAll("label")];
  const card = cards.find((one) => one.innerText.trim().startsWith(preset));
  const time = card?.innerText.match(/Estimated time: (.+)/)?.[1].trim();
  const estimate = document.querySelector("[aria-label='Estimated time']")?.innerText;
  return card?.querySelector(":checked") && estimate?.startsWith(`About ${time} on this machine (`);
}"""  # both texts arrive together, but the page may draw one before the other
PATIENCE = 400_000  # milliseconds, for a training on a machine that is busy with something else


@pytest.fixture(autouse=True)
def idle(app_home: Path) -> Iterator[None]:
    """Nothing trains when a test has ended, however it has."""
    yield
    while live := live_run(app_home / "runs"):
        kill_run(live)


def open_tab(page: Page) -> None:
    page.get_by_role("tab", name="Fine-tune").click()
    expect(status(page)).to_be_visible()


def run_status(page: Page) -> Locator:
    return page.get_by_role("region", name="Status of the run")


def status(page: Page) -> Locator:
    return run_status(page).get_by_role("heading")


def result(page: Page) -> Locator:
    return page.get_by_role("region", name="Result")


def estimate(page: Page) -> Locator:
    return page.get_by_role("region", name="Estimated time")


def more_than(page: Page, line: str, count: int) -> int:
    """Wait until a line of the accuracy chart has more points than that, and return how many."""
    found = page.wait_for_function(POINTS, arg=[line, count], timeout=PATIENCE)
    return found.json_value()


def expect_estimate_of(page: Page, preset: str) -> None:
    """The preset is chosen, and the estimate is the time that its card shows."""
    page.wait_for_function(ESTIMATE_IS_THAT_OF, arg=[preset], timeout=PATIENCE)


def set_up(page: Page, preset: str, values: dict[str, str]) -> None:
    page.get_by_role("radio", name="Bundled sample").check()
    page.get_by_role("radio", name=re.compile(f"^{preset}")).check()
    page.get_by_role("button", name="Hyperparameters").click()
    for label, value in FILLED_IN[preset].items():
        expect(page.get_by_label(re.compile(f"^{label}"))).to_have_value(value)
    for label, value in values.items():
        page.get_by_label(re.compile(f"^{label}")).fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def run_id(page: Page) -> str:
    return re.search(r"\d{8}-\d{6}-\S+", run_status(page).inner_text())[0]


def expect_in_use(page: Page, run: str) -> None:
    """The Classify tab is in front, and classifies an example with the model of that run."""
    expect(page.get_by_role("tab", name="Classify")).to_have_attribute("aria-selected", "true")
    menu = page.get_by_role("combobox", name="Checkpoint", exact=True)
    expect(menu).to_have_value(re.compile(run))
    page.get_by_role("button", name="Pay a bill").click()
    expect(page.get_by_role("region", name="Prediction")).to_contain_text(run)


def test_an_instant_run_draws_its_points_ends_with_an_interval_and_is_used(page: Page) -> None:
    open_tab(page)
    set_up(page, "Instant", QUICK)
    press(page, "Fine-tune")
    count = more_than(page, "Test", 1)
    more_than(page, "Test", count)
    expect(status(page)).to_have_text("Done", timeout=PATIENCE)
    words = r"\d+\.\d\s%\s*of 56 test recordings classified correctly \(95\s% confidence interval"
    expect(result(page)).to_contain_text(re.compile(words))
    run = run_id(page)
    press(page, "Use this model")
    expect_in_use(page, run)
    assert problems(page) == []


def test_a_run_continues_over_a_reload_is_seen_by_others_and_can_be_stopped_and_used(
    page: Page, visit: Callable[..., Page]
) -> None:
    open_tab(page)
    set_up(page, "Guide", LONG)
    press(page, "Fine-tune")
    before = more_than(page, "Training", 2)
    run = run_id(page)

    reload(page)
    wait_until_usable(page)
    open_tab(page)
    expect(run_status(page)).to_contain_text(run)
    more_than(page, "Training", before)

    other = visit(size=PHONE)
    open_tab(other)
    expect(run_status(other)).to_contain_text(run)
    more_than(other, "Training", before)
    press(other, "Fine-tune")
    expect(status(other)).to_have_text("Waiting in the queue")
    expect(other.get_by_text(re.compile(f"Position 1 of 1.*{run}"))).to_be_visible()
    press(other, "Remove from queue")
    expect(status(other)).to_have_text("Not started")
    reload(other)
    wait_until_usable(other)
    open_tab(other)
    expect(run_status(other)).to_contain_text(run)

    more_than(page, "Test", 0)
    press(other, "Stop")
    expect(status(page)).to_have_text("Stopped", timeout=PATIENCE)
    expect(status(other)).to_have_text("Stopped")
    expect(result(page)).to_contain_text("Stopped early")
    press(page, "Use this model")
    expect_in_use(page, run)


def test_a_hyperparameter_out_of_range_is_refused_and_starts_nothing(
    page: Page, app_home: Path
) -> None:
    before = list_runs(app_home / "runs")
    open_tab(page)
    set_up(page, "Recommended", {"Epochs": "900"})
    press(page, "Fine-tune")
    sentence = "epochs must be from 1 to 200, but is 900."
    # The panel may show another alert: the error of a run that an earlier test left there.
    expect(page.get_by_role("alert").filter(has_text="epochs")).to_have_text(sentence)
    assert list_runs(app_home / "runs") == before


def test_choosing_a_preset_fills_in_every_hyperparameter(page: Page) -> None:
    open_tab(page)
    set_up(page, "Guide", {})
    expect(page.get_by_role("checkbox", name=re.compile("Keep the best"))).to_be_checked()


def test_the_form_shows_what_the_chosen_method_uses(page: Page) -> None:
    open_tab(page)
    set_up(page, "Instant", {})
    epochs = page.get_by_label(re.compile("^Epochs"))
    expect(epochs).to_be_hidden()
    page.get_by_role("combobox", name=re.compile("^Method")).click()
    page.get_by_role("option", name="fine-tune").click()
    expect(epochs).to_be_visible()
    expect(page.get_by_label(re.compile("^Accumulation"))).to_be_visible()
    page.get_by_role("radio", name=re.compile("^Recommended")).check()
    expect(epochs).to_have_value("12")
    expect(page.get_by_label(re.compile("^Accumulation"))).to_be_hidden()


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_time_is_estimated_follows_the_choice_and_moves_nothing(
    visit: Callable[..., Page], size: tuple[int, int]
) -> None:
    page = visit(size=size)
    open_tab(page)
    start = page.get_by_role("button", name="Fine-tune", exact=True)
    expect(estimate(page)).to_be_visible()
    place = start.bounding_box()
    expect_estimate_of(page, "Instant")
    assert start.bounding_box() == place
    for preset in ("Recommended", "Instant"):
        page.get_by_role("radio", name=re.compile(f"^{preset}")).check()
        expect_estimate_of(page, preset)
    of_instant = estimate(page).inner_text()
    page.get_by_role("button", name="Hyperparameters").click()
    copies = page.get_by_label(re.compile("^Augmented copies"))
    expect(copies).to_have_value(FILLED_IN["Instant"]["Augmented copies"])
    copies.fill("8")
    expect(estimate(page)).not_to_have_text(of_instant)
    assert problems(page) == []


def test_a_recording_is_played_with_its_transcript_and_sent_to_the_classify_tab(page: Page) -> None:
    open_tab(page)
    expect(page.get_by_role("list", name="Recordings per intent")).to_contain_text("Pay a bill")
    expect(page.get_by_role("list", name=re.compile("^Recordings by duration"))).to_be_visible()
    row = page.get_by_role("grid", name="Recordings").get_by_role("row").nth(1)
    transcript = row.get_by_role("gridcell").nth(2)
    words = transcript.inner_text()
    transcript.click()
    expect(page.get_by_text(f"“{words}”")).to_be_visible()
    press(page, "Send to Classify")
    expect(page.get_by_role("tab", name="Classify")).to_have_attribute("aria-selected", "true")
    answer = page.get_by_role("list", name="Most likely intents")
    expect(answer.get_by_role("listitem")).to_have_count(5)


def test_data_that_cannot_be_fetched_is_refused_with_what_is_available(page: Page) -> None:
    open_tab(page)
    page.get_by_role("radio", name="MInDS-14 from the Hub").check()
    expect(page.get_by_text("to see and play the recordings")).to_be_visible()
    press(page, "Preview the data")
    expect(page.get_by_role("alert")).to_contain_text("choose the bundled sample")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit: Callable[..., Page], scheme: str) -> None:
    page = visit(size=PHONE, scheme=scheme)
    open_tab(page)
    expect(page.get_by_role("list", name="Recordings per intent")).to_be_visible()
    expect(estimate(page)).to_contain_text("About")
    page.get_by_role("button", name="Hyperparameters").click()
    expect(page.get_by_label(re.compile("^Augmented copies"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
