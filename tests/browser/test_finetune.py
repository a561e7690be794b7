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

QUICK = {"Window, seconds": "3", "Altered copies": "1"}
LONG = {"Batch size": "4", "Epochs": "100"}
FILLED_IN = {  # what tells a preset from the others
    "Instant": {"Altered copies": "2"},
    "Recommended": {"Epochs": "12"},
    "Guide": {"Accumulation": "4", "Window, seconds": "1", "Batch size": "32"},
}
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


def status(page: Page) -> Locator:
    return page.locator("#status").get_by_role("heading")


def points(page: Page, kind: str) -> Locator:
    """The points of one line of the accuracy chart."""
    chart = page.get_by_role("figure").filter(has_text="Accuracy")
    return chart.locator(f".is-point.is-{kind}")


def more_than(page: Page, kind: str, count: int) -> int:
    """Wait until the line has more points than that, and return how many."""
    expect(points(page, kind).nth(count)).to_be_attached(timeout=PATIENCE)
    return points(page, kind).count()


def set_up(page: Page, preset: str, values: dict[str, str]) -> None:
    page.get_by_role("radio", name="Bundled sample").check()
    page.get_by_role("radio", name=re.compile(f"^{preset}")).check()
    page.get_by_role("button", name="Every hyperparameter").click()
    for label, value in FILLED_IN[preset].items():
        expect(page.get_by_label(re.compile(f"^{label}"))).to_have_value(value)
    for label, value in values.items():
        page.get_by_label(re.compile(f"^{label}")).fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def run_id(page: Page) -> str:
    return page.locator("#status code").inner_text()


def expect_it_listens(page: Page, run: str) -> None:
    """The Classify tab is in front, and an example is heard by the model of that run."""
    expect(page.get_by_role("tab", name="Classify")).to_have_attribute("aria-selected", "true")
    menu = page.get_by_role("combobox", name="Checkpoint", exact=True)
    expect(menu).to_have_value(re.compile(run))
    page.locator("#examples").get_by_role("button").first.click()
    expect(page.locator("#answer")).to_contain_text(run)


def test_an_instant_run_draws_its_points_ends_with_an_interval_and_is_used(page: Page) -> None:
    open_tab(page)
    set_up(page, "Instant", QUICK)
    press(page, "Fine-tune")
    count = more_than(page, "test", 1)
    more_than(page, "test", count)
    expect(status(page)).to_have_text("Done", timeout=PATIENCE)
    expect(page.locator("#result")).to_contain_text(
        re.compile(r"\d+\.\d\s%\s*of 56 test recordings heard correctly\. With 95\s% confidence")
    )
    run = run_id(page)
    press(page, "Use this model")
    expect_it_listens(page, run)
    assert problems(page) == []


def test_a_run_goes_on_over_a_reload_is_seen_by_others_and_can_be_stopped_and_used(
    page: Page, visit: Callable[..., Page]
) -> None:
    open_tab(page)
    set_up(page, "Guide", LONG)
    press(page, "Fine-tune")
    before = more_than(page, "training", 2)
    run = run_id(page)

    reload(page)
    wait_until_usable(page)
    open_tab(page)
    expect(page.locator("#status")).to_contain_text(run)
    more_than(page, "training", before)

    other = visit(size=PHONE)
    open_tab(other)
    expect(other.locator("#status")).to_contain_text(run)
    more_than(other, "training", before)
    press(other, "Fine-tune")
    expect(status(other)).to_have_text("Waiting in the queue")
    expect(other.locator("#result")).to_contain_text(re.compile(f"Number 1 of 1.*{run}"))
    press(other, "Withdraw")
    expect(status(other)).to_have_text("Not begun")
    reload(other)
    wait_until_usable(other)
    open_tab(other)
    expect(other.locator("#status")).to_contain_text(run)

    more_than(page, "test", 0)
    press(other, "Stop")
    expect(status(page)).to_have_text("Stopped", timeout=PATIENCE)
    expect(status(other)).to_have_text("Stopped")
    expect(page.locator("#result")).to_contain_text("It was stopped before its end")
    press(page, "Use this model")
    expect_it_listens(page, run)


def test_a_hyperparameter_out_of_range_is_said_and_starts_nothing(
    page: Page, app_home: Path
) -> None:
    before = list_runs(app_home / "runs")
    open_tab(page)
    set_up(page, "Recommended", {"Epochs": "900"})
    press(page, "Fine-tune")
    expect(page.get_by_role("alert")).to_have_text(
        "epochs must be from 1 to 200, found 900: choose a value in that range."
    )
    assert list_runs(app_home / "runs") == before


def test_choosing_a_preset_fills_in_every_hyperparameter(page: Page) -> None:
    open_tab(page)
    set_up(page, "Guide", {})
    expect(page.get_by_role("checkbox", name=re.compile("Keep the best"))).to_be_checked()


def test_the_form_shows_what_the_chosen_method_reads(page: Page) -> None:
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
    estimate = page.locator("#estimate p")
    place = start.bounding_box()
    expect(estimate).to_have_text(re.compile(r"^About .* on this machine \("))
    instant = page.get_by_role("radio", name=re.compile("^Instant"))
    told = re.compile(r"^Instant.*Accuracy: .*Time here: ", re.DOTALL)
    expect(page.get_by_role("radio", name=told)).to_be_checked()
    assert start.bounding_box() == place
    of_instant = estimate.inner_text()
    recommended = page.get_by_role("radio", name=re.compile("^Recommended"))
    card = page.locator("label", has=recommended).inner_text()
    its_time = re.search("Time here: (.+)", card)[1].strip()
    recommended.check()
    expect(estimate).to_contain_text(f"About {its_time} on this machine")
    instant.check()
    expect(estimate).to_have_text(of_instant)
    page.get_by_role("button", name="Every hyperparameter").click()
    page.get_by_label(re.compile("^Altered copies")).fill("8")
    expect(estimate).not_to_have_text(of_instant)
    assert problems(page) == []


def test_a_recording_is_heard_with_its_transcript_and_sent_to_the_classify_tab(page: Page) -> None:
    open_tab(page)
    expect(page.get_by_role("list", name="Recordings per intent")).to_contain_text("Pay a bill")
    expect(page.get_by_role("list", name=re.compile("^Recordings per duration"))).to_be_visible()
    row = page.locator("#recordings").get_by_role("row").nth(1)
    transcript = row.get_by_role("gridcell").nth(2)
    words = transcript.inner_text()
    transcript.click()
    expect(page.locator("#listen")).to_contain_text(words)
    press(page, "Send to Classify")
    expect(page.get_by_role("tab", name="Classify")).to_have_attribute("aria-selected", "true")
    answer = page.locator("#answer").get_by_role("list", name="Likeliest intents")
    expect(answer.get_by_role("listitem")).to_have_count(5)


def test_data_that_the_hub_cannot_give_is_said_with_what_is_available(page: Page) -> None:
    open_tab(page)
    page.get_by_role("radio", name="MInDS-14 from the Hub").check()
    expect(page.locator("#data-figures")).to_contain_text("before you train")
    press(page, "Look at the data")
    expect(page.get_by_role("alert")).to_contain_text("choose the bundled sample")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit: Callable[..., Page], scheme: str) -> None:
    page = visit(size=PHONE, scheme=scheme)
    open_tab(page)
    expect(page.get_by_role("list", name="Recordings per intent")).to_be_visible()
    expect(page.locator("#estimate")).to_contain_text("About")
    page.get_by_role("button", name="Every hyperparameter").click()
    expect(page.get_by_label(re.compile("^Altered copies"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
