"""States of the Runs tab, for pictures."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from intent.runs.store import rename_run
from intent.runs.trash import restore_run, trashed_runs
from tests.made_runs import make_run


def runs_list(page: Page) -> None:
    """The tab as it opens."""
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator("#runs-table")).to_contain_text(re.compile(r"\d runs?|No runs yet"))


def runs_report(page: Page) -> None:
    """A run's report, with a mistake played."""
    runs_list(page)
    page.get_by_role("button", name="Window of 5 s").click()
    page.locator("#run-clips").get_by_role("button", name=re.compile("^Play")).first.click()
    expect(page.locator("#run-player #duration")).not_to_have_text("0:00")
    page.mouse.move(0, 0)


def runs_compare(page: Page) -> None:
    """Three runs side by side."""
    runs_list(page)
    for box in page.locator("#runs-table").get_by_role("checkbox").all():
        box.check()
    expect(page.locator("#run-summary")).to_contain_text("3 runs compared")


def runs_trash(page: Page) -> None:
    """A run that was just removed, and the open trash."""
    runs_list(page)
    page.get_by_role("button", name="Guide, bundled").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#runs-note")).to_contain_text("to the trash")
    page.get_by_role("button", name=re.compile("^Trash")).click()
    expect(page.locator("#trash-list")).to_contain_text("Guide, bundled")


RUNS: dict[str, Callable[[Page], None]] = {
    "list": runs_list,
    "report": runs_report,
    "compare": runs_compare,
    "trash": runs_trash,
}


@contextmanager
def some_runs(runs: Path) -> Iterator[None]:
    """Have three runs in the folder, as long as the block lasts."""
    flaws = {4: "clipped", 30: "very short"}
    guide = make_run(runs, range(0, 56, 2))
    short = make_run(runs, (3, 4, 9, 20, 41), flaws, "instant", window_seconds=2)
    long = make_run(runs, (4, 20), flaws, "instant", with_model=True, window_seconds=5)
    rename_run(short, "Window of 2 s")
    rename_run(long, "Window of 5 s")
    yield
    for run in (guide, short, long):
        shutil.rmtree(run.path)


def put_back(runs: Path) -> None:
    """Take out of the trash what a state has put there."""
    for run in trashed_runs(runs):
        restore_run(runs, run.id)
