"""Answers and checkpoints as HTML."""

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
