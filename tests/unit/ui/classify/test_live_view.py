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


NONE = replace(
    Answer(
        (Score("other", 0.6), Score("pay_bill", 0.12), Score("balance", 0.1)),
        *(True, True, "bundled", "CPU", 0.02, 0.0, 2.0, 2.0),
    ),
    known=False,
    known_score=0.4,
    reject_label="other",
    closest=(Score("pay_bill", 0.12), Score("balance", 0.1)),
    intents=14,
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


def test_an_answer_of_none_says_so_and_names_the_closest_intent() -> None:
    done = Settled(3, NONE, LEADS, settled().clip)
    sentence = "Settled answer 3: None of the 14 intents. Closest: Pay a bill, 12\u00a0%."
    assert said(done) == sentence
    for live in (Live(answer=NONE, leads=LEADS), Live(settled=(done,))):
        html = live_html(live)
        assert "None of the 14 intents <small>Closest: Pay a bill, 12\u00a0%</small>" in html
        assert "None of these" in html and "Other" not in html and "Low confidence" not in html


def test_none_of_the_intents_leads_the_strip_by_its_name_and_takes_no_color_of_an_intent() -> None:
    leads = (Lead("other", 0.5, 0.6), *LEADS)
    known = replace(answer(), reject_label="other", closest=answer().top)
    html = live_html(Live(answer=known, leads=leads))
    assert "Leading intents: None of these, then Check my balance, then Pay a bill" in html
    assert html.count("class='live-none'") == 2  # a stretch and the legend
    assert html.count("class='live-0'") == 3  # the first intent's
