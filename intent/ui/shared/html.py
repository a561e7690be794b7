"""Render predictions, checkpoints and messages as HTML that screen readers read in order."""

from html import escape
from pathlib import Path

from intent.checkpoints.description import MULTI_LABEL_SCORES
from intent.checkpoints.resolve import CheckpointInfo
from intent.labels import NONE_OF_THESE, human_name, none_of
from intent.models.classifier import Answer
from intent.ui.shared.format import NBSP, percent, score_percent

PLACEHOLDER_BARS = 5

EMPTY = "Speak, upload a recording, or try an example. The five most likely intents appear here."
BUSY = "Classifying…"
UNSURE = "Low confidence. The most likely intents are:"
NO_SPEECH = "No speech detected. Speak closer to the microphone and try again."


def answer_html(answer: Answer, checkpoint_title: str) -> str:
    """Render the answer to one clip: headline, bars, and the checkpoint, device and time."""
    details = _details(answer, checkpoint_title)
    if not answer.has_speech:
        return _panel("mute", _sentence(NO_SPEECH), details)
    if not answer.known:
        headline = (
            f"<div class='headline plain'><h2>{none_of(answer.intents)}</h2>"
            f"<p>{escape(closest_in_words(answer))}</p></div>"
        )
        return _panel("none", headline, bars_html(answer), details)
    if not answer.sure:
        return _panel("unsure", _sentence(UNSURE), bars_html(answer), details)
    top = answer.top[0]
    share = f"<span class='share'>— {score_percent(top.score)}</span>"
    headline = f"<h2 class='headline'>{escape(human_name(top.label))} {share}</h2>"
    return _panel("sure", headline, bars_html(answer), details)


def closest_in_words(answer: Answer) -> str:
    """Return which intent is the closest to an answer of none, and its score; "" without any."""
    if not answer.closest:
        return ""
    [best, *_] = answer.closest
    return f"Closest: {human_name(best.label)}, {score_percent(best.score)}"


def empty_html() -> str:
    """Render the answer panel before there is an answer."""
    return _panel("empty", _sentence(EMPTY), ghost_bars_html())


def busy_html() -> str:
    """Render the answer panel while a clip is classified."""
    return _panel("busy", _sentence(BUSY), ghost_bars_html())


def error_html(sentence: str) -> str:
    """Render the answer panel with an error in place of an answer."""
    return _panel("failed", notice_html(sentence))


def bars_html(answer: Answer) -> str:
    """Render the labels of an answer with their scores as bars, in order."""
    rows = "".join(
        f"<li><span class='name'>{escape(human_name(score.label, answer.reject_label))}</span>"
        f"<span class='value'>{score_percent(score.score)}</span>"
        f"<span class='bar' aria-hidden='true'><i style='width:{score.score:.2%}'></i></span></li>"
        for score in answer.shown
    )
    return f"<ol class='bars' aria-label='Most likely intents'>{rows}</ol>"


def ghost_bars_html() -> str:
    """Render the shape of five bars where there is no answer yet."""
    return f"<div class='ghost' aria-hidden='true'>{'<i></i>' * PLACEHOLDER_BARS}</div>"


def about_html(info: CheckpointInfo, notice: str = "") -> str:
    """Render a checkpoint's base model, test accuracy, audio window and intents."""
    facts = [("Base model", escape(_base(info.base))), ("Test accuracy", _accuracy(info))]
    if info.own_words is not None:
        facts.append(("In people’s own words", f"{percent(info.own_words)} (synthetic voices)"))
    facts.append(("Audio used", _audio_used(info.window_seconds)))
    if info.multi_label:
        facts.append(("Scores", MULTI_LABEL_SCORES))
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    intents = [label for label in info.labels if label != info.reject_label]
    chips = "".join(f"<li>{escape(human_name(label))}</li>" for label in intents)
    or_none = f", or {NONE_OF_THESE.lower()}" if info.reject_label else ""
    return (
        f"<section aria-label='About this checkpoint'>{notice_html(notice)}"
        f"<dl class='facts'>{rows}</dl>"
        f"<p class='chips-title' id='chips-title'>{len(intents)} intents{or_none}</p>"
        f"<ul class='chips' aria-labelledby='chips-title'>{chips}</ul></section>"
    )


def about_busy_html() -> str:
    """Render the description of a checkpoint while it is loading."""
    return "<p class='muted'>Loading the checkpoint’s description…</p>"


def about_error_html(sentence: str) -> str:
    """Render an error in place of a checkpoint's description."""
    return f"<section aria-label='About this checkpoint'>{notice_html(sentence)}</section>"


def notice_html(sentence: str) -> str:
    """Render a sentence in a box; an empty sentence gives nothing."""
    return f"<div class='notice'><p>{escape(sentence)}</p></div>" if sentence else ""


def alert_html(sentence: str) -> str:
    """Render a sentence in a box that a screen reader announces."""
    return f"<div role='alert'>{notice_html(sentence)}</div>"


def progress_bar(share: float | None, facts: str, name: str = "Progress of this phase") -> str:
    """Render a progress bar with facts below it; a share of None means its end is not known yet."""
    value = "" if share is None else f"aria-valuenow='{share * 100:.0f}'"
    kind = "is-unknown" if share is None else ""
    return (
        f"<div class='is-progress {kind}' role='progressbar' aria-label='{name}' "
        f"aria-valuemin='0' aria-valuemax='100' {value} "
        f"aria-valuetext='{escape(facts, quote=True)}'>"
        f"<i style='width:{share or 0:.1%}'></i></div><p>{escape(facts) or NBSP}</p>"
    )


def _base(name: str | None) -> str:
    """Return a base model's name; of a folder only its own name, since its path may be private."""
    return Path(name).name if name and Path(name).is_absolute() else name or "unknown"


def _accuracy(info: CheckpointInfo) -> str:
    if info.accuracy is None:
        return "not measured"
    text = percent(info.accuracy)
    if info.interval is None:
        return text
    low, high = (f"{bound * 100:.1f}" for bound in info.interval)
    return f"{text} <span class='muted'>(95{NBSP}% interval: {low} to {high}{NBSP}%)</span>"


def _audio_used(window_seconds: float | None) -> str:
    part = "the part with speech"
    return part if window_seconds is None else f"the first {window_seconds:g}{NBSP}s of {part}"


def _sentence(sentence: str) -> str:
    return f"<p class='headline plain'>{escape(sentence)}</p>"


def _details(answer: Answer, checkpoint_title: str) -> str:
    parts = [checkpoint_title, answer.device, f"{answer.seconds:.2f} s"]
    if answer.part_in_words:
        parts.append(answer.part_in_words)
    if answer.multi_label:
        parts.append(MULTI_LABEL_SCORES)
    items = "".join(f"<li>{escape(part)}</li>" for part in parts)
    return f"<ul class='how' aria-label='Checkpoint, device and time'>{items}</ul>"


def _panel(state: str, *parts: str) -> str:
    return f"<section class='answer {state}' aria-label='Prediction'>{''.join(parts)}</section>"
