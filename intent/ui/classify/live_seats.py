"""Who listens live: one seat for each open page, with its sound, until it is left or falls silent."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from intent.errors import AccessError
from intent.models.live import Live

MAX_LIVE = 4  # visitors who listen live at the same time in public mode; each takes part of a core
IDLE_SECONDS = 10.0  # without any sound: the page was closed, and its seat is free


@dataclass(frozen=True)
class _Seat:
    live: Live
    heard_at: float  # s, on the clock of Seats


class Seats:
    """The seats in use, by session; safe in any thread. Sound is here only, and goes with its seat."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seats: dict[str, _Seat] = {}

    def take(self, session: str, live: Live, limit: int | None) -> None:
        """Give a session a seat with this state; raises AccessError if `limit` others have one."""
        with self._lock:
            now = self._clock()
            self._seats = {
                other: seat
                for other, seat in self._seats.items()
                if other != session and now - seat.heard_at < IDLE_SECONDS
            }
            if limit is not None and len(self._seats) >= limit:
                raise AccessError(
                    f"Live is in use by {limit} visitors, the most at a time: try again in a few "
                    "minutes, or record a clip instead."
                )
            self._seats[session] = _Seat(live, now)

    def live(self, session: str) -> Live | None:
        """Return the state of a session, or None if it has no seat."""
        with self._lock:
            seat = self._seats.get(session)
            return seat.live if seat else None

    def keep(self, session: str, before: Live, after: Live) -> bool:
        """Replace a session's state; return False, and keep nothing, if it is not `before` any more.

        So sound that was on its way when the session left, or began anew, is dropped.
        """
        with self._lock:
            seat = self._seats.get(session)
            if seat is None or seat.live is not before:
                return False
            self._seats[session] = _Seat(after, self._clock())
            return True

    def leave(self, session: str) -> None:
        """Free the seat of a session, and drop its sound."""
        with self._lock:
            self._seats.pop(session, None)
