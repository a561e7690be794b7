"""Compare runs: whether a difference in accuracy is significant, and how the recipes differ."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from intent.recipes import Recipe, value_read
from intent.runs.report import AnsweredClip

SIGNIFICANCE = 0.05  # a difference with a smaller p-value is called significant


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the clips that both were tested on."""

    clips: int  # that both were tested on
    first_only: int  # clips that only the first classifies correctly
    second_only: int  # clips that only the second classifies correctly
    p: float  # the probability of such a difference or a larger one, if both are equally good


@dataclass(frozen=True)
class Difference:
    """A field in which recipes differ, with the value of each recipe in order."""

    field: str
    values: tuple[object, ...]


def mcnemar(first: Sequence[AnsweredClip], second: Sequence[AnsweredClip]) -> McNemar:
    """Return McNemar's exact test on the clips with the same audio and label in both.

    If both models are equally good, each is equally likely to be the one that is correct on a clip
    that only one classifies correctly (McNemar 1947; here the exact two-sided binomial test, valid
    for few clips).
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
    """Return the result of a test in plain words, with the names of the two models."""
    if not test.clips:
        return (
            f"{first} and {second} were tested on different recordings, so they cannot be compared "
            "recording by recording: train both with the same data and seed."
        )
    where = f"On the {test.clips} recordings that both were tested on"
    if not test.first_only + test.second_only:
        return f"{where}, {first} and {second} are correct on exactly the same recordings."
    counts = (
        f"{where}, only {first} is correct on {test.first_only}, and only {second} on "
        f"{test.second_only}"
    )
    if test.p >= SIGNIFICANCE:
        return f"{counts}: the difference could be chance ({_p(test.p)})."
    better = first if test.first_only > test.second_only else second
    return f"{counts}: {better} is significantly better ({_p(test.p)})."


def differences(recipes: Sequence[Recipe]) -> tuple[Difference, ...]:
    """Return the fields in which the recipes differ, in the order of the recipe.

    A hyperparameter that a recipe's method ignores has the value NOT_READ.
    """
    found = (
        Difference(field.name, tuple(value_read(recipe, field.name) for recipe in recipes))
        for field in dataclasses.fields(Recipe)
    )
    return tuple(one for one in found if len(set(one.values)) > 1)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.3f}"
