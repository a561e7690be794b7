"""Laws of the continuation of a learning curve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.evaluation.learning_curve import EXPONENTS, continuation

curves = st.lists(
    st.tuples(st.integers(1, 5000).map(float), st.floats(0, 1)),
    max_size=30,
    unique_by=lambda p: p[0],
).map(sorted)


@given(curves)
def test_a_projection_starts_at_the_last_point_rises_and_stays_below_its_bound(points) -> None:
    ahead = continuation(points)
    if not ahead:
        return
    assert ahead[0] == pytest.approx(points[-1])
    assert ahead[-1][0] == pytest.approx(2 * points[-1][0])
    accuracies = [accuracy for _, accuracy in ahead]
    assert accuracies == sorted(accuracies) and 0 <= accuracies[0] <= accuracies[-1] <= 1
    least_error = (1 - points[-1][1]) * 2 ** -EXPONENTS[1]
    assert accuracies[-1] <= 1 - least_error + 1e-9


@pytest.mark.parametrize("exponent", [0.1, 0.3, 0.5])
def test_a_power_law_is_extrapolated_exactly(exponent: float) -> None:
    points = [(n, 1 - 0.9 * n**-exponent) for n in range(20, 401, 20)]
    clips, accuracy = continuation(points)[-1]
    assert clips == 800 and accuracy == pytest.approx(1 - 0.9 * 800**-exponent, abs=1e-6)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(100, 0.5)],
        [(100, 0.5), (200, 0.6), (300, 0.65), (400, 0.7)],
        [(n, 0.07) for n in range(20, 401, 20)],
        [(n, 0.9 - n / 1000) for n in range(20, 401, 20)],
        [(n, 1.0) for n in range(20, 401, 20)],
    ],
    ids=["none", "one", "few", "flat", "falling", "perfect"],
)
def test_a_curve_that_does_not_rise_is_not_extrapolated(points) -> None:
    assert continuation(points) == ()
