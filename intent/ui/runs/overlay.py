"""Draw the curves of several runs in one chart, one color each."""

import dataclasses
from collections.abc import Callable, Sequence

from intent.recipes import Recipe
from intent.runs.events import History
from intent.ui.shared.chart import Chart, Line, chart_html
from intent.ui.shared.plots import accuracy_chart, loss_chart, x_end, x_name

MAX_RUNS = 6  # runs.css has this many colors
Curve = tuple[str, History, Recipe]  # of a run, under its name


def overlay_html(runs: Sequence[Curve]) -> str:
    """Return the charts of test accuracy and test loss."""
    both = overlaid(runs, accuracy_chart), overlaid(runs, loss_chart)
    return f"<div class='is-plots rn-overlay'>{''.join(map(chart_html, both))}</div>"


def overlaid(runs: Sequence[Curve], draw: Callable[[History, Recipe], Chart]) -> Chart:
    """Return one chart with the test curve of each run.

    Runs with different x axes (epochs, clips) are drawn against the percentage of their training.
    """
    charts = [draw(history, recipe) for _, history, recipe in runs]
    axes = {x_name(recipe) for _, _, recipe in runs}
    ends = [x_end(history, recipe) for _, history, recipe in runs]
    scales = [1.0] * len(runs) if len(axes) == 1 else [100 / end if end else 1.0 for end in ends]
    lines = tuple(
        _line(name, number, chart.lines[0], scale)
        for number, ((name, _, _), chart, scale) in enumerate(
            zip(runs, charts, scales, strict=True)
        )
    )
    return dataclasses.replace(
        max(charts, key=lambda chart: chart.y_limit),
        x_name=axes.pop() if len(axes) == 1 else "% of training",
        x_limit=max(end * scale for end, scale in zip(ends, scales, strict=True)),
        lines=lines,
        level=next((chart.level for chart in charts if chart.level), None),
        empty="None of these runs has been evaluated yet.",
    )


def _line(name: str, number: int, test: Line, scale: float) -> Line:
    points = tuple((x * scale, y) for x, y in test.points)
    return Line(name, f"run-{number % MAX_RUNS + 1}", points)
