"""The fold of events into a history: what it keeps, and that it costs the same for each event."""

import dataclasses
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.runs.events import (
    EvalPoint,
    Event,
    Failed,
    Finished,
    History,
    Notice,
    Phase,
    Progress,
    Saved,
    Skipped,
    Started,
    TrainPoint,
)
from intent.runs.folding import add_event, fold

STARTED = Started("fine-tune", ("a", "b", "c", "d"), 8, 4, 0, "CPU")


def history_of(*happened: Event) -> History:
    return reduce(add_event, happened, History())


def test_history_keeps_the_points_in_their_order() -> None:
    train = [TrainPoint(step / 4, 0.1 * step, 1.0, 0.5) for step in range(5)]
    evaluations = [EvalPoint(0.1 * step, step=step) for step in range(3)]
    history = history_of(STARTED, *train, *evaluations)
    assert history.train == tuple(train)
    assert history.evaluations == tuple(evaluations)
    assert history.count == 9


def test_chance_is_one_over_the_number_of_intents() -> None:
    assert history_of(STARTED).chance == 0.25
    assert history_of(replace(STARTED, reject_label="b")).chance == pytest.approx(1 / 3)
    assert History().chance is None


def test_new_phase_forgets_the_progress_of_the_one_before() -> None:
    progress = Progress(3, 10, 2.0, 3.5)
    assert history_of(Phase("reading audio"), progress).progress == progress
    assert history_of(Phase("reading audio"), progress, Phase("saving")).progress is None


@pytest.mark.parametrize("end", [Finished("done", 0.9, (0.8, 0.95), 10, 3.0), Failed("No room.")])
def test_resumed_run_has_not_ended(end: Event) -> None:
    assert history_of(STARTED, end).end == end
    assert history_of(STARTED, end, dataclasses.replace(STARTED, resumed=True)).end is None


def test_skipped_clips_and_the_saved_checkpoint_are_remembered() -> None:
    first, saved = Skipped("a.wav", "The file is empty."), Saved(0.9)
    second = Skipped("b.wav", "The file is empty.")
    history = history_of(STARTED, first, saved, second, first)  # as a run that is resumed says it
    assert history.skipped == (first, second)
    assert history.saved == saved


def test_unknown_event_is_refused() -> None:
    with pytest.raises(TypeError):
        add_event(History(), "lunch")  # type: ignore[arg-type]


def test_resumed_session_redraws_the_points_after_its_checkpoint() -> None:
    begun = [Started("fine-tune", ("a", "b"), 8, 2, 0, "CPU"), EvalPoint(0.5, step=0)]
    points = [TrainPoint(step, step / 4, 1.0, 0.5) for step in (1.0, 1.5, 2.0, 3.0)]
    history = reduce(add_event, [*begun, *points, EvalPoint(0.75, step=3)], History())
    resumed = replace(begun[0], resumed=True, step=2)
    later = add_event(history, resumed)
    assert [point.step for point in later.train] == [1.0, 1.5, 2.0]
    assert [point.step for point in later.evaluations] == [0]
    afresh = add_event(history, replace(resumed, step=-1))
    assert afresh.train == afresh.evaluations == ()


def test_resumed_session_that_reads_clips_again_drops_their_points() -> None:
    history = reduce(add_event, [EvalPoint(0.5, clips=8), EvalPoint(0.75, clips=16)], History())
    resumed = Started("closed-form", ("a", "b"), 8, 2, 0, "CPU", resumed=True, step=-1)
    assert add_event(history, resumed).evaluations == ()


def test_clip_that_each_session_skips_is_counted_once() -> None:
    skip = Skipped("a.wav", "It is empty.", time=1.0)
    assert reduce(add_event, [skip, replace(skip, time=2.0)], History()).skipped == (skip,)


def test_a_new_session_clears_the_end_of_a_run() -> None:
    stopped = Finished("stopped", 0.5, (0.4, 0.6), 10, 3.0)
    assert reduce(add_event, [stopped, Phase("starting")], History()).end is None


def test_an_evaluation_repeated_after_resuming_is_drawn_once() -> None:
    first, last = EvalPoint(0.5, 1.0, step=1.0), EvalPoint(0.7, 0.9, step=2.0)
    resumed = dataclasses.replace(STARTED, resumed=True, step=2)
    assert history_of(STARTED, first, last, resumed, last).evaluations == (first, last)
    heard = [EvalPoint(0.5, 1.0, clips=clips) for clips in (3, 4)]
    assert history_of(STARTED, *heard).evaluations == tuple(heard)


STEPS = st.none() | st.integers(0, 3)
HAPPENED = st.one_of(
    st.builds(Phase, st.sampled_from("ab")),
    st.builds(Progress, st.just(1), st.just(2), st.just(3.0), st.none(), st.none() | st.just(0.5)),
    st.builds(Skipped, st.sampled_from("ab"), st.sampled_from("cd")),
    st.builds(Notice, st.sampled_from("ab")),
    st.builds(TrainPoint, st.integers(0, 3), st.just(0), st.just(1), st.just(1)),
    st.builds(EvalPoint, st.just(0.5), step=STEPS, clips=STEPS),
    STEPS.map(lambda step: replace(STARTED, step=step)),
    st.just(Saved(0.5)),
    st.just(Failed("No.")),
)


@given(st.lists(HAPPENED), st.lists(HAPPENED))
def test_events_folded_together_are_those_added_one_by_one(
    first: list[Event], later: list[Event]
) -> None:
    before = fold(first, History())
    kept = dataclasses.astuple(before)
    assert fold(later, before) == reduce(add_event, [*first, *later], History())
    assert dataclasses.astuple(before) == kept  # a history does not change


def test_a_skipped_clip_is_not_compared_with_all_the_others() -> None:
    compared = 0

    class Name(str):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    clips = 2000
    history = fold((Skipped(Name(f"{n}.wav"), "Empty.") for n in range(clips)), History())
    assert len(history.skipped) == clips
    assert compared <= clips


def test_progress_shares_the_points_with_the_history_before() -> None:
    before = fold([TrainPoint(1, 0.1, 1.0, 0.5), Skipped("a.wav", "Empty.")], History())
    after = add_event(before, Progress(1, 2, 3.0, None))
    assert after.train is before.train and after.skipped is before.skipped
