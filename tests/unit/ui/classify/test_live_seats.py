"""Each open page has a seat of its own while it listens live; public mode has a stated number."""

import pytest

from intent.errors import AccessError
from intent.models.live import Live
from intent.ui.classify.live_seats import IDLE_SECONDS, Seats


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_visitor_after_the_last_seat_is_told_so() -> None:
    seats = Seats(Clock())
    seats.take("ann", Live(), 2)
    seats.take("bob", Live(), 2)
    with pytest.raises(AccessError, match="in use by 2 visitors.*try again in a few minutes"):
        seats.take("eve", Live(), 2)
    assert seats.live("eve") is None
    seats.leave("ann")
    seats.take("eve", Live(), 2)


def test_on_ones_own_machine_there_is_no_limit() -> None:
    seats = Seats(Clock())
    for number in range(50):
        seats.take(str(number), Live(), None)
    assert all(seats.live(str(number)) for number in range(50))


def test_a_seat_without_sound_is_free_for_the_next() -> None:
    clock = Clock()
    seats = Seats(clock)
    ann, bob = Live(), Live()
    seats.take("ann", ann, 2)
    seats.take("bob", bob, 2)
    clock.now = IDLE_SECONDS - 1
    assert seats.keep("bob", bob, Live())
    clock.now = IDLE_SECONDS + 1
    seats.take("eve", Live(), 2)
    assert seats.live("ann") is None
    assert seats.live("bob") is not None


def test_each_session_has_its_own_state() -> None:
    seats = Seats(Clock())
    ann, bob, after = Live(), Live(), Live()
    seats.take("ann", ann, None)
    seats.take("bob", bob, None)
    assert seats.keep("ann", ann, after)
    assert seats.live("ann") is after
    assert seats.live("bob") is bob


def test_sound_that_arrives_after_its_session_left_or_began_anew_is_dropped() -> None:
    seats = Seats(Clock())
    before, anew = Live(), Live()
    seats.take("ann", before, None)
    seats.leave("ann")
    assert not seats.keep("ann", before, Live())
    assert seats.live("ann") is None
    seats.take("ann", anew, None)
    assert not seats.keep("ann", before, Live())
    assert seats.live("ann") is anew
