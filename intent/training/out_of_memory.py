"""Continue a run that ran out of memory: fewer clips at a time, but as many per step."""

import dataclasses
import math

from intent.errors import RecipeError
from intent.recipes import Recipe
from intent.runs.events import Halved


def halved(recipe: Recipe) -> Recipe | None:
    """Return the recipe with half the batch size and more accumulation steps, or None.

    The clips per step stay the same: an odd batch shrinks to the largest size below half of it
    that divides them. The batch of leave-one-out training cannot be halved, since the regression
    is fitted on it.
    """
    if recipe.method != "fine-tune" or recipe.batch_size == 1:
        return None
    clips = recipe.batch_size * recipe.accumulation_steps
    batch = next(n for n in range(recipe.batch_size // 2, 0, -1) if clips % n == 0)
    try:
        return dataclasses.replace(
            recipe,
            batch_size=batch,
            accumulation_steps=clips // batch,
            eval_batch_size=max(1, recipe.eval_batch_size // 2),
        )
    except RecipeError:  # more accumulation steps than a recipe may have
        return None


def with_less_memory(recipe: Recipe, train_clips: int) -> tuple[Recipe, Halved] | None:
    """Return a recipe that needs less memory and the event to report, or None if there is none.

    For leave-one-out it is the same recipe; its batch goes through the network in two passes.
    """
    if recipe.method == "leave-one-out":
        return recipe, Halved(math.ceil(min(recipe.batch_size, train_clips) / 2), 2)
    smaller = halved(recipe)
    if smaller is None:
        return None
    return smaller, Halved(smaller.batch_size, smaller.accumulation_steps)
