"""Precision, recall and F1 of each intent, and how far a run's scores can be trusted."""

from collections.abc import Mapping
from html import escape

import numpy as np

from intent.evaluation.metrics import LabelFigures, ReliabilityBin, reliability
from intent.labels import human_name
from intent.runs.report import OLD, Report
from intent.ui.finetune.live_view import percent
from intent.ui.shared.chart import Chart, Line, chart_html

SURE = 0.9  # scores from here on are what the sentence speaks of
MEASURES = ("precision", "recall", "f1")
MEANINGS = (
    "Precision: of what it takes for this intent, how much is. Recall: of what is this intent, how "
    "much it finds. F1: both at once. The intents that are hardest for it come first."
)


def figures_html(report: Report) -> str:
    """Return both figures of a report, side by side where there is room; empty without a test."""
    if not report.per_intent:
        return ""
    return (
        f"<div class='rn-figures'><section>{per_intent_html(report.per_intent)}</section>"
        f"<section>{reliability_html(report)}</section></div>"
    )


def per_intent_html(per_intent: Mapping[str, LabelFigures]) -> str:
    """Return three bars with their numbers for each intent that was tested, the lowest F1 first."""
    tested = [(label, one) for label, one in per_intent.items() if one.support]
    rows = "".join(
        f"<tr><th scope='row'>{escape(human_name(label))} <small>{one.support}</small></th>"
        + "".join(_bar(name, getattr(one, name)) for name in MEASURES)
        + "</tr>"
        for label, one in sorted(tested, key=lambda item: (item[1].f1, -item[1].support))
    )
    return (
        f"<h3>Each intent</h3><p class='is-quiet'>{MEANINGS}</p><table class='rn-intents'><thead>"
        "<tr><th scope='col'>Intent <small>test recordings</small></th><th scope='col'>Precision"
        f"</th><th scope='col'>Recall</th><th scope='col'>F1</th></tr></thead><tbody>{rows}</tbody>"
        "</table>"
    )


def reliability_html(report: Report) -> str:
    """Return how often answers of each score are right, in a sentence and as a diagram."""
    title = "<h3>Can its scores be trusted?</h3>"
    if not report.is_whole:
        return f"{title}<p class='is-quiet'>{OLD}</p>"
    scores = np.array([clip.score for clip in report.clips])
    right = np.array([clip.right for clip in report.clips])
    bins = reliability(scores, right)
    return (
        f"{title}<p class='is-quiet'>{escape(trust_in_words(scores, right))}</p>"
        f"{chart_html(reliability_chart(bins))}<p class='is-quiet'>{_error(report.ece)}</p>"
    )


def trust_in_words(scores: np.ndarray, right: np.ndarray) -> str:
    """Return how often the sure answers are right; scores (n,) 0..1, right (n,) bool."""
    sure = scores >= SURE
    if not sure.any():
        return (
            f"No answer reached a score of {SURE:.0%}: it is never sure, and is right in "
            f"{int(right.sum())} of {len(right)}."
        ).replace("%", "\u00a0%")
    hits, count = int(right[sure].sum()), int(sure.sum())
    return f"Of {count} answers with a score of {SURE * 100:.0f}\u00a0% or more, {hits} are right."


def reliability_chart(bins: tuple[ReliabilityBin, ...]) -> Chart:
    """Return the share of right answers against the score, with its 95 % interval."""
    honest = Line("Scores that keep their word", "training", ((0, 0), (1, 1)), (), True, False)
    measured = Line(
        "This model",
        "test",
        tuple((one.score, one.accuracy) for one in bins),
        tuple((one.score, *one.interval) for one in bins),
        False,
        False,
    )
    return Chart(
        title="Right answers",
        x_name="score",
        x_limit=1.0,
        y_limit=1.0,
        y_text=lambda value: f"{value * 100:.0f} % right",
        tick_text=lambda value: f"{value * 100:.0f} %",
        lines=(measured, honest),
        empty="No recording was tested.",
    )


def _error(ece: float | None) -> str:
    if ece is None:
        return ""
    return (
        f"On average a score is {percent(ece)} away from how often it is right (expected calibration "
        "error). The band is the 95\u00a0% interval: a wide one stands on few recordings."
    )


def _bar(name: str, value: float) -> str:
    return (
        f"<td class='is-{name}'><span class='rn-meter' aria-hidden='true'>"
        f"<i style='width:{value:.0%}'></i></span><b>{value * 100:.0f}</b></td>"
    )
