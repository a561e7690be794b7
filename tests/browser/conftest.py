"""One app a module, one browser a session, one fresh visitor a test."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.harness import EXAMPLES, WAIT_MILLISECONDS, open_browser, open_page, serve

expect.set_options(timeout=WAIT_MILLISECONDS)


@pytest.fixture(scope="module")
def app_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the app's runs (`runs`), caches and log."""
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def app_url(app_home: Path) -> Iterator[str]:
    """The address of the real app.py, offline and with fresh folders."""
    with serve(app_home) as url:
        yield url


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium whose microphone says that a bill is to be paid."""
    browser = open_browser(playwright, EXAMPLES / "pay-a-bill.wav")
    yield browser
    browser.close()


@pytest.fixture
def visit(browser: Browser, app_url: str) -> Iterator[Callable[..., Page]]:
    """`visit(size=…, scheme=…, permissions=…, before=…)` opens the app as one more visitor."""
    before = list(browser.contexts)
    yield functools.partial(open_page, browser, app_url)
    for context in browser.contexts:
        if context not in before:
            context.close()


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """The app at 1280 pixels, in light colours, with a microphone that is allowed."""
    return visit()
