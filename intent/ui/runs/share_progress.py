"""Run a job in a thread, and render its phase, its progress and the time left."""

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from intent.sharing import OnProgress
from intent.ui.shared.format import capitalized, time_in_words
from intent.ui.shared.html import progress_bar

UPDATE_SECONDS = 0.25  # between two updates of a phase
MIN_SHARE = 0.05  # below it, the time left cannot be estimated

T = TypeVar("T")


class Job(Generic[T]):
    """A job in a thread: iterate over its progress as HTML, then take its `result`.

    The iteration raises what the job raises.
    """

    def __init__(self, work: Callable[[OnProgress], T]) -> None:
        """Prepare a job; `work` gets the function that reports its progress."""
        self._work = work
        self._future: Future[T] = Future()
        self._reports: queue.SimpleQueue[tuple[str, float | None] | None] = queue.SimpleQueue()
        self._last: tuple[str, float] = ("", 0.0)  # phase and time of the latest report

    def __iter__(self) -> Iterator[str]:
        """Run the job."""
        started: dict[str, float] = {}  # when each phase began
        with ThreadPoolExecutor(1) as threads:
            self._future = threads.submit(self._work, self._report)
            self._future.add_done_callback(lambda _: self._reports.put(None))
            while (report := self._reports.get()) is not None:
                phase, share = report
                seconds = time.monotonic() - started.setdefault(phase, time.monotonic())
                yield progress_html(phase, share, seconds)
            self._future.result()

    @property
    def result(self) -> T:
        """Return what the job returned; only after the iteration."""
        return self._future.result(timeout=0)

    def _report(self, phase: str, share: float | None) -> None:
        now = time.monotonic()
        if phase != self._last[0] or now - self._last[1] >= UPDATE_SECONDS:
            self._last = (phase, now)
            self._reports.put((phase, share))


def progress_html(phase: str, share: float | None, seconds: float) -> str:
    """Return a phase as a bar; share: done, 0..1, or None; seconds: since the phase began."""
    words = capitalized(phase)
    if share is not None and share >= MIN_SHARE and share < 1 and seconds >= 1:
        words += f" · {time_in_words(seconds / share * (1 - share))} left"
    return f"<div class='is-sharing'>{progress_bar(share, words)}</div>"
