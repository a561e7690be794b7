"""axe-core finds nothing to fix in any state of the page, wide and light or narrow and dark."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.harness import PHONE, WIDE
from tests.runs_states import RUNS, put_back, some_runs
from tests.take_screenshots import (
    CLASSIFY,
    DENIED,
    RUN_MILLISECONDS,
    State,
    finetune_empty,
    finetune_error,
)

LOOKS = [(WIDE, "light"), (PHONE, "dark")]
GRADIOS_OWN = [  # its player: before there is a recording, and the waveform of one over 20 s
    [".empty[aria-label='Empty value']"],
    {"fromShadowDom": ["#waveform > div", ".scroll"]},
]
AXE = Axe()


def finetune_done(page: Page) -> None:
    """The tab with a run that has ended."""
    finetune_empty(page)
    expect(page.locator("#status").get_by_role("heading")).to_have_text("Done")


STATES = {
    **{f"classify-{name}": state for name, state in CLASSIFY.items()},
    "finetune-done": finetune_done,
    "finetune-error": finetune_error,
    **{f"runs-{name}": state for name, state in RUNS.items()},
}


@pytest.fixture(scope="module")
def runs(app_home: Path) -> Iterator[Path]:
    with some_runs(app_home / "runs"):
        yield app_home / "runs"


def findings(page: Page) -> list[str]:
    """What axe-core reports: rule, element, and how to fix it."""
    found = AXE.run(page, {"exclude": GRADIOS_OWN}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_axe_finds_nothing(
    visit: Callable[..., Page],
    runs: Path,
    state: State,
    size: tuple[int, int],
    scheme: str,
) -> None:
    page = visit(size, scheme, () if state in DENIED else ("microphone",))
    state(page)
    try:
        assert findings(page) == []
    finally:
        put_back(runs)


def test_axe_finds_nothing_while_a_run_trains(page: Page) -> None:
    finetune_empty(page)
    page.get_by_role("radio", name="Bundled sample").check()
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.get_by_role("progressbar")).to_be_visible(timeout=RUN_MILLISECONDS)
    assert findings(page) == []
