"""The time left of a run follows its own speed."""

import time

import pytest

from intent.runs.events import Progress
from intent.training.context import ProgressMeter


class Clock:
    """A clock that a test moves, instead of the machine's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def test_clips_found_in_the_cache_do_not_shorten_the_time_left_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, events = Clock(monkeypatch), list[Progress]()
    meter = ProgressMeter(events.append, 400)
    for done in range(1, 201):
        clock.now += 0.001
        meter.show(done, done)
    for done in range(201, 207):
        clock.now += 0.5
        meter.show(done, done)
    assert events[-1].seconds_left == pytest.approx(194 * 0.5, rel=0.1)
    assert events[-1].clips_per_second == pytest.approx(2, rel=0.1)


def test_a_resumed_run_counts_only_what_it_has_done_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, events = Clock(monkeypatch), list[Progress]()
    meter = ProgressMeter(events.append, 100, done=50)
    clock.now += 2
    meter.show(52, 16, epoch=5.2)
    assert events == [Progress(52, 100, 8, 48, 5.2)]


def test_progress_is_emitted_a_few_times_a_second_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, events = Clock(monkeypatch), list[Progress]()
    meter = ProgressMeter(events.append, 100)
    for done in range(1, 101):
        clock.now += 1 / 64
        meter.show(done, done)
    assert [event.done for event in events] == [1, 17, 33, 49, 65, 81, 97, 100]
