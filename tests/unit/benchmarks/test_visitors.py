"""The benchmark of many visitors: how answers are judged and counted."""

from pathlib import Path

import pytest

from tests.benchmarks.bench_visitors import Expected, Outcome, row_of, verdict_on

OWN = Expected(Path("own.wav"), 3.21, {"pay_bill": 0.8, "freeze": 0.1})
ANOTHER = Expected(Path("another.wav"), 3.25, {"pay_bill": 0.7, "abroad": 0.2})


def answer(seconds: float, **scores: float) -> dict[str, object]:
    top = [{"label": label, "score": score} for label, score in scores.items()]
    return {"top": top, "heard_seconds": seconds}


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(3.21, pay_bill=0.801, freeze=0.1), "right"),
        (answer(3.25, pay_bill=0.7, abroad=0.2), "mixed up"),
        (answer(3.21, pay_bill=0.5, freeze=0.1), "other"),
        (answer(3.3, pay_bill=0.8), "other"),
    ],
)
def test_an_answer_is_the_visitors_own_or_of_another_recording_or_neither(
    given: dict[str, object], verdict: str
) -> None:
    assert verdict_on(given, OWN, [OWN, ANOTHER]) == verdict


def test_errors_are_counted_and_have_no_time() -> None:
    outcomes = [Outcome("right", 1.0), Outcome("right", 3.0), Outcome("error", 99.0)]
    assert row_of("idle", outcomes, 4.0) == ("idle", 3, 1, 0, 0, "2.0 s", "2.9 s", "4.0 s")
