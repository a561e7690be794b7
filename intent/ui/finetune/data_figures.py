"""Render two charts of a data set: recordings per intent, and durations."""

import statistics
from collections.abc import Mapping, Sequence
from html import escape

from intent.labels import human_name

BINS = 10  # columns of the histogram; the last one has no upper end
STEPS = (0.25, 0.5, 1, 2, 3, 5, 10, 30)  # seconds, possible widths of a column


def figures_html(per_label: Mapping[str, int], seconds: Sequence[float] | None, note: str) -> str:
    """Render both charts; `seconds` is None while the recordings are being measured."""
    return f"<div class='is-data'>{intents_html(per_label, note)}{durations_html(seconds)}</div>"


def intents_html(per_label: Mapping[str, int], note: str) -> str:
    """Render the number of recordings per intent as horizontal bars, the most frequent first."""
    most = max([1, *per_label.values()])
    rows = "".join(
        f"<li><span>{escape(human_name(label))}</span>"
        f"<i aria-hidden='true'><u style='width:{count / most:.1%}'></u></i><b>{count}</b></li>"
        for label, count in sorted(per_label.items(), key=lambda item: -item[1])
    )
    return (
        f"<section><h3>{sum(per_label.values()):,} recordings, {len(per_label)} intents</h3>"
        f"<p>{escape(note)}</p>"
        f"<ol class='is-bars' aria-label='Recordings per intent'>{rows}</ol></section>"
    )


def durations_html(seconds: Sequence[float] | None) -> str:
    """Render the durations of the recordings: a summary and a histogram."""
    if seconds is None:
        return "<section><h3>Durations</h3><p>Measuring the recordings…</p></section>"
    if not seconds:
        return "<section><h3>Durations</h3><p>No recording could be read.</p></section>"
    columns = histogram(seconds)
    most = max(count for _, count in columns)
    drawn = "".join(
        f"<li><b>{count or ''}</b><i style='height:{count / most:.1%}'></i>"
        f"<span>{begin}</span></li>"
        for begin, count in columns
    )
    return (
        f"<section><h3>Durations</h3><p>{escape(summary(seconds))}</p>"
        f"<ol class='is-histogram' aria-label='Recordings by duration in seconds'>{drawn}</ol>"
        "<p class='is-axis'>seconds</p></section>"
    )


def summary(seconds: Sequence[float]) -> str:
    """Summarize the durations: the middle half, the median, the longest, and the total."""
    total = sum(seconds)
    duration = f"{total / 3600:.1f} h" if total >= 3600 else f"{total / 60:.0f} min"
    if len(seconds) < 4:
        return f"The longest lasts {max(seconds):.1f} s. Total: {duration}."
    low, middle, high = statistics.quantiles(seconds, n=4)
    return (
        f"Half of the recordings last {low:.1f} to {high:.1f} s (median {middle:.1f} s); "
        f"the longest lasts {max(seconds):.1f} s. Total: {duration}."
    )


def histogram(seconds: Sequence[float]) -> list[tuple[str, int]]:
    """Return (start of a column, recordings) for equal steps.

    The steps cover at least 95 % of the recordings; the last column holds the longer ones.
    """
    nearly_all = sorted(seconds)[int(0.95 * (len(seconds) - 1))]
    step = next((step for step in STEPS if step * (BINS - 1) >= nearly_all), STEPS[-1])
    counts = [0] * BINS
    for value in seconds:
        counts[min(BINS - 1, int(value / step))] += 1
    names = [f"{index * step:g}" for index in range(BINS)]
    return [*zip(names[:-1], counts[:-1], strict=True), (f"{names[-1]}+", counts[-1])]
