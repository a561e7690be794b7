"""Render precision, recall and F1 of each intent, and how well the scores are calibrated."""

from collections.abc import Mapping
from html import escape

import numpy as np

from intent.evaluation.metrics import LabelMetrics, ReliabilityBin, reliability
from intent.evaluation.rejection import Rejection
from intent.labels import human_name
from intent.runs.report import OLD, Report
from intent.ui.shared.chart import Chart, Line, chart_html
from intent.ui.shared.format import NBSP, percent, score_percent

CONFIDENT = 0.9  # score from which a prediction counts as confident
MEASURES = ("precision", "recall", "f1")
MEANINGS = (
    "Precision: share of the recordings predicted as this intent for which that is correct.",
    "Recall: share of the recordings with this intent that were predicted correctly.",
    "F1: harmonic mean of both. Intents with the lowest F1 are listed first.",
)


def metrics_html(report: Report) -> str:
    """Return both sections of a report, side by side if there is room; empty without a test."""
    if not report.per_intent:
        return ""
    return (
        "<div class='rn-figures'><section aria-label='Metrics per intent'>"
        f"{per_intent_html(report.per_intent)}</section><section aria-label='Calibration'>"
        f"{reliability_html(report)}</section></div>"
    )


def rejection_html(rejection: Rejection) -> str:
    """Return how many recordings of none of the intents, and of the intents, are rejected."""
    if rejection.false_accepts is None:
        found = "not measured, since no test recording is one"
    else:
        right = score_percent(1 - rejection.false_accepts)
        found = f"{right} of {rejection.reject_clips} recognized as none"
    parts = [f"Other requests: {found}"]
    if rejection.false_rejects is not None:
        wrong = score_percent(rejection.false_rejects)
        parts.append(f"{wrong} of {rejection.intent_clips} recordings of the intents rejected")
    return f"<p class='rn-rejection'>{'; '.join(parts)}.</p>"


def per_intent_html(per_intent: Mapping[str, LabelMetrics]) -> str:
    """Return a table of precision, recall and F1 per intent, lowest F1 first, untested ones last."""

    def order(item: tuple[str, LabelMetrics]) -> tuple[bool, float, int]:
        return not item[1].support, item[1].f1 or 0.0, -item[1].support

    rows = "".join(
        f"<tr><th scope='row'>{escape(human_name(label))} <small>{one.support}</small></th>"
        + (
            "".join(_bar(name, getattr(one, name)) for name in MEASURES)
            if one.support
            else f"<td colspan='{len(MEASURES)}' class='is-quiet'>not measured</td>"
        )
        + "</tr>"
        for label, one in sorted(per_intent.items(), key=order)
    )
    return (
        f"<h3>Metrics per intent</h3><p class='is-quiet'>{'<br>'.join(MEANINGS)}</p>"
        "<table class='rn-intents'><thead><tr><th scope='col'>Intent <small>test recordings</small>"
        "</th><th scope='col'>Precision</th><th scope='col'>Recall</th><th scope='col'>F1</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )


def reliability_html(report: Report) -> str:
    """Return how often predictions of each score are correct, in a sentence and as a diagram."""
    title = "<h3>Calibration</h3>"
    if not report.is_whole:
        return f"{title}<p class='is-quiet'>{OLD}</p>"
    scores = np.array([clip.score for clip in report.clips])
    right = np.array([clip.right for clip in report.clips])
    bins = reliability(scores, right)
    return (
        f"{title}<p class='is-quiet'>{escape(confidence_in_words(scores, right))}</p>"
        f"{chart_html(reliability_chart(bins))}<p class='is-quiet'>{_error(report.ece)}</p>"
    )


def confidence_in_words(scores: np.ndarray, right: np.ndarray) -> str:
    """Return how often confident predictions are correct; scores (n,) 0..1, right (n,) bool."""
    level = f"{CONFIDENT * 100:.0f}{NBSP}%"
    confident = scores >= CONFIDENT
    if not confident.any():
        return (
            f"No prediction has a score of {level} or more. Of all {len(right)} predictions, "
            f"{int(right.sum())} {_are(right.sum())} correct."
        )
    hits, count = int(right[confident].sum()), int(confident.sum())
    predictions = "prediction" if count == 1 else "predictions"
    return f"Of {count} {predictions} with a score of {level} or more, {hits} {_are(hits)} correct."


def reliability_chart(bins: tuple[ReliabilityBin, ...]) -> Chart:
    """Return a chart of the share of correct predictions against the score, with 95 % intervals."""
    perfect = Line("Perfect calibration", "training", ((0, 0), (1, 1)), (), True, False)
    measured = Line(
        "This model",
        "test",
        tuple((one.score, one.accuracy) for one in bins),
        tuple((one.score, *one.interval) for one in bins),
        False,
        False,
    )
    return Chart(
        title="Correct predictions",
        x_name="score",
        x_limit=1.0,
        y_limit=1.0,
        y_text=lambda value: f"{value * 100:.0f} % correct",
        tick_text=lambda value: f"{value * 100:.0f} %",
        lines=(measured, perfect),
        empty="No recording was evaluated.",
    )


def _error(ece: float | None) -> str:
    if ece is None:
        return ""
    return (
        f"Expected calibration error: {percent(ece)}, the average difference between the score and "
        f"the share of correct predictions. Band: 95{NBSP}% confidence interval, wide where "
        "there are few recordings."
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _bar(name: str, value: float) -> str:
    return (
        f"<td class='is-{name}'><span class='rn-meter' aria-hidden='true'>"
        f"<i style='width:{value:.0%}'></i></span><b>{value * 100:.0f}</b></td>"
    )
