"""Render a line chart as HTML and SVG, with stable axes, any width and the theme's colors."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeVar

Point = tuple[float, float]  # x, y in the units of the axes
Drawn = TypeVar("Drawn")

SIDE = 1000  # units of the drawing's width and height; it is stretched to the space available
MAX_TICKS = 7
MAX_POINTS = 500  # drawn of a line: more than a screen can show apart
DOT = "h0.01"  # a stroke of zero length with round ends stays a round dot when stretched


@dataclass(frozen=True)
class Line:
    """A metric over time; `kind` selects its color, `band` is (x, low, high) around it."""

    name: str
    kind: str  # "test" or "training", or "run-1" and so on if several runs are compared
    points: tuple[Point, ...]
    band: tuple[tuple[float, float, float], ...] = ()
    is_projection: bool = False  # not measured: dotted, without points
    has_latest: bool = True  # the legend shows its last value


@dataclass(frozen=True)
class Chart:
    """The content of a chart; both axes begin at 0, so that points do not move as others are added."""

    title: str
    x_name: str
    x_limit: float
    y_limit: float
    y_text: Callable[[float], str]  # formats a value
    tick_text: Callable[[float], str]  # formats a tick of the y axis
    lines: tuple[Line, ...]
    level: tuple[float, str] | None = None  # a dashed line across at this y, with its name
    empty: str = ""  # shown in the middle while there are no points


def chart_html(chart: Chart) -> str:
    """Render the chart as a figure whose legend shows the latest values.

    Every point that is drawn is one element of class `is-point`; its title gives its value. Of a line
    with more than MAX_POINTS, as many evenly chosen ones are drawn.
    """
    drawn = any(line.points for line in chart.lines)
    empty = "" if drawn else f"<p class='is-plot-empty'>{escape(chart.empty)}</p>"
    return (
        f"<figure class='is-plot'><figcaption><span class='is-plot-title'>{escape(chart.title)}"
        f"</span>{_legend(chart)}</figcaption>"
        f"<div class='is-canvas' role='img' aria-label='{escape(_summary(chart), quote=True)}'>"
        f"{_y_axis(chart)}<div class='is-area'>{_drawing(chart)}{_level_name(chart)}{empty}</div>"
        f"{_x_axis(chart)}</div></figure>"
    )


def ticks(limit: float, most: int = MAX_TICKS) -> tuple[float, ...]:
    """Return at most `most` round numbers from 0 to the limit, evenly spaced."""
    if limit <= 0 or not math.isfinite(limit):
        return (0.0,)
    power = 10 ** math.floor(math.log10(limit))
    for step in (power * factor for factor in (0.1, 0.2, 0.25, 0.5, 1, 2, 5)):
        count = math.floor(limit / step + 1e-9)
        if count < most and (step == int(step) or limit < 2):
            return tuple(index * step for index in range(count + 1))
    return (0.0, limit)


def _legend(chart: Chart) -> str:
    entries = "".join(
        f"<li class='is-{line.kind}{' is-projection' if line.is_projection else ''}'>"
        f"<i aria-hidden='true'></i>{escape(line.name)}{_latest(chart, line)}</li>"
        for line in chart.lines
    )
    return f"<ul class='is-legend' aria-label='Legend'>{entries}</ul>"


def _latest(chart: Chart, line: Line) -> str:
    if not line.has_latest:
        return ""
    return f" <b>{escape(chart.y_text(line.points[-1][1])) if line.points else '–'}</b>"


def _summary(chart: Chart) -> str:
    """Return the text alternative: the last value of each line, and how many points it has."""
    parts = [
        f"{line.name} {chart.y_text(line.points[-1][1])} at {chart.x_name} {line.points[-1][0]:g}"
        + ("" if line.is_projection else f", {_count(len(line.points))}")
        for line in chart.lines
        if line.points
    ]
    if chart.level:
        parts.append(f"{chart.level[1]} {chart.y_text(chart.level[0])}")
    return f"{chart.title}: {'; '.join(parts) or chart.empty}"


def _count(points: int) -> str:
    return "1 point" if points == 1 else f"{points} points"


def _drawing(chart: Chart) -> str:
    grid = "".join(
        f"<path class='is-grid' d='M0 {_y(chart, value):.1f}H{SIDE}'/>"
        for value in ticks(chart.y_limit)
    )
    level = ""
    if chart.level:
        level = f"<path class='is-level' d='M0 {_y(chart, chart.level[0]):.1f}H{SIDE}'/>"
    lines = "".join(_band(chart, line) + _path(chart, line) for line in chart.lines)
    dots = "".join(_dots(chart, line) for line in chart.lines)
    return (
        f"<svg viewBox='0 0 {SIDE} {SIDE}' preserveAspectRatio='none' aria-hidden='true'>"
        f"{grid}{level}{lines}{dots}</svg>"
    )


def _band(chart: Chart, line: Line) -> str:
    if len(line.band) < 2:
        return ""
    band = _drawn(line.band)
    upper = [(x, high) for x, _, high in band]
    lower = [(x, low) for x, low, _ in reversed(band)]
    return f"<path class='is-band is-{line.kind}' d='M{_corners(chart, upper + lower)}Z'/>"


def _path(chart: Chart, line: Line) -> str:
    if len(line.points) < 2:
        return ""
    dotted = " is-projection" if line.is_projection else ""
    return f"<path class='is-line is-{line.kind}{dotted}' d='M{_corners(chart, _drawn(line.points))}'/>"


def _dots(chart: Chart, line: Line) -> str:
    if line.is_projection:
        return ""
    return "".join(
        f"<path class='is-point is-{line.kind}' d='M{_corners(chart, [point])}{DOT}'>"
        f"<title>{escape(line.name)} {escape(chart.y_text(point[1]))}, "
        f"{escape(chart.x_name)} {point[0]:.4g}</title></path>"
        for point in _drawn(line.points)
    )


def _drawn(points: Sequence[Drawn]) -> Sequence[Drawn]:
    """Return at most MAX_POINTS of the points, evenly chosen, the first and the last included."""
    if len(points) <= MAX_POINTS:
        return points
    return [points[index * (len(points) - 1) // (MAX_POINTS - 1)] for index in range(MAX_POINTS)]


def _corners(chart: Chart, points: Sequence[Point]) -> str:
    return "L".join(f"{_x(chart, x):.1f} {_y(chart, y):.1f}" for x, y in points)


def _x(chart: Chart, value: float) -> float:
    return SIDE * _share(value, chart.x_limit)


def _y(chart: Chart, value: float) -> float:
    return SIDE * (1 - _share(value, chart.y_limit))


def _share(value: float, limit: float) -> float:
    return min(1.0, max(0.0, value / limit)) if limit > 0 else 0.0


def _y_axis(chart: Chart) -> str:
    marks = "".join(
        f"<span style='bottom:{_share(value, chart.y_limit):.2%}'>"
        f"{escape(chart.tick_text(value))}</span>"
        for value in ticks(chart.y_limit)
    )
    return f"<div class='is-y' aria-hidden='true'>{marks}</div>"


def _x_axis(chart: Chart) -> str:
    marks = "".join(
        f"<span style='left:{_share(value, chart.x_limit):.2%}'>{value:g}</span>"
        for value in ticks(chart.x_limit)
    )
    return f"<div class='is-x' aria-hidden='true'>{marks}<em>{escape(chart.x_name)}</em></div>"


def _level_name(chart: Chart) -> str:
    if not chart.level:
        return ""
    bottom = _share(chart.level[0], chart.y_limit)
    name = escape(chart.level[1])
    return f"<span class='is-level-name' style='bottom:{bottom:.2%}'>{name}</span>"
