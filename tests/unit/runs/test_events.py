"""Events: JSON lines there and back, damaged lines, and the fold into a history."""

import dataclasses
import json
import math
import types
import typing
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
    Phase,
    Progress,
    Saved,
    Skipped,
    Started,
    TrainPoint,
    add_event,
    from_line,
    to_line,
)

KINDS = Event.__args__


def values_of(hint: object, floats: st.SearchStrategy) -> st.SearchStrategy:
    if isinstance(hint, types.UnionType):
        return st.none() | values_of(typing.get_args(hint)[0], floats)
    if typing.get_origin(hint) is tuple:
        kinds = typing.get_args(hint)
        if kinds[-1] is Ellipsis:
            return st.lists(values_of(kinds[0], floats)).map(tuple)
        return st.tuples(*(values_of(kind, floats) for kind in kinds))
    return {str: st.text(), int: st.integers(), bool: st.booleans(), float: floats}[hint]


def events_with(floats: st.SearchStrategy) -> st.SearchStrategy[Event]:
    def of(kind: type) -> st.SearchStrategy:
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{name: values_of(hint, floats) for name, hint in hints.items()})

    return st.one_of([of(kind) for kind in KINDS])


events = events_with(st.floats(allow_nan=False, allow_infinity=False))


@given(events)
def test_event_survives_its_line(event: Event) -> None:
    assert from_line(to_line(event)) == event


@given(events_with(st.floats()))
def test_line_is_one_line_of_strict_json_whatever_the_numbers(event: Event) -> None:
    line = to_line(event)
    assert len(line.split("\n")) == 1
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert type(from_line(line)) is type(event)


def test_infinite_loss_is_read_back_as_nan() -> None:
    point = from_line(to_line(TrainPoint(1.0, 0.1, math.inf, 0.5)))
    assert isinstance(point, TrainPoint)
    assert math.isnan(point.loss)
    assert point.accuracy == 0.5


def test_a_name_that_is_no_utf8_is_read_back_in_escapes() -> None:
    assert from_line(to_line(Skipped("a\udcff.wav", "empty"))) == Skipped("a\\udcff.wav", "empty")


@given(events, st.data())
def test_line_cut_anywhere_is_no_event(event: Event, data: st.DataObject) -> None:
    line = to_line(event)
    cut = data.draw(st.integers(0, len(line) - 1))
    assert from_line(line[:cut]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def wild_fields(kind: type) -> st.SearchStrategy:
    names = [field.name for field in dataclasses.fields(kind)]
    fields = st.dictionaries(st.sampled_from(names), JSON)
    return fields.map(lambda values: json.dumps({"event": kind.__name__, **values}))


@given(st.lists(st.text() | JSON.map(json.dumps) | st.sampled_from(KINDS).flatmap(wild_fields)))
def test_wild_lines_are_no_event_or_one_that_folds(lines: list[str]) -> None:
    found = [event for event in map(from_line, lines) if event is not None]
    history = reduce(add_event, found, History())
    assert history.count == len(found)
    assert history.chance is None or 0 < history.chance <= 1


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "3",
        "[]",
        "{}",
        '{"event": "Lunch"}',
        '{"event": ["Phase"]}',
        '{"event": "Phase"}',
        '{"event": "Phase", "name": 3}',
        '{"event": "Phase", "name": "x", "colour": "red"}',
        '{"event": "Saved", "accuracy": "high"}',
        "[" * 100_000,
    ],
)
def test_unknown_line_is_not_an_event(line: str) -> None:
    assert from_line(line) is None


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
