"""A dozen kill points; `python -m tests.faults` tries as many as are wanted."""

from collections.abc import Iterator

import pytest

from intent.runs.directory import history_of
from intent.runs.store import state
from tests.faults.losses import curve_fault, what_is_lost
from tests.faults.points import Point, draw_points
from tests.faults.world import RECIPES, World, build_world, kill_at, resume


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield build_world(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("number", range(12))
def test_nothing_is_lost_to_a_kill_at_any_moment(number: int, world: World) -> None:
    point = draw_points(world.undisturbed, 12, seed=1)[number]
    run = kill_at(world, point)
    assert what_is_lost(world, run, point) is None


@pytest.mark.parametrize("operation", range(1, 6))
def test_run_whose_training_is_killed_as_it_begins_is_interrupted(
    operation: int, world: World
) -> None:
    run = kill_at(world, Point("closed-form", "start", "training", operation, 0, 0.0))
    assert state(run) == "interrupted"


@pytest.mark.parametrize("operation", range(1, 6))
def test_training_continues_if_its_app_is_killed_at_the_start(operation: int, world: World) -> None:
    run = kill_at(world, Point("closed-form", "start", "app", operation, 0, 0.0))
    assert state(run) == "done"


@pytest.mark.parametrize("recipe", RECIPES)
def test_resumed_run_has_the_curves_of_an_undisturbed_one(recipe: str, world: World) -> None:
    expected = world.undisturbed[recipe]
    point = next(
        point
        for point in draw_points({recipe: expected}, 200, seed=2)
        if point.victim == "both"
        and point.phase in ("training", "evaluation", "saving")
        and (point.operation or 0) > len(expected.operations) * 0.4
    )
    run = kill_at(world, point)
    assert state(run) == "interrupted"
    resume(world, run)
    assert state(run) == "done"
    assert what_is_lost(world, run, point) is None
    assert curve_fault(history_of(run), expected.history) is None
