"""The charts of a run: which points are drawn, steady axes, and a text alternative."""

import math
import re
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as some

from intent.recipes import preset
from intent.runs.events import EvalPoint, Event, Finished, History, Started, TrainPoint
from intent.runs.folding import add_event
from intent.ui.shared.chart import MAX_POINTS, chart_html, ticks
from intent.ui.shared.format import NBSP
from intent.ui.shared.plots import accuracy_chart, loss_chart, plots_html

LABELS = tuple(f"label-{number}" for number in range(14))
GUIDE, INSTANT = preset("guide"), preset("instant")
shares = some.floats(0, 1)
losses = some.floats(0, 60)


def history_of(*events: Event) -> History:
    started = Started("fine-tune", LABELS, 450, 113, seen_clips=0, device="CPU")
    return reduce(add_event, (started, *events), History())


def evaluation(epoch: int, accuracy: float = 0.5, loss: float = 1.0) -> EvalPoint:
    return EvalPoint(accuracy, loss, step=epoch * 4, epoch=epoch)


def training(epoch: float, accuracy: float = 0.5, loss: float = 1.0) -> TrainPoint:
    return TrainPoint(step=epoch * 4, epoch=epoch, loss=loss, accuracy=accuracy)


def dots(html: str, kind: str) -> int:
    return len(re.findall(rf"class='is-point is-{kind}'", html))


@given(some.lists(shares, max_size=8), some.lists(shares, max_size=30))
def test_every_point_of_a_fine_tune_is_drawn(tested: list[float], trained: list[float]) -> None:
    events = [evaluation(epoch + 1, accuracy) for epoch, accuracy in enumerate(tested)]
    events += [training(index / 4, accuracy) for index, accuracy in enumerate(trained)]
    html = chart_html(accuracy_chart(history_of(*events), GUIDE))
    assert dots(html, "test") == len(tested)
    assert dots(html, "training") == len(trained)


def test_of_very_many_points_a_limited_number_is_drawn_and_all_are_counted() -> None:
    events = [training(step / 100, step / 5000) for step in range(5000)]
    chart = accuracy_chart(history_of(*events), GUIDE)
    html = chart_html(chart)
    assert dots(html, "training") == MAX_POINTS
    first, last = "Training 0.0", "Training 100.0"
    assert f"<title>{first}{NBSP}%, epoch 0<" in html and f"<title>{last}{NBSP}%" in html
    assert "5000 points" in html


def test_a_finished_instant_curve_ends_with_a_dotted_projection_to_twice_the_clips() -> None:
    events = [EvalPoint(1 - 2 * clips**-0.4, 1, clips=clips) for clips in range(50, 451, 50)]
    assert len(accuracy_chart(history_of(*events), INSTANT).lines) == 1
    ended = history_of(*events, Finished("done", 0.8, (0.7, 0.9), 113, 60.0))
    chart = accuracy_chart(ended, INSTANT)
    projection = chart.lines[1]
    assert projection.is_projection and projection.points[0] == chart.lines[0].points[-1]
    assert projection.points[-1] == (900, pytest.approx(1 - 2 * 900**-0.4))
    html = chart_html(chart)
    assert "is-line is-test is-projection" in html and dots(html, "test") == len(events)
    assert "Projected for twice the recordings" in html


def test_every_point_of_an_instant_run_is_drawn_against_training_clips() -> None:
    events = [EvalPoint(0.2 + clips / 1000, 1.5, clips=clips) for clips in (90, 180, 450)]
    chart = accuracy_chart(history_of(*events), INSTANT)
    assert [x for x, _ in chart.lines[0].points] == [90, 180, 450]
    assert dots(chart_html(chart), "test") == 3
    assert chart.x_limit == 900 and chart.x_name == "training recordings"


def test_an_evaluation_without_an_epoch_is_drawn_too() -> None:
    chart = accuracy_chart(history_of(EvalPoint(0.4, 1.2)), GUIDE)
    assert dots(chart_html(chart), "test") == 1


def test_the_chance_line_is_at_one_over_the_number_of_intents() -> None:
    chart = accuracy_chart(history_of(), GUIDE)
    assert chart.level == (pytest.approx(1 / 14), "chance")
    height = re.search(r"class='is-level' d='M0 ([0-9.]+)H", chart_html(chart))
    assert float(height.group(1)) == pytest.approx(1000 * (1 - 1 / 14), abs=0.1)


@given(some.lists(shares, min_size=1, max_size=10))
def test_the_axes_of_accuracy_do_not_move_while_points_are_added(accuracies: list[float]) -> None:
    events = [evaluation(epoch + 1, accuracy) for epoch, accuracy in enumerate(accuracies)]
    stages = [history_of(*events[:count]) for count in range(len(events) + 1)]
    charts = [accuracy_chart(stage, GUIDE) for stage in stages]
    assert {(chart.x_limit, chart.y_limit) for chart in charts} == {(10, 1.0)}


@given(some.lists(losses, min_size=1, max_size=10))
def test_the_axis_of_loss_holds_every_point_and_chance_and_only_grows(values: list[float]) -> None:
    events = [training(index / 4, loss=loss) for index, loss in enumerate(values)]
    stages = [history_of(*events[:count]) for count in range(len(events) + 1)]
    limits = [loss_chart(stage, GUIDE).y_limit for stage in stages]
    assert limits == sorted(limits)
    assert limits[-1] >= max(math.log(14), *values)


def test_the_band_is_the_interval_of_the_test_clips() -> None:
    x, low, high = accuracy_chart(history_of(evaluation(1, 102 / 113)), GUIDE).lines[0].band[0]
    assert (x, round(low, 3), round(high, 3)) == (1, 0.834, 0.945)


def test_an_empty_history_has_axes_and_a_sentence_and_no_point() -> None:
    html = plots_html(History(), GUIDE).replace(NBSP, " ")
    assert "is-point" not in html
    assert html.count("No results yet.</p>") == 2
    assert "100 %" in html and ">10</span>" in html


def test_the_chart_has_a_text_alternative() -> None:
    chart = accuracy_chart(history_of(training(0.5, 0.25), evaluation(1, 0.5)), GUIDE)
    html = chart_html(chart).replace(NBSP, " ")
    assert (
        "aria-label='Accuracy: Test 50.0 % at epoch 1, 1 point; "
        "Training 25.0 % at epoch 0.5, 1 point; chance 7.1 %'" in html
    )


@given(some.floats(0.01, 100_000))
def test_ticks_are_few_round_and_inside(limit: float) -> None:
    found = ticks(limit)
    assert found[0] == 0 and 2 <= len(found) <= 7
    assert found[-1] <= limit * (1 + 1e-6)
    assert len({round(b - a, 6) for a, b in zip(found, found[1:], strict=False)}) == 1
