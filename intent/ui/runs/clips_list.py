"""Render recordings of a report as playable rows: mistakes, one cell of the matrix, or poor audio."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from intent.labels import human_name
from intent.runs.report import OLD, AnsweredClip, Report
from intent.ui.runs.confusion import pair_in_words
from intent.ui.shared.format import score_percent

JS = Path(__file__).with_name("clips_list.js").read_text(encoding="utf-8")
MAX_ROWS = 100
ABOUT_MISTAKES = (
    "Most confident first. If the model is very confident and still wrong, check whether the true "
    "label is wrong."
)
ABOUT_POOR_AUDIO = "Silent, clipped because the level is too high, or shorter than one second."


@dataclass(frozen=True)
class Filter:
    """Select recordings: "mistakes", "flawed" (poor audio), or "pair" with its two labels."""

    name: str = "mistakes"
    true: str = ""
    predicted: str = ""


def clips_html(report: Report, shown: Filter) -> str:
    """Return the filter buttons and the selected rows; empty without test recordings."""
    if not report.labels:
        return ""
    rows = chosen(report, shown)
    listed = "".join(_row(index, clip, report.reject_label) for index, clip in rows[:MAX_ROWS])
    cut = (
        f"<p class='is-quiet'>The first {MAX_ROWS} of {len(rows)}. Click a cell of the confusion "
        "matrix to list the others.</p>"
        if len(rows) > MAX_ROWS
        else ""
    )
    title, note = _title(report, shown, len(rows))
    return (
        f"<div role='region' aria-label='Recordings'><h3 tabindex='-1'>{escape(title)}</h3>"
        f"<p class='is-quiet'>{escape(note)}</p>{_filters(report, shown)}"
        f"<ol class='rn-clips'>{listed}</ol>{cut}</div>"
    )


def chosen(report: Report, shown: Filter) -> list[tuple[int, AnsweredClip]]:
    """Return the clips that match a filter with their index in the report, most confident first."""
    return sorted(
        ((index, clip) for index, clip in enumerate(report.clips) if _fits(clip, shown)),
        key=lambda one: -one[1].score,
    )


def clip_html(clip: AnsweredClip, reject_label: str | None = None) -> str:
    """Return a clip's transcript, name, part that was used, and predicted intents with scores."""
    predictions = "".join(
        f"<li><span>{escape(human_name(label, reject_label))}</span> <b>{score_percent(score)}</b></li>"
        for label, score in clip.top
    )
    used = f"used {clip.used[0]:.1f} s to {clip.used[1]:.1f} s" if clip.used else ""
    where = " · ".join(part for part in (clip.locale, clip.name, used) if part)
    return (
        "<div role='region' aria-label='Selected recording'>"
        f"<p class='rn-transcript'>{_words(clip)}</p><p class='is-quiet'>{escape(where)}</p>"
        f"<ol class='rn-predictions' aria-label='Predicted intents'>{predictions}</ol></div>"
    )


def _recordings(count: int) -> str:
    return "recording" if count == 1 else "recordings"


def _fits(clip: AnsweredClip, shown: Filter) -> bool:
    if shown.name == "flawed":
        return bool(clip.flaw)
    if shown.name == "pair":
        return (clip.true, clip.predicted) == (shown.true, shown.predicted)
    return not clip.right


def _title(report: Report, shown: Filter, count: int) -> tuple[str, str]:
    if shown.name == "pair":
        note = "" if report.is_whole or shown.true != shown.predicted else OLD
        true, predicted = (
            human_name(label, report.reject_label) for label in (shown.true, shown.predicted)
        )
        return pair_in_words(true, predicted, count), note
    if shown.name == "flawed":
        return f"{count} {_recordings(count)} with poor audio", ABOUT_POOR_AUDIO
    if not count:
        return "No mistakes", "Every test recording was classified correctly."
    return f"{count} {'mistake' if count == 1 else 'mistakes'}", ABOUT_MISTAKES


def _filters(report: Report, shown: Filter) -> str:
    flawed = sum(bool(clip.flaw) for clip in report.clips)
    counts = {
        "mistakes": ("All mistakes", len(report.mistakes)),
        "flawed": ("Poor audio", flawed),
    }
    buttons = "".join(
        f"<button type='button' data-show='{name}' aria-pressed='{str(name == shown.name).lower()}'>"
        f"{title} <small>{count}</small></button>"
        for name, (title, count) in counts.items()
        if count or name == "mistakes"
    )
    return f"<div class='rn-filters' role='group' aria-label='Show'>{buttons}</div>"


def _row(index: int, clip: AnsweredClip, reject_label: str | None) -> str:
    words = _words(clip)
    badge = f"<span class='rn-flaw'>{escape(clip.flaw.capitalize())}</span>" if clip.flaw else ""
    of_true = dict(clip.top).get(clip.true)
    true_score = f" <b>{score_percent(of_true)}</b>" if of_true is not None else ""
    name = escape(f"Play {clip.transcription or clip.name}", quote=True)
    true, predicted = (human_name(label, reject_label) for label in (clip.true, clip.predicted))
    if clip.right:
        labels = _intent("predicted correctly", true, true_score)
    else:
        labels = _intent("true label", true, true_score)
        labels += _intent("predicted", predicted, f" <b>{score_percent(clip.score)}</b>")
    return (
        f"<li><button type='button' class='rn-play' data-play='{index}' aria-label='{name}'>"
        "<svg viewBox='0 0 24 24' aria-hidden='true'><path d='M8 5v14l11-7z'/></svg></button>"
        f"<div><p class='rn-words'>{words} {badge}</p><p class='rn-pair'>"
        f"{labels}</p></div></li>"
    )


def _intent(role: str, name: str, score: str) -> str:
    return f"<span><small>{role}</small> {escape(name)}{score}</span>"


def _words(clip: AnsweredClip) -> str:
    if not clip.transcription:
        return f"<i>No transcript</i> {escape(clip.name)}"
    return f"“{escape(clip.transcription)}”"
