"""Turn a run's history into two charts, accuracy and loss, with stable axes."""

import math

from intent.evaluation.learning_curve import continuation
from intent.evaluation.metrics import interval
from intent.recipes import Recipe
from intent.runs.events import EvalPoint, Finished, History
from intent.ui.shared.chart import Chart, Line, Point, chart_html
from intent.ui.shared.format import NBSP, percent

CLOSED_FORM = "closed-form"
PROJECTED = "Projected for twice the recordings"
Triple = tuple[float, float, float]  # x, low, high
LOSS_LIMITS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100)  # nats
WAITING = "No results yet."


def plots_html(history: History, recipe: Recipe) -> str:
    """Render both charts of a run, side by side if there is space."""
    both = accuracy_chart(history, recipe), loss_chart(history, recipe)
    return f"<div class='is-plots'>{''.join(map(chart_html, both))}</div>"


def accuracy_chart(history: History, recipe: Recipe) -> Chart:
    """Return accuracy in 0..1 against epochs, or against training clips for a closed-form head.

    The band around the test line is the 95 % interval; the level is chance, 1 / intents. A
    closed-form head's curve ends with a dotted projection to twice as many recordings.
    """
    test = tuple((_x(point, recipe), point.accuracy) for point in history.evaluations)
    training = tuple((point.epoch, point.accuracy) for point in history.train)
    lines: tuple[Line, ...] = (Line("Test", "test", test, _band(history, recipe)),)
    if not _is_closed_form(recipe):
        lines += (Line("Training", "training", training),)
    elif projected := _projection(test, history):
        lines += (Line(PROJECTED, "test", projected, is_projection=True),)
    return Chart(
        title="Accuracy",
        x_name=x_name(recipe),
        x_limit=_x_limit(history, recipe),
        y_limit=1.0,
        y_text=percent,
        tick_text=lambda value: f"{value * 100:.0f}{NBSP}%",
        lines=lines,
        level=None if history.chance is None else (history.chance, "chance"),
        empty=WAITING,
    )


def loss_chart(history: History, recipe: Recipe) -> Chart:
    """Return the loss in nats; its axis includes the loss of random guessing, and only grows."""
    test = tuple(
        (_x(point, recipe), point.loss) for point in history.evaluations if point.loss is not None
    )
    training = tuple((point.epoch, point.loss) for point in history.train)
    lines: tuple[Line, ...] = (Line("Test", "test", test),)
    if not _is_closed_form(recipe):
        lines += (Line("Training", "training", training),)
    chance_loss = -math.log(history.chance) if history.chance else 1.0
    highest = max([chance_loss, *(loss for _, loss in (*test, *training))])
    return Chart(
        title="Loss",
        x_name=x_name(recipe),
        x_limit=_x_limit(history, recipe),
        y_limit=next((limit for limit in LOSS_LIMITS if limit >= highest), highest),
        y_text=lambda value: f"{value:.3f}",
        tick_text=lambda value: f"{value:g}",
        lines=lines,
        empty=WAITING,
    )


def _projection(test: tuple[Point, ...], history: History) -> tuple[Point, ...]:
    """Extrapolate the learning curve of a finished closed-form run."""
    return continuation(test) if isinstance(history.end, Finished) else ()


def _band(history: History, recipe: Recipe) -> tuple[Triple, ...]:
    clips = history.started.test_clips if history.started else 0
    if not clips:
        return ()
    return tuple(
        (_x(point, recipe), *interval(round(point.accuracy * clips), clips))
        for point in history.evaluations
    )


def _x(point: EvalPoint, recipe: Recipe) -> float:
    return (point.clips if _is_closed_form(recipe) else point.epoch) or 0.0


def x_name(recipe: Recipe) -> str:
    """Return the name of the x axis of a run's charts."""
    return "training recordings" if _is_closed_form(recipe) else "epoch"


def x_end(history: History, recipe: Recipe) -> float:
    """Return where on the x axis a run ends; 0 while that is unknown."""
    if not _is_closed_form(recipe):
        return recipe.epochs
    return history.started.train_clips if history.started else 0.0


def _x_limit(history: History, recipe: Recipe) -> float:
    end = x_end(history, recipe)
    return 2 * end if _is_closed_form(recipe) else end  # space for the projection


def _is_closed_form(recipe: Recipe) -> bool:
    return recipe.method == CLOSED_FORM
