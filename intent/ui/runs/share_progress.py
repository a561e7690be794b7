"""What is shown of a job that takes a while: its phase, how far it is, and how long it still takes."""

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from intent.ui.finetune.live_view import progress_bar, time_in_words

TELL_SECONDS = 0.25  # between two updates of a phase
MIN_SHARE = 0.05  # before that, nobody knows how long it takes

Tell = Callable[[str, float | None], None]
T = TypeVar("T")


@dataclass
class Job(Generic[T]):
    """A job that is done in a thread: iterate over its progress as HTML, then take its result.

    The job gets a function to tell its phase in words and how much of it is done, 0..1 or None.
    `result` is None until the iteration has ended; what the job raised is raised by it.
    """

    work: Callable[[Tell], T]
    result: T | None = None
    _told: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    _last: tuple[str, float] = ("", 0.0)  # phase and time of what was told last

    def __iter__(self) -> Iterator[str]:
        started: dict[str, float] = {}  # when each phase was first told
        with ThreadPoolExecutor(1) as threads:
            future = threads.submit(self.work, self._tell)
            future.add_done_callback(lambda _: self._told.put(None))
            while (told := self._told.get()) is not None:
                phase, share = told
                seconds = time.monotonic() - started.setdefault(phase, time.monotonic())
                yield progress_html(phase, share, seconds)
            self.result = future.result()

    def _tell(self, phase: str, share: float | None = None) -> None:
        now = time.monotonic()
        if phase != self._last[0] or now - self._last[1] >= TELL_SECONDS:
            self._last = (phase, now)
            self._told.put((phase, share))


def progress_html(phase: str, share: float | None, seconds: float) -> str:
    """Return a phase as a bar, with the time left where `seconds` of it say how long it takes."""
    words = phase[:1].upper() + phase[1:]
    if share is not None and share >= MIN_SHARE and share < 1 and seconds >= 1:
        words += f" · {time_in_words(seconds / share * (1 - share))} left"
    return f"<div class='is-sharing'>{progress_bar(share, words)}</div>"
