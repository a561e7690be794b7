"""Is one run better than another, or is it chance? And what was done differently?"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from intent.recipes import Recipe, value_read
from intent.runs.report import AnsweredClip

LEVEL = 0.05  # a difference is more than chance where chance alone is rarer than this


@dataclass(frozen=True)
class McNemar:
    """Two models on the clips that both were tested on: who is right where the other is wrong."""

    clips: int  # that both were tested on
    first_only: int  # the first is right and the second wrong
    second_only: int
    p: float  # of a difference like this or larger, were both equally good


@dataclass(frozen=True)
class Difference:
    """A field in which recipes differ, and the value of each, in their order."""

    field: str
    values: tuple[object, ...]


def mcnemar(first: Sequence[AnsweredClip], second: Sequence[AnsweredClip]) -> McNemar:
    """Return McNemar's exact test on the clips of the same sound and label in both.

    Of the clips on which just one is right, each falls to either side as a coin does if both are
    equally good (McNemar 1947; the exact binomial test, two-sided, as it holds for few clips too).
    """
    from scipy.stats import binomtest

    rights = {(clip.hash, clip.true): clip.right for clip in second if clip.hash}
    pairs = [
        (clip.right, rights[clip.hash, clip.true])
        for clip in {(clip.hash, clip.true): clip for clip in first}.values()
        if (clip.hash, clip.true) in rights
    ]
    first_only = sum(one and not other for one, other in pairs)
    second_only = sum(other and not one for one, other in pairs)
    differing = first_only + second_only
    p = float(binomtest(first_only, differing).pvalue) if differing else 1.0
    return McNemar(len(pairs), first_only, second_only, p)


def in_words(first: str, second: str, test: McNemar) -> str:
    """Return what a test of two models, known by these names, says to somebody who chooses."""
    if not test.clips:
        return (
            f"{first} and {second} were tested on different recordings, so they cannot be compared "
            "clip by clip: train both with the same data and seed."
        )
    where = f"On the {test.clips} recordings that both were tested on"
    if not test.first_only + test.second_only:
        return f"{where}, {first} and {second} are right and wrong on the very same ones."
    never, times = f"{first} is never right where {second} is wrong", _times(test.first_only)
    one = f"{first} is right where {second} is wrong {times}" if test.first_only else never
    never, times = f"{second} never where {first} is wrong", _times(test.second_only)
    other = f"{second} where {first} is wrong {times}" if test.second_only else never
    counts = f"{where}, {one}, and {other}"
    if test.p >= LEVEL:
        return f"{counts}: this could be chance ({_p(test.p)})."
    better = first if test.first_only > test.second_only else second
    return f"{counts}: {better} is better by more than chance ({_p(test.p)})."


def differences(recipes: Sequence[Recipe]) -> tuple[Difference, ...]:
    """Return the fields in which not all of the recipes agree, in the recipe's order.

    A hyperparameter that a recipe's method ignores has the value NOT_READ there: training would
    come to the same with any other.
    """
    found = (
        Difference(field.name, tuple(value_read(recipe, field.name) for recipe in recipes))
        for field in dataclasses.fields(Recipe)
    )
    return tuple(one for one in found if len(set(one.values)) > 1)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.3f}"
