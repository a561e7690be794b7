"""The Live panel shows the leading intents as a strip, and the settled answer in words."""

from dataclasses import replace

import numpy as np

from intent.audio.clip import Clip
from intent.models.classifier import Answer, Score
from intent.models.live import Lead, Live, Settled
from intent.ui.classify.live_view import live_html, said, segments

LEADS = (
    Lead("balance", 0.4, 1.0),
    Lead("pay_bill", 0.5, 1.4),
    Lead("pay_bill", 0.8, 1.8),
    Lead("balance", 0.9, 2.0),
)


def answer(score: float = 0.97) -> Answer:
    return Answer(
        top=(Score("pay_bill", score), Score("balance", 1 - score)),
        has_speech=True,
        sure=score >= 0.35,
        checkpoint="bundled",
        device="CPU",
        seconds=0.02,
        used_from=0.0,
        used_to=2.0,
        clip_seconds=2.0,
    )


def settled(score: float = 0.97, number: int = 1) -> Settled:
    return Settled(number, answer(score), LEADS, Clip(np.zeros(16_000, np.float32), 8_000))


def test_a_stretch_of_the_strip_lasts_until_another_intent_leads() -> None:
    assert segments(LEADS) == [
        ("balance", 1.0, 1.0),
        ("pay_bill", 1.0, 1.8),
        ("balance", 1.8, 2.0),
    ]
    assert segments(()) == []


def test_an_intent_that_leads_again_has_its_color_and_one_place_in_the_legend() -> None:
    html = live_html(Live(answer=answer(), leads=LEADS))
    assert html.count("class='live-0'") == 3  # two stretches and the legend
    assert html.count("class='live-1'") == 2
    assert "Leading intents: Check my balance, then Pay a bill, then Check my balance" in html


def test_only_a_settled_answer_is_announced_and_stays_so_while_the_next_is_spoken() -> None:
    assert "data-said=''" in live_html(Live())
    assert "data-said=''" in live_html(Live(answer=answer(), leads=LEADS))
    sentence = "Settled answer 1: Pay a bill, 97\u00a0%."
    assert said(settled()) == sentence
    for live in (Live(settled=(settled(),)), Live(settled=(settled(),), answer=answer(0.5))):
        assert f"data-said='{sentence}'" in live_html(live)


def test_the_same_answer_twice_is_announced_twice() -> None:
    assert said(settled(number=1)) != said(settled(number=2))


def test_a_settled_answer_of_low_confidence_says_so() -> None:
    html = live_html(Live(settled=(settled(0.3),)))
    assert "Settled" in html
    assert "Low confidence" in html
    assert said(settled(0.3)).endswith("Low confidence.")


def test_a_label_is_text_and_never_markup() -> None:
    odd = replace(answer(), top=(Score("<b>'x'</b>", 0.9),))
    done = Settled(1, odd, (Lead("<b>'x'</b>", 0.9, 1.0),), settled().clip)
    html = live_html(Live(settled=(done,)))
    assert "<b>" not in html.casefold()
    assert "'x'" not in html.casefold()
