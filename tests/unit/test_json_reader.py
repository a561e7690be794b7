"""JSON as dataclasses: what is taken, and the first problem in a sentence."""

import math
from dataclasses import dataclass

import pytest

from intent.json_reader import JsonError, Number, read_json


@dataclass(frozen=True)
class Point:
    name: str
    at: tuple[float, float]
    loss: Number = 0.0
    count: int = 0
    is_kept: bool = True

    def __post_init__(self) -> None:
        if self.count > 9:
            raise ValueError("Too many.")


def test_lists_become_tuples_whole_numbers_floats_and_null_nan() -> None:
    point = read_json(Point, '{"name": "a", "at": [1, 2.5], "loss": null}')
    assert (point.at, type(point.at[0]), point.count) == ((1.0, 2.5), float, 0)
    assert math.isnan(point.loss)


def test_rows_are_read_as_a_tuple() -> None:
    assert read_json(tuple[Point, ...], b"[]") == ()
    assert len(read_json(tuple[Point, ...], '[{"name": "a", "at": [0, 0]}]')) == 1


def test_unknown_fields_are_refused_or_ignored() -> None:
    text = '{"name": "a", "at": [0, 0], "colour": 1}'
    assert read_json(Point, text, extra="ignore") == Point("a", (0, 0))
    with pytest.raises(JsonError, match="^colour is unknown$"):
        read_json(Point, text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3", "the JSON must be an object of names and values, but is 3"),
        ('{"at": [0, 0]}', "name is missing"),
        ('{"name": 3, "at": [0, 0]}', "name must be a string, but is 3"),
        ('{"name": "a", "at": 0}', "at must be a list, but is 0"),
        ('{"name": "a", "at": [0, "b"]}', "at.1 must be a number, but is 'b'"),
        ('{"name": "a", "at": [0, true]}', "at.1 must be a number, but is True"),
        ('{"name": "a", "at": [0]}', "at.1 is missing"),
        ('{"name": "a", "at": [0, 0], "count": 1.5}', "count must be a whole number, but is 1.5"),
        ('{"name": "a", "at": [0, 0], "is_kept": 1}', "is_kept must be true or false, but is 1"),
        ('{"name": "a", "at": [0, 0], "count": 10}', "Too many"),
    ],
)
def test_the_first_problem_is_named(text: str, problem: str) -> None:
    with pytest.raises(JsonError) as error:
        read_json(Point, text)
    assert str(error.value) == problem


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, b"\xff", '{"count": 1' + "0" * 9999 + "}"]
)
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(JsonError, match="JSON was expected, but found something else: "):
        read_json(Point, text)
