"""Two visitors of a page in public mode: each browser is known again, and theirs is theirs."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from intent.runs.live import live_run
from intent.runs.store import list_runs
from tests.browser.harness import open_page, problems, reload, serve
from tests.browser.test_runs import open_run, open_tab, table
from tests.waiting import wait_for

PATIENCE = 240_000  # milliseconds, for a training to begin on a machine that is busy


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("public")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with serve(home, settings={"INTENT_PUBLIC": "1", "HF_TOKEN": "hf_of_the_owner"}) as url:
        yield url


@pytest.fixture
def newcomer(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """`newcomer()` opens the page in a browser that was never here."""
    before = list(browser.contexts)
    yield partial(open_page, browser, address)
    for context in browser.contexts:
        if context not in before:
            context.close()


def finetune(page: Page) -> None:
    page.get_by_role("tab", name="Fine-tune").click()


def test_a_run_is_stopped_by_the_browser_that_started_it_and_by_no_other(
    newcomer: Callable[..., Page], home: Path
) -> None:
    ann, bob = newcomer(), newcomer()
    finetune(ann)
    expect(ann.get_by_role("radio", name="A folder on this machine")).to_have_count(0)
    ann.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(ann.locator("#stop")).to_be_enabled(timeout=PATIENCE)
    [run] = list_runs(home / "runs")
    assert run.owner and "visitor" not in run.owner
    for page, mine in ((bob, False), (ann, True)):
        reload(page)
        finetune(page)
        expect(page.locator("#status")).to_contain_text(run.id, timeout=PATIENCE)
        expect(page.get_by_text("Another visitor started this run")).to_have_count(0 if mine else 1)
        if not mine:
            expect(page.locator("#stop")).to_be_disabled()
    open_tab(bob)
    open_run(bob, run.name)
    expect(bob.locator("#run-actions").get_by_role("button", name="Stop")).not_to_be_visible()
    expect(bob.locator("#run-actions").get_by_role("button", name="Remove")).not_to_be_visible()
    open_tab(ann)
    expect(table(ann)).to_contain_text("yours")
    finetune(ann)
    ann.locator("#stop").click()
    wait_for(lambda: live_run(home / "runs") is None, PATIENCE / 1000)
    assert problems(ann) == problems(bob) == []
