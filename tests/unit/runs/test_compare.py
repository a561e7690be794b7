"""Two runs are compared on the clips of both, and chance is called chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.recipes import NOT_READ, change, preset
from intent.runs.compare import Difference, McNemar, differences, in_words, mcnemar
from intent.runs.report import AnsweredClip


def answered(answers: dict[str, bool], label: str = "a") -> list[AnsweredClip]:
    """Clips by the hash of their sound, each answered rightly or not."""
    return [
        AnsweredClip(sound, f"{sound}.wav", "", "", label, ((label if right else "other", 0.9),))
        for sound, right in answers.items()
    ]


def pair(both: int, first_only: int, second_only: int) -> tuple[list[AnsweredClip], ...]:
    rights = [(True, True)] * both + [(True, False)] * first_only + [(False, True)] * second_only
    return tuple(
        answered({str(row): outcome[side] for row, outcome in enumerate(rights)}) for side in (0, 1)
    )


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [(9, 3, 0.14599609375), (10, 0, 2 / 2**10), (5, 5, 1.0), (0, 0, 1.0), (0, 6, 2 / 2**6)],
)
def test_p_value_is_that_of_the_exact_binomial_test(
    first_only: int, second_only: int, p: float
) -> None:
    assert mcnemar(*pair(20, first_only, second_only)).p == pytest.approx(p)


@given(st.dictionaries(st.text(min_size=1), st.tuples(st.booleans(), st.booleans())))
def test_mcnemar_is_symmetric(rights: dict[str, tuple[bool, bool]]) -> None:
    first = answered({sound: one for sound, (one, _) in rights.items()})
    second = answered({sound: other for sound, (_, other) in rights.items()})
    there, back = mcnemar(first, second), mcnemar(second, first)
    assert (there.clips, there.p) == (back.clips, back.p) and 0 < there.p <= 1
    assert (there.first_only, there.second_only) == (back.second_only, back.first_only)
    assert there.clips == len(rights)


def test_only_clips_of_both_count() -> None:
    first = answered({"x": True, "only the first": True})
    second = answered({"x": False, "only the second": True})
    assert mcnemar(first, second) == McNemar(1, 1, 0, 1.0)


def test_a_relabeled_clip_is_not_the_same_clip() -> None:
    assert mcnemar(answered({"x": True}), answered({"x": False}, label="b")).clips == 0


def test_clips_whose_sound_is_not_known_are_not_compared() -> None:
    assert mcnemar(answered({"": True}), answered({"": False})).clips == 0


def test_a_difference_that_may_be_chance_is_reported_as_such() -> None:
    assert in_words("A", "B", McNemar(113, 9, 3, 0.146)) == (
        "On the 113 recordings that both were tested on, only A is correct on 9, and only B on 3: the "
        "difference could be chance (p = 0.15)."
    )


def test_a_difference_that_is_more_than_chance_names_the_better_one() -> None:
    words = in_words("A", "B", McNemar(113, 0, 12, 0.0005))
    assert words.endswith(
        "only A is correct on 0, and only B on 12: B is significantly better (p < 0.001)."
    )
    assert in_words("A", "B", McNemar(50, 6, 0, 0.03125)).endswith(
        "only A is correct on 6, and only B on 0: A is significantly better (p = 0.031)."
    )


def test_without_a_common_clip_nothing_is_claimed() -> None:
    assert "cannot be compared" in in_words("A", "B", McNemar(0, 0, 0, 1.0))
    assert "exactly the same recordings" in in_words("A", "B", McNemar(10, 0, 0, 1.0))


def test_recipes_differ_in_the_fields_that_differ() -> None:
    one = preset("guide")
    other = change(one, {"seed": 7, "learning_rate": 1e-4})
    assert differences([one, other, one]) == (
        Difference("seed", (42, 7, 42)),
        Difference("learning_rate", (3e-5, 1e-4, 3e-5)),
    )
    assert differences([one, one]) == () == differences([one])


def test_what_a_method_ignores_differs_only_from_what_another_reads() -> None:
    instant, gentle = preset("instant"), preset("recommended")
    ignored = {"epochs": 99, "learning_rate": 0.5, "head": "random"}
    assert differences([instant, change(instant, ignored)]) == ()
    told = {one.field: one.values for one in differences([instant, gentle])}
    assert told["epochs"] == (NOT_READ, gentle.epochs)
    assert told["copies"] == (instant.copies, gentle.copies)
    assert "accumulation_steps" not in told  # neither reads it
