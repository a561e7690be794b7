"""Take the pictures of the README, or of every state of the page.

python -m tests.take_screenshots              # one picture of each tab into assets/images
python -m tests.take_screenshots --all DIR    # every state, wide and phone, light and dark
"""

import argparse
import itertools
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from intent.recipes import preset
from intent.ui.shared.html import busy_html
from tests.browser.harness import (
    EXAMPLES,
    PHONE,
    ROOT,
    WAIT_MILLISECONDS,
    WIDE,
    open_browser,
    open_page,
    serve,
)
from tests.runs_states import RUNS, put_back, runs_list, some_runs
from tests.timeline_states import TIMELINE, upload
from tests.tiny import tone, wav_bytes

IMAGES = ROOT / "assets" / "images"
PAY_A_BILL = EXAMPLES / "pay-a-bill.wav"
RUN_MILLISECONDS = 300_000  # for a training to get on, or to end

State = Callable[[Page], None]


def classify_empty(page: Page) -> None:
    """The tab as it opens."""
    expect(page.locator("#answer")).to_contain_text("Speak, upload")


def classify_recording(page: Page) -> None:
    """The microphone is open."""
    recorder = page.locator("#recording")
    recorder.get_by_role("button", name="Record", exact=True).click()
    expect(recorder.locator("time").last).to_have_text("0:02")


def classify_busy(page: Page) -> None:
    """A clip is being heard: what the page shows for an instant, put there to stay."""
    classify_done(page)
    answer = page.locator("#answer .answer")
    answer.evaluate("(element, html) => { element.outerHTML = html; }", busy_html())


def classify_done(page: Page) -> None:
    """A confident answer."""
    page.get_by_role("button", name="Pay a bill").click()
    expect(page.locator("#answer").get_by_role("heading")).to_contain_text("Pay a bill")
    expect(page.locator("#recording #duration")).not_to_have_text("0:00")
    page.mouse.move(0, 0)


def classify_error(page: Page) -> None:
    """A file that is no sound."""
    upload(page, "letter.wav", b"Dear bank, " * 200)
    expect(page.locator("#answer")).to_contain_text("is not a sound file")


def classify_silence(page: Page) -> None:
    """A recording without speech."""
    upload(page, "silence.wav", wav_bytes(0 * tone("low", seconds=3.0)))
    expect(page.locator("#answer")).to_contain_text("No speech detected")


def classify_bad_checkpoint(page: Page) -> None:
    """A checkpoint that cannot be had."""
    menu = page.get_by_role("combobox", name="Checkpoint")
    menu.fill("somebody/some-checkpoint")
    menu.press("Enter")
    expect(page.locator("#about .notice")).to_contain_text("somebody/some-checkpoint")


def classify_no_microphone(page: Page) -> None:
    """A microphone that the browser keeps from the page (see DENIED)."""
    expect(page.locator("#microphone-note")).to_contain_text("The microphone is blocked")


def finetune_empty(page: Page) -> None:
    """The tab as it opens."""
    page.get_by_role("tab", name="Fine-tune").click()
    expect(page.get_by_role("tab", name="Fine-tune")).to_have_attribute("aria-selected", "true")


def finetune_busy(page: Page) -> None:
    """A long run in its middle; it is left running."""
    _choose(page, "Recommended")
    page.get_by_role("button", name="Hyperparameters").click()
    epochs = page.get_by_label(re.compile("^Epochs"))
    expect(epochs).to_have_value(str(preset("recommended").epochs))
    epochs.fill("200")
    page.get_by_label(re.compile("^Window, seconds")).fill("5")
    page.get_by_role("button", name="Hyperparameters").click()
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.locator(".is-point.is-training").nth(12)).to_be_attached(timeout=RUN_MILLISECONDS)


def finetune_stopped(page: Page) -> None:
    """The run of the state before, stopped."""
    finetune_empty(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    _expect_end(page, "Stopped")


def finetune_plateau(page: Page) -> None:
    """The guide's recipe, still at chance; it is left running."""
    _choose(page, "Guide")
    page.get_by_role("button", name="Hyperparameters").click()
    page.get_by_label(re.compile("^Epochs")).fill("200")
    page.get_by_role("button", name="Hyperparameters").click()
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.locator("#finetune")).to_contain_text(
        "still at chance level", timeout=RUN_MILLISECONDS
    )


