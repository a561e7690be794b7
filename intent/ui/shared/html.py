"""Answers as HTML that a screen reader reads in order: a headline, a ranked list, how it came."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from intent.checkpoints.resolve import CheckpointInfo
from intent.labels import human_name
from intent.models.classifier import Answer, Score

NO_BREAK_SPACE = "\u00a0"
PLACEHOLDER_BARS = 5

EMPTY = "Speak, upload a recording, or try an example. The five likeliest intents appear here."
BUSY = "Listening…"
UNSURE = "I am not sure what this is about. These are my best guesses."
NO_SPEECH = "I did not hear speech. Try again a little closer to the microphone."


def percent(share: float) -> str:
    """A share from 0 to 1 as "93 %", never rounded to certainty: "over 99 %", "under 1 %"."""
    rounded = round(share * 100)
    if rounded == 100 and share < 1:
        return f"over{NO_BREAK_SPACE}99{NO_BREAK_SPACE}%"
    if rounded == 0 and share > 0:
        return f"under{NO_BREAK_SPACE}1{NO_BREAK_SPACE}%"
    return f"{rounded}{NO_BREAK_SPACE}%"


def answer_html(answer: Answer, checkpoint_title: str, clip_seconds: float) -> str:
    """The answer to one clip: headline, bars, and which checkpoint and device took how long."""
    how = _how(answer, checkpoint_title, clip_seconds)
    if not answer.has_speech:
        return _panel("mute", _sentence(NO_SPEECH), how)
    if not answer.sure:
        return _panel("unsure", _sentence(UNSURE), _bars(answer.top), how)
    top = answer.top[0]
    share = f"<span class='share'>— {percent(top.score)}</span>"
    headline = f"<h2 class='headline'>{escape(human_name(top.label))} {share}</h2>"
    return _panel("sure", headline, _bars(answer.top), how)


def empty_html() -> str:
    """The place of the answer before there is one."""
    return _panel("empty", _sentence(EMPTY), _ghost_bars())


def busy_html() -> str:
    """The place of the answer while a clip is heard."""
    return _panel("busy", _sentence(BUSY), _ghost_bars())


def error_html(sentence: str) -> str:
    """A sentence that says what went wrong and what to do, in a calm box."""
    return _panel("failed", notice_html(sentence))


def about_html(info: CheckpointInfo, notice: str = "") -> str:
    """What a checkpoint is: its base, how good it is, how much it hears, and its intents."""
    facts = [("Base model", escape(_base(info.base))), ("Test accuracy", _accuracy(info))]
    if info.window_seconds:
        facts.append(("Hears", f"the first {info.window_seconds:g}{NO_BREAK_SPACE}s"))
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    chips = "".join(f"<li>{escape(human_name(label))}</li>" for label in info.labels)
    return (
        f"{notice_html(notice)}<dl class='facts'>{rows}</dl>"
        f"<p class='chips-title' id='chips-title'>{len(info.labels)} intents</p>"
        f"<ul class='chips' aria-labelledby='chips-title'>{chips}</ul>"
    )


def about_busy_html() -> str:
    """The place of a checkpoint's description while it is read."""
    return "<p class='muted'>Reading what this checkpoint is…</p>"


def notice_html(sentence: str) -> str:
    """A sentence in a calm box, or nothing for an empty sentence."""
    return f"<div class='notice'><p>{escape(sentence)}</p></div>" if sentence else ""


def alert_html(sentence: str) -> str:
    """A sentence in a calm box that a screen reader announces."""
    return f"<div role='alert'>{notice_html(sentence)}</div>"


def _base(name: str | None) -> str:
    """A folder's own name is enough: its path says where its maker kept it."""
    return Path(name).name if name and Path(name).is_absolute() else name or "not stated"


def _accuracy(info: CheckpointInfo) -> str:
    if info.accuracy is None:
        return "not known"
    text = f"{info.accuracy:.1%}".replace("%", f"{NO_BREAK_SPACE}%")
    if info.interval is None:
        return text
    low, high = (f"{bound * 100:.1f}" for bound in info.interval)
    return f"{text} <span class='muted'>(95 % interval {low} to {high})</span>"


def _bars(scores: Sequence[Score]) -> str:
    rows = "".join(
        f"<li><span class='name'>{escape(human_name(score.label))}</span>"
        f"<span class='value'>{percent(score.score)}</span>"
        f"<span class='bar' aria-hidden='true'><i style='width:{score.score:.2%}'></i></span></li>"
        for score in scores
    )
    return f"<ol class='bars' aria-label='Likeliest intents'>{rows}</ol>"


def _ghost_bars() -> str:
    return f"<div class='ghost' aria-hidden='true'>{'<i></i>' * PLACEHOLDER_BARS}</div>"


def _sentence(sentence: str) -> str:
    return f"<p class='headline plain'>{escape(sentence)}</p>"


def _how(answer: Answer, checkpoint_title: str, clip_seconds: float) -> str:
    parts = [checkpoint_title, answer.device, f"{answer.seconds:.2f} s"]
    if clip_seconds - answer.used_seconds > 0.05:
        parts.append(f"heard the first {answer.used_seconds:g} s of {clip_seconds:.0f} s")
    items = "".join(f"<li>{escape(part)}</li>" for part in parts)
    return f"<ul class='how' aria-label='How this answer was made'>{items}</ul>"


def _panel(state: str, *parts: str) -> str:
    return f"<div class='answer {state}'>{''.join(parts)}</div>"
