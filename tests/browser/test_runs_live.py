"""Runs that train while a visitor looks at them on the Runs tab: resumed and stopped by a click."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from intent.checkpoints.provenance import read_provenance
from intent.jobs.processes import kill_run
from intent.jobs.queue import enqueue
from intent.recipes import Recipe
from intent.runs.directory import COMPLETE, RunDir
from intent.runs.events import Finished
from intent.runs.live import holder, live_run
from intent.runs.store import create_run, rename_run
from tests.browser.harness import problems
from tests.browser.test_runs import open_run, open_tab, press, summary, table
from tests.tiny import tiny_whisper, tone_folder
from tests.waiting import wait_for

PATIENCE = 240_000  # milliseconds, for a training on a machine that is busy with something else
wait_until = partial(wait_for, patience=PATIENCE / 1000)


@pytest.fixture
def start(app_home: Path) -> Iterator[Callable[..., RunDir]]:
    """`start(name, epochs)` lets the app train a tiny encoder on tones; nothing trains afterwards."""
    runs, base, tones = (app_home / name for name in ("runs", "base", "tones"))
    if not base.exists():
        tiny_whisper(base), tone_folder(tones)

    def begin(name: str, epochs: int) -> RunDir:
        recipe = Recipe(
            data=str(tones),
            base=str(base),
            window_seconds=2,
            trainable_layers=1,
            epochs=epochs,
            batch_size=2,
            learning_rate=1e-3,
        )
        run = create_run(runs, recipe)
        rename_run(run, name)
        enqueue(run)  # the app begins what waits
        return run

    yield begin
    while live := live_run(runs):
        kill_run(live)


def row(page: Page, name: str) -> Locator:
    return table(page).get_by_role("row").filter(has_text=name)


def test_an_interrupted_run_is_resumed_by_a_click_and_ends_done(
    page: Page, start: Callable[..., RunDir]
) -> None:
    run = start("Cut short", epochs=60)
    wait_until(lambda: any(run.checkpoints.glob(f"*/{COMPLETE}")))
    os.kill(holder(run.path.parent)[1], signal.SIGKILL)
    open_tab(page)
    expect(row(page, "Cut short")).to_contain_text("Interrupted")
    step = run.history().evaluations[-1].step
    open_run(page, "Cut short")
    press(page, "Resume")
    expect(page.get_by_text("Resumed “Cut short”.")).to_be_visible()
    expect(row(page, "Cut short")).to_contain_text("Done", timeout=PATIENCE)
    expect(summary(page)).to_contain_text("Done")
    expect(page.get_by_role("button", name="Resume", exact=True)).not_to_be_visible()
    history = run.history()
    assert history.started.resumed and 0 < history.started.step <= step
    assert [point.epoch for point in history.evaluations] == list(range(1, 61))
    assert problems(page) == []


def test_a_run_is_stopped_by_a_click_and_keeps_its_best_checkpoint(
    page: Page, start: Callable[..., RunDir]
) -> None:
    run = start("Long", epochs=200)
    wait_until(lambda: run.history().saved)
    open_tab(page)
    open_run(page, "Long")
    press(page, "Stop")
    expect(page.get_by_text("Stopping “Long”. Its best checkpoint so far is kept.")).to_be_visible()
    expect(row(page, "Long")).to_contain_text("Stopped", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Use this model", exact=True)).to_be_visible()
    history = run.history()
    assert isinstance(history.end, Finished)
    best = max(point.accuracy for point in history.evaluations)
    assert read_provenance(run.model).accuracy == history.end.accuracy == best
    assert problems(page) == []
