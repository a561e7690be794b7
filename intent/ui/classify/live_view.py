"""Render the Live panel: the leading intents so far, as a strip, and the settled answer."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from intent.labels import human_name, none_of
from intent.models.classifier import Answer
from intent.models.live import Lead, Live, Settled
from intent.ui.shared.format import score_percent
from intent.ui.shared.html import UNSURE, bars_html, closest_in_words, ghost_bars_html

COLORS = 6  # in live.css; a further intent begins again with the first
NO_COLOR = "live-none"  # of the label that means "none of the intents"
LISTENING = "Listening"
SETTLED = "Settled"
INVITATION = "Say what you would say to your bank."

Segment = tuple[str, float, float]  # label, start and end in s


def live_html(live: Live) -> str:
    """Render the utterance so far, else the last settled answer, else an invitation to speak."""
    if live.answer:
        headline = _headline(live.answer)
        found = _strip(live.leads, live.answer.reject_label)
        return _panel(live, "speaking", LISTENING, headline, found, bars_html(live.answer))
    if live.settled:
        answer, leads = live.settled[-1].answer, live.settled[-1].leads
        headline = _headline(answer) if answer.sure or not answer.known else _plain(UNSURE)
        found = _strip(leads, answer.reject_label)
        return _panel(live, _kind(answer), SETTLED, headline, found, bars_html(answer))
    return _panel(live, "waiting", LISTENING, _plain(INVITATION), _strip(()), ghost_bars_html())


def said(settled: Settled) -> str:
    """Return a settled answer as the sentence that a screen reader announces."""
    answer = settled.answer
    if not answer.known:
        about = f"{none_of(answer.intents)}. {closest_in_words(answer)}"
    else:
        about = f"{human_name(answer.top[0].label)}, {score_percent(answer.top[0].score)}"
    doubt = "" if answer.sure or not answer.known else " Low confidence."
    return f"Settled answer {settled.number}: {about}.{doubt}"


def segments(leads: Sequence[Lead]) -> list[Segment]:
    """Return the stretches of time with one leading intent, in order, from the first answer on."""
    found: list[Segment] = []
    for before, lead in pairwise([*leads[:1], *leads]):
        if found and found[-1][0] == lead.label:
            found[-1] = (lead.label, found[-1][1], lead.seconds)
        else:
            found.append((lead.label, before.seconds, lead.seconds))
    return found


def _kind(answer: Answer) -> str:
    if not answer.known:
        return "settled none"
    return "settled sure" if answer.sure else "settled unsure"


def _headline(answer: Answer) -> str:
    if not answer.known:
        closest = escape(closest_in_words(answer))
        return _plain(f"{none_of(answer.intents)} <small>{closest}</small>")
    top = answer.top[0]
    share = f"<span class='share'>— {score_percent(top.score)}</span>"
    return f"<p class='live-headline'>{escape(human_name(top.label))} {share}</p>"


def _plain(content: str) -> str:
    return f"<p class='live-headline plain'>{content}</p>"


def _strip(leads: Sequence[Lead], reject_label: str | None = None) -> str:
    """Render the strip and its legend; the first answer of all is as wide as the shortest stretch."""
    found = segments(leads)
    labels = dict.fromkeys(label for label, _, _ in found)
    names = {label: escape(human_name(label, reject_label), quote=True) for label in labels}
    colors = _colors([label for label in labels if label != reject_label])
    parts = "".join(
        f"<i class='{colors.get(label, NO_COLOR)}' "
        f"style='flex-grow:{100 * max(0.2, end - start):.0f}' "
        f"title='{names[label]}, {max(0.2, end - start):.1f} s'></i>"
        for label, start, end in found
    )
    legend = "".join(
        f"<li><i class='{colors.get(label, NO_COLOR)}'></i>{names[label]}</li>" for label in labels
    )
    order = ", then ".join(names[label] for label, _, _ in found) or "none yet"
    return (
        f"<div class='live-strip' role='img' aria-label='Leading intents: {order}'>"
        f"{parts}</div><ul class='live-legend' aria-label='Leading intents'>{legend}</ul>"
    )


def _colors(intents: Sequence[str]) -> dict[str, str]:
    """Return the class of each intent's color."""
    return {label: f"live-{index % COLORS}" for index, label in enumerate(intents)}


def _panel(live: Live, kind: str, word: str, headline: str, strip: str, bars: str) -> str:
    last = escape(said(live.settled[-1]), quote=True) if live.settled else ""
    return (
        f"<section class='live {kind}' aria-label='Live prediction' data-said='{last}'>"
        f"<div class='live-now'><p class='live-word'>{word}</p>{headline}{strip}</div>"
        f"{bars}</section>"
    )
