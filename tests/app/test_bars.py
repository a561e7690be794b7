"""Answers and checkpoints as HTML."""

import dataclasses

import pytest

from intent.checkpoints.resolve import CheckpointInfo
from intent.models.classifier import Answer, Score
from intent.ui.shared import html as bars
from intent.ui.shared.format import NBSP, score_percent

HOSTILE = "<img src=x onerror=alert(1)>"


def _answer(
    label: str, used_from: float = 0.0, used_to: float = 3.0, clip_seconds: float = 3.0
) -> Answer:
    top, part = (Score(label, 0.934),), (used_from, used_to, clip_seconds)
    return Answer(top, True, True, "bundled", "CPU", 0.1234, *part)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.002, "under 1 %"),
        (0.934, "93 %"),
        (0.994, "99 %"),
        (0.9999, "over 99 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_never_rounded_to_certainty(share: float, text: str) -> None:
    assert score_percent(share).replace(NBSP, " ") == text


def test_the_headline_is_the_top_intent_in_words_with_its_share() -> None:
    html = bars.answer_html(_answer("pay_bill"), "Bundled")
    assert f"Pay a bill <span class='share'>— 93{NBSP}%</span>" in html
    assert "used " not in html


def test_an_answer_says_what_part_of_a_long_clip_was_used() -> None:
    html = bars.answer_html(_answer("pay_bill", 0.0, 10.0, 24.2), "Bundled")
    assert "used the first 10 s of 24.2 s" in html


def test_an_answer_says_where_the_part_that_was_used_begins_and_ends() -> None:
    html = bars.answer_html(_answer("pay_bill", 14.144, 19.52, 24.2), "Bundled")
    assert "used 14.1 s to 19.5 s of 24.2 s" in html


def test_labels_and_sentences_of_strangers_are_text_not_markup() -> None:
    info = CheckpointInfo("x/y", (HOSTILE,), HOSTILE, None, None, None)
    pages = (
        bars.answer_html(_answer(HOSTILE), HOSTILE),
        bars.about_html(info, HOSTILE),
        bars.error_html(HOSTILE),
    )
    for html in pages:
        assert "<img" not in html
        assert "&lt;img" in html


@pytest.mark.parametrize("score", [0.6, 0.2])  # sure or not
def test_an_answer_of_none_says_so_names_the_closest_intent_and_lists_none_by_its_name(
    score: float,
) -> None:
    top = (Score("other", score), Score("pay_bill", 0.12))
    none = dataclasses.replace(
        _answer("other"), top=top, sure=score >= 0.35, known=False, reject_label="other"
    )
    none = dataclasses.replace(none, closest=top[1:], intents=14)
    html = bars.answer_html(none, "Bundled")
    assert f"<h2>None of the 14 intents</h2><p>Closest: Pay a bill, 12{NBSP}%</p>" in html
    assert "<span class='name'>None of these</span>" in html
    assert "Other" not in html and "Low confidence" not in html
    assert "No speech" in bars.answer_html(dataclasses.replace(none, has_speech=False), "Bundled")


def test_a_known_answer_looks_the_same_with_and_without_a_reject_label() -> None:
    intents = tuple(Score(name, 0.2) for name in ("pay_bill", "balance", "freeze"))
    plain = dataclasses.replace(_answer("pay_bill"), top=intents)
    known = dataclasses.replace(
        plain,
        top=(intents[0], Score("other", 0.2), intents[1]),
        reject_label="other",
        closest=intents,
        intents=14,
    )
    assert bars.answer_html(known, "Bundled") == bars.answer_html(plain, "Bundled")


def test_a_reject_label_is_not_counted_among_the_intents() -> None:
    info = CheckpointInfo("x/y", ("a", "b", "other"), None, None, None, None)
    assert "3 intents<" in bars.about_html(info) and "<li>Other</li>" in bars.about_html(info)
    html = bars.about_html(dataclasses.replace(info, reject_label="other"))
    assert "2 intents, or none of these<" in html and "Other" not in html


def test_the_accuracy_on_own_words_is_shown_where_it_was_measured() -> None:
    info = CheckpointInfo("x/y", ("a", "b"), None, None, None, None)
    assert "own words" not in bars.about_html(info)
    html = bars.about_html(dataclasses.replace(info, own_words=0.881))
    assert "In people’s own words" in html and f"88.1{NBSP}%" in html


def test_a_checkpoint_without_a_test_figure_says_so() -> None:
    info = CheckpointInfo("x/y", ("a", "b"), None, None, None, None)
    html = bars.about_html(info)
    assert "not measured" in html
    assert "unknown" in html


def test_a_test_accuracy_comes_with_its_interval() -> None:
    info = CheckpointInfo("x/y", ("a", "b"), "o/b", 0.8584, (0.7823, 0.9109), 10.0)
    html = bars.about_html(info).replace(NBSP, " ")
    assert "85.8 %" in html
    assert "95 % interval: 78.2 to 91.1 %" in html
