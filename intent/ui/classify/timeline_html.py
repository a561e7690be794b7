"""Render the timeline of a recording: a strip of its utterances, a table, and a summary."""

from collections.abc import Sequence
from html import escape

from intent.labels import NONE_OF_THESE, human_name
from intent.models.timeline import Summary, Utterance, clock, summarize
from intent.ui.shared.format import NBSP, score_percent, time_in_words
from intent.ui.shared.html import alert_html, progress_bar

OFFER = "<button type='button' class='tl-ask' data-ask>Show its timeline</button>"
PROGRESS = "Progress of the timeline"
NOTHING = "No speech was detected in this recording."
NONE, UNSURE, SILENT = "class='tl-none'", "class='tl-unsure'", "class='tl-silent'"
MARKS = 4  # parts of the axis under the strip
# Degrees, the page's green first: those that follow each other are far apart. Repeated beyond them.
HUES = (165, 28, 262, 340, 205, 85, 305, 50, 235, 8, 130, 285, 185, 65)


def empty_html() -> str:
    """Render the strip where there is no recording: its height alone."""
    return _bar("")


def offer_html() -> str:
    """Render the strip of a short recording: a button that asks for its timeline."""
    return _bar(OFFER)


def progress_html(share: float, seconds: float, utterances: int, elapsed: float) -> str:
    """Render the strip while the timeline is computed; elapsed: s since the beginning."""
    facts = [f"{_minutes(seconds)} read", _count(utterances)]
    if share > 0:
        left = elapsed * (1 - share) / share
        facts.append(f"about {time_in_words(left)} left" if left >= 5 else "almost done")
    return _bar(progress_bar(share, ", ".join(facts), PROGRESS))


def waiting_html() -> str:
    """Render the strip before its timeline begins, as while those of others are computed."""
    return _bar(progress_bar(None, "Waiting to start…", PROGRESS), "Computing the timeline.")


def failed_html(sentence: str) -> str:
    """Render an error in place of the strip."""
    return _bar(alert_html(sentence))


def strip_html(utterances: Sequence[Utterance], seconds: float) -> str:
    """Render the utterances as buttons placed by time, with the time below."""
    hues = _hues(summarize(utterances, seconds))
    buttons = "".join(_segment(one, seconds, hues) for one in utterances)
    marks = "".join(f"<span>{_minutes(seconds * part / MARKS)}</span>" for part in range(MARKS + 1))
    return _bar(
        f"<div class='tl-strip' role='group' aria-label='Timeline'>{buttons}</div>"
        f"<div class='tl-axis' aria-hidden='true'>{marks}</div>",
        f"The timeline has {_count(len(utterances))}.",
    )


def details_html(utterances: Sequence[Utterance], seconds: float) -> str:
    """Render the summary by duration and the table of utterances."""
    if not utterances:
        return f"<section aria-label='Timeline details'><p>{NOTHING}</p></section>"
    summary, length = summarize(utterances, seconds), _minutes(seconds)
    return (
        f"<section class='tl-details' aria-label='Timeline details'><div>"
        f"<h2 class='section-title'>Summary of {length}</h2>{_summary(summary, seconds)}</div>"
        f"<div><h2 class='section-title'>{_count(len(utterances))}</h2>"
        f"{_table(utterances, _hues(summary))}</div></section>"
    )


def _bar(content: str, announced: str = "") -> str:
    """Render the strip's place; a screen reader announces only the sentence that is not shown."""
    said = f"<p class='tl-said'>{announced}</p>" if announced else ""
    return f"<div class='tl-bar'>{said}<div aria-live='off'>{content}</div></div>"


def _hues(summary: Summary) -> dict[str, int]:
    """Return a hue in degrees for each leading intent."""
    return {label: HUES[rank % len(HUES)] for rank, (label, _) in enumerate(summary.intents)}


def _color(utterance: Utterance, hues: dict[str, int]) -> str:
    """Return the class and style of what stands for an utterance."""
    if not utterance.known:
        return NONE
    return _style(hues[utterance.top[0].label]) if utterance.sure else UNSURE


def _style(hue: int) -> str:
    return f"class='tl-intent' style='--hue:{hue}'"


def _segment(utterance: Utterance, seconds: float, hues: dict[str, int]) -> str:
    name = escape(_name(utterance))
    left, width = (100 * value / seconds for value in (utterance.start, utterance.seconds))
    about = f"{clock(utterance.start)} to {clock(utterance.end)}: {name}, {_score(utterance)}"
    return (
        f"<button type='button' data-seek='{utterance.start:.3f}' title='{about}' "
        f"aria-label='Play {about}' style='left:{left:.3f}%;width:{width:.3f}%'>"
        f"<i {_color(utterance, hues)} aria-hidden='true'><span>{name}</span></i></button>"
    )


def _table(utterances: Sequence[Utterance], hues: dict[str, int]) -> str:
    rows = "".join(
        f"<tr><td><button type='button' data-seek='{one.start:.3f}' "
        f"aria-label='Play from {clock(one.start)}'>{clock(one.start)}</button></td>"
        f"<td>{clock(one.end)}</td>"
        f"<td><i {_color(one, hues)} aria-hidden='true'></i>{escape(_name(one))}</td>"
        f"<td>{_score(one)}</td></tr>"
        for one in utterances
    )
    return (
        f"<div class='tl-scroll' role='region' tabindex='0' aria-label='Utterances'>"
        f"<table><thead><tr><th scope='col'>Start</th><th scope='col'>End</th>"
        f"<th scope='col'>Intent</th><th scope='col'>Score</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _summary(summary: Summary, seconds: float) -> str:
    hues = _hues(summary)
    parts = [
        (_style(hues[label]), human_name(label), duration) for label, duration in summary.intents
    ]
    if summary.not_known:
        parts.append((NONE, NONE_OF_THESE, summary.not_known))
    if summary.not_sure:
        parts.append((UNSURE, "Low confidence", summary.not_sure))
    parts.append((SILENT, "No speech", summary.no_speech))
    rows = "".join(
        f"<li><i {style} aria-hidden='true'></i><span>{escape(name)}</span>"
        f"<b>{duration:.1f}{NBSP}s</b><small>{score_percent(duration / seconds)}</small></li>"
        for style, name, duration in parts
    )
    return f"<ul class='tl-summary' aria-label='Summary by duration'>{rows}</ul>"


def _name(utterance: Utterance) -> str:
    if not utterance.known:
        return NONE_OF_THESE
    name = human_name(utterance.top[0].label)
    return name if utterance.sure else f"{name} (low confidence)"


def _score(utterance: Utterance) -> str:
    return score_percent(utterance.top[0].score)


def _minutes(seconds: float) -> str:
    """Format a duration to the second, such as "5:00"."""
    return clock(round(seconds))[:-2]


def _count(utterances: int) -> str:
    return "1 utterance" if utterances == 1 else f"{utterances} utterances"