def finetune_done(page: Page) -> None:
    """An Instant run on the bundled sample, at its end."""
    _choose(page, "Instant")
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.locator("#status").get_by_role("heading")).not_to_have_text("Done")
    _expect_end(page, "Done")


def finetune_error(page: Page) -> None:
    """A folder that is not there."""
    finetune_empty(page)
    page.get_by_role("radio", name="A folder on this machine").check()
    page.get_by_role("textbox", name="Folder").fill("/nowhere/at/all")
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.locator("#finetune")).to_contain_text("there is nothing: check the path")


def runs_of_finetune(page: Page) -> None:
    """The report of the run that `finetune_done` left."""
    runs_list(page)
    page.locator("#runs-table").get_by_role("button", name=re.compile("^Instant")).click()
    expect(
        page.locator("#run-clips").get_by_role("button", name=re.compile("^Play"))
    ).not_to_have_count(0)
    page.mouse.move(0, 0)


CLASSIFY: dict[str, State] = {
    "empty": classify_empty,
    "recording": classify_recording,
    "busy": classify_busy,
    "done": classify_done,
    "error": classify_error,
    "silence": classify_silence,
    "bad-checkpoint": classify_bad_checkpoint,
    "no-microphone": classify_no_microphone,
    **TIMELINE,
}
DENIED = (classify_no_microphone,)  # states in which the browser denies the microphone
FINETUNE: dict[str, State] = {
    "empty": finetune_empty,
    "busy": finetune_busy,
    "stopped": finetune_stopped,
    "plateau": finetune_plateau,
    "plateau-stopped": finetune_stopped,
    "done": finetune_done,
    "error": finetune_error,
}
README: dict[str, State] = {
    "classify": classify_done,
    "finetune": finetune_done,
    "runs": runs_of_finetune,
}


def take(
    browser: Browser,
    url: str,
    state: State,
    file: Path,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
) -> None:
    """Open the page, bring it into a state, and write its picture, the whole page long."""
    page = open_page(browser, url, size, scheme, () if state in DENIED else ("microphone",))
    state(page)
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file, full_page=True, animations="disabled")
    page.context.close()
    print(file)


def take_all(browser: Browser, url: str, folder: Path, runs: Path) -> None:
    """Write the picture of every state, at both widths and in both colour schemes."""
    take_tab(browser, url, folder, "runs", {"empty": runs_list})
    with some_runs(runs):
        take_tab(browser, url, folder, "runs", RUNS, lambda: put_back(runs))
    take_tab(browser, url, folder, "classify", CLASSIFY)
    take_tab(browser, url, folder, "fine-tune", FINETUNE)


def take_tab(
    browser: Browser,
    url: str,
    folder: Path,
    tab: str,
    states: dict[str, State],
    afterwards: Callable[[], object] = lambda: None,
) -> None:
    """Write the pictures of one tab's states; `afterwards` puts back what a state has changed."""
    for size, scheme in itertools.product((WIDE, PHONE), ("light", "dark")):
        for name, state in states.items():
            take(browser, url, state, folder / f"{tab}-{name}-{size[0]}-{scheme}.png", size, scheme)
            afterwards()


def _choose(page: Page, name: str) -> None:
    finetune_empty(page)
    page.get_by_role("radio", name="Bundled sample").check()
    page.get_by_role("radio", name=re.compile(f"^{name}")).check()
    expect(page.get_by_text("the longest lasts")).to_be_visible()


def _expect_end(page: Page, heading: str) -> None:
    expect(page.locator("#status").get_by_role("heading")).to_have_text(
        heading, timeout=RUN_MILLISECONDS
    )


def main() -> None:
    """Start the app and a browser, and take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description="Take pictures of the page.")
    parser.add_argument("--all", type=Path, metavar="DIR", help="every state into this folder")
    folder = parser.parse_args().all
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with (
        tempfile.TemporaryDirectory() as home,
        serve(Path(home)) as url,
        sync_playwright() as playwright,
    ):
        browser = open_browser(playwright, PAY_A_BILL)
        if folder:
            take_all(browser, url, folder, Path(home) / "runs")
        else:
            for tab, state in README.items():
                take(browser, url, state, IMAGES / f"{tab}.png")
        browser.close()


if __name__ == "__main__":
    main()
