"""Render the Live panel: the leading intents so far, as a strip, and the settled answer."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from intent.labels import human_name
from intent.models.classifier import Answer
from intent.models.live import Lead, Live, Settled
from intent.ui.shared.format import score_percent
from intent.ui.shared.html import UNSURE, bars_html, ghost_bars_html

COLORS = 6  # in live.css; a further intent begins again with the first
LISTENING = "Listening"
SETTLED = "Settled"
INVITATION = "Say what you would say to your bank."

Segment = tuple[str, float, float]  # label, start and end in s


def live_html(live: Live) -> str:
    """Render the utterance so far, else the last settled answer, else an invitation to speak."""
    if live.answer:
        top = live.answer.top[0]
        headline = _headline(human_name(top.label), top.score)
        return _panel(live, "speaking", LISTENING, headline, live.leads, bars_html(live.answer.top))
    if live.settled:
        done = live.settled[-1]
        bars = bars_html(done.answer.top)
        return _panel(
            live, _kind(done.answer), SETTLED, _settled_headline(done.answer), done.leads, bars
        )
    invitation = f"<p class='live-headline plain'>{INVITATION}</p>"
    return _panel(live, "waiting", LISTENING, invitation, (), ghost_bars_html())


def said(settled: Settled) -> str:
    """Return a settled answer as the sentence that a screen reader announces."""
    top = settled.answer.top[0]
    doubt = "" if settled.answer.sure else " Low confidence."
    name = human_name(top.label)
    return f"Settled answer {settled.number}: {name}, {score_percent(top.score)}.{doubt}"


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
    return "settled sure" if answer.sure else "settled unsure"


def _settled_headline(answer: Answer) -> str:
    if not answer.sure:
        return f"<p class='live-headline plain'>{UNSURE}</p>"
    return _headline(human_name(answer.top[0].label), answer.top[0].score)


def _headline(name: str, score: float) -> str:
    share = f"<span class='share'>— {score_percent(score)}</span>"
    return f"<p class='live-headline'>{escape(name)} {share}</p>"


def _strip(leads: Sequence[Lead]) -> str:
    """Render the strip and its legend; the first answer of all is as wide as the shortest stretch."""
    found = segments(leads)
    colors = {
        label: index % COLORS for index, label in enumerate(dict.fromkeys(s[0] for s in found))
    }
    parts = "".join(
        f"<i class='live-{colors[label]}' style='flex-grow:{100 * max(0.2, end - start):.0f}' "
        f"title='{escape(human_name(label), quote=True)}, {max(0.2, end - start):.1f} s'></i>"
        for label, start, end in found
    )
    legend = "".join(
        f"<li><i class='live-{color}'></i>{escape(human_name(label))}</li>"
        for label, color in colors.items()
    )
    names = ", then ".join(human_name(label) for label, _, _ in found) or "none yet"
    return (
        f"<div class='live-strip' role='img' aria-label='Leading intents: {escape(names, quote=True)}'>"
        f"{parts}</div><ul class='live-legend' aria-label='Leading intents'>{legend}</ul>"
    )


def _panel(
    live: Live, kind: str, word: str, headline: str, leads: Sequence[Lead], bars: str
) -> str:
    last = escape(said(live.settled[-1]), quote=True) if live.settled else ""
    return (
        f"<section class='live {kind}' aria-label='Live prediction' data-said='{last}'>"
        f"<div class='live-now'><p class='live-word'>{word}</p>{headline}{_strip(leads)}</div>"
        f"{bars}</section>"
    )
