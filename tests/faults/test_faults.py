"""A dozen kill points; `python -m tests.faults` tries as many as are wanted."""

from collections.abc import Iterator

import pytest

from intent.rundir import history_of
from intent.runs import state
from tests.faults.world import (
    RECIPES,
    World,
    build_world,
    curve_fault,
    draw_points,
    kill_at,
    resume,
    what_is_lost,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield build_world(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("number", range(12))
def test_nothing_is_lost_to_a_kill_at_any_moment(number: int, world: World) -> None:
    point = [p for p in draw_points(world, 24, seed=1) if p.operation is None][number]
    run = kill_at(world, point)
    assert what_is_lost(world, run, point) is None


@pytest.mark.parametrize("recipe", RECIPES)
def test_resumed_run_has_the_curves_of_an_undisturbed_one(recipe: str, world: World) -> None:
    operations = world.undisturbed[recipe].operations
    late = [p for p in draw_points(world, 60, seed=2) if p.operation and p.recipe == recipe]
    for point in (p for p in late if p.operation > operations * 0.4):
        run = kill_at(world, point)
        if state(run) == "interrupted":  # and not merely while it tidied up behind its end
            break
    assert state(run) == "interrupted"
    resume(world, run)
    assert state(run) == "done"
    assert what_is_lost(world, run, point) is None
    assert curve_fault(history_of(run), world.undisturbed[recipe].history) is None
