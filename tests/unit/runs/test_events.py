"""Events: JSON lines there and back, damaged lines, and reading a file of them in blocks."""

import dataclasses
import json
import math
import types
import typing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.runs.events import (
    BLOCK_BYTES,
    Event,
    History,
    Phase,
    Skipped,
    TrainPoint,
    events_after,
    from_line,
    to_line,
)
from intent.runs.folding import fold

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
    history = fold(found, History())
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


def test_a_large_file_is_read_in_blocks(tmp_path: Path) -> None:
    file, line = tmp_path / "events.jsonl", to_line(Phase("x" * 1000)) + "\n"
    file.write_text(line * 3000)
    blocks = list(events_after(file, 0))
    assert [event for found, _ in blocks for event in found] == [Phase("x" * 1000)] * 3000
    starts = [0, *(offset for _, offset in blocks)]
    assert starts[-1] == file.stat().st_size
    assert max(np.diff(starts)) <= BLOCK_BYTES + len(line)


def test_a_line_that_is_completed_while_the_file_is_read_is_left_for_the_next_call(
    tmp_path: Path,
) -> None:
    file, first, second = tmp_path / "events.jsonl", Phase("reading"), Phase("saving")
    file.write_text(to_line(first) + "\n" + to_line(second)[:20])
    reading = events_after(file, 0)
    found, offset = next(reading)
    with open(file, "a") as rest:
        rest.write(to_line(second)[20:] + "\n")
    assert (found, list(reading)) == ([first], [])
    assert [found for found, _ in events_after(file, offset)] == [[second]]
