"""The recordings of a report as rows that play: mistakes, one pair of intents, or flawed ones."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from intent.labels import human_name
from intent.runs.report import OLD, AnsweredClip, Report
from intent.ui.runs.confusion import pair_in_words
from intent.ui.shared.format import score_percent as percent

JS = Path(__file__).with_name("clips_list.js").read_text(encoding="utf-8")
MOST = 100  # rows at a time
LABELS_WRONG = (
    "The most confident ones come first: where a model is this sure and still wrong, it is often the "
    "label that is wrong."
)
HARD = "Silent, cut off at the top by a level that was too high, or under a second long."


@dataclass(frozen=True)
class Filter:
    """Which recordings are shown: "mistakes", "flawed", or "pair" with its two labels."""

    name: str = "mistakes"
    true: str = ""
    predicted: str = ""


def clips_html(report: Report, shown: Filter) -> str:
    """Return the rows that a filter leaves, and the filters there are; empty without a test."""
    if not report.labels:
        return ""
    rows = chosen(report, shown)
    listed = "".join(_row(index, clip) for index, clip in rows[:MOST])
    cut = (
        f"<p class='is-quiet'>The first {MOST} of {len(rows)}; the squares of the map lead to the "
        "others.</p>"
        if len(rows) > MOST
        else ""
    )
    title, note = _title(report, shown, len(rows))
    return (
        f"<h3 tabindex='-1'>{escape(title)}</h3><p class='is-quiet'>{escape(note)}</p>"
        f"{_filters(report, shown)}<ol class='rn-clips'>{listed}</ol>{cut}"
    )


def chosen(report: Report, shown: Filter) -> list[tuple[int, AnsweredClip]]:
    """Return the clips that a filter leaves, by their place in the report, the surest first."""
    return sorted(
        ((index, clip) for index, clip in enumerate(report.clips) if _fits(clip, shown)),
        key=lambda one: -one[1].score,
    )


def said_html(clip: AnsweredClip) -> str:
    """Return what was said in a clip, and all that is known of the answers to it."""
    answers = "".join(
        f"<li><span>{escape(human_name(label))}</span> <b>{percent(score)}</b></li>"
        for label, score in clip.top
    )
    where = " · ".join(part for part in (clip.locale, clip.name) if part)
    return (
        f"<p class='is-said'>{_words(clip)}</p><p class='is-quiet'>{escape(where)}</p>"
        f"<ol class='rn-answers' aria-label='Likeliest intents'>{answers}</ol>"
    )


def _fits(clip: AnsweredClip, shown: Filter) -> bool:
    if shown.name == "flawed":
        return bool(clip.flaw)
    if shown.name == "pair":
        return (clip.true, clip.predicted) == (shown.true, shown.predicted)
    return not clip.right


def _title(report: Report, shown: Filter, count: int) -> tuple[str, str]:
    if shown.name == "pair":
        note = "" if report.is_whole or shown.true != shown.predicted else OLD
        return pair_in_words(human_name(shown.true), human_name(shown.predicted), count), note
    if shown.name == "flawed":
        return f"{count} hard to hear", HARD
    if not count:
        return "No mistake", "Every test recording was heard correctly."
    return f"{count} {'mistake' if count == 1 else 'mistakes'}", LABELS_WRONG


def _filters(report: Report, shown: Filter) -> str:
    flawed = sum(bool(clip.flaw) for clip in report.clips)
    counts = {
        "mistakes": ("All mistakes", len(report.mistakes)),
        "flawed": ("Hard to hear", flawed),
    }
    buttons = "".join(
        f"<button type='button' data-show='{name}' aria-pressed='{str(name == shown.name).lower()}'>"
        f"{title} <small>{count}</small></button>"
        for name, (title, count) in counts.items()
        if count or name == "mistakes"
    )
    return f"<div class='rn-filters' role='group' aria-label='Show'>{buttons}</div>"


def _row(index: int, clip: AnsweredClip) -> str:
    words = _words(clip)
    flaw = f"<span class='rn-flaw'>{escape(clip.flaw.capitalize())}</span>" if clip.flaw else ""
    of_true = dict(clip.top).get(clip.true)
    known = f" <b>{percent(of_true)}</b>" if of_true is not None else ""
    name = escape(f"Play {clip.transcription or clip.name}", quote=True)
    heard = (
        "" if clip.right else _intent("heard as", clip.predicted, f" <b>{percent(clip.score)}</b>")
    )
    label = _intent("heard rightly as" if clip.right else "label", clip.true, known)
    return (
        f"<li><button type='button' class='rn-play' data-play='{index}' aria-label='{name}'>"
        "<svg viewBox='0 0 24 24' aria-hidden='true'><path d='M8 5v14l11-7z'/></svg></button>"
        f"<div><p class='rn-words'>{words} {flaw}</p><p class='rn-pair'>"
        f"{label}{heard}</p></div></li>"
    )


def _intent(role: str, label: str, score: str) -> str:
    return f"<span><small>{role}</small> {escape(human_name(label))}{score}</span>"


def _words(clip: AnsweredClip) -> str:
    if not clip.transcription:
        return f"<i>No transcript</i> {escape(clip.name)}"
    return f"“{escape(clip.transcription)}”"
