"""Items are computed several at a time, in order, and only a few ahead."""

import threading
from collections.abc import Iterator

import pytest
import torch

from intent.training.parallel import AHEAD, in_parallel


@pytest.fixture(autouse=True)
def threads() -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_items() -> None:
    first = threading.Event()

    def compute(item: int) -> int:
        if item == 0:
            assert first.wait(60)  # until another item is computed
        first.set()
        return item**2

    assert list(in_parallel(compute, range(50))) == [item**2 for item in range(50)]


def test_each_item_is_computed_with_torch_on_one_thread() -> None:
    found = set(in_parallel(lambda _: torch.get_num_threads(), range(10)))
    assert found == {1} and torch.get_num_threads() == 2


def test_only_a_few_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = in_parallel(lambda item: item, items())
    assert next(results) == 0
    assert len(taken) <= AHEAD * 2 + 1


def test_an_error_is_raised_at_its_item_and_ends_the_rest() -> None:
    def compute(item: int) -> int:
        if item == 3:
            raise ValueError("Three.")
        return item

    results = in_parallel(compute, range(1000))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="Three"):
        next(results)
    assert list(results) == []


def test_a_consumer_that_stops_leaves_the_rest_out() -> None:
    done: list[int] = []
    for result in in_parallel(done.append, range(1000)):
        assert result is None
        break
    assert len(done) <= AHEAD * 2 + 2 and torch.get_num_threads() == 2
