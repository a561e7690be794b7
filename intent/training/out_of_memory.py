"""When the accelerator's memory is too small: fewer clips at a time, as many to a step."""

import dataclasses
import math

from intent.errors import RecipeError
from intent.recipes import Recipe
from intent.runs.events import Halved


def halved(recipe: Recipe) -> Recipe | None:
    """Return the recipe with half the batch and as many more passes to a step; None if none can be.

    The clips of a step stay as many: a batch that is odd shrinks to the largest part of it that
    divides them. Of leave-one-out the batch is the regression itself, so that it stays.
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
    except RecipeError:  # more passes than a recipe can have
        return None


def with_less_memory(recipe: Recipe, train_clips: int) -> tuple[Recipe, Halved] | None:
    """Return a recipe that needs less memory, and what to tell of it; None where there is none.

    For leave-one-out it is the same recipe, whose batch goes through the network in two passes.
    """
    if recipe.method == "leave-one-out":
        return recipe, Halved(math.ceil(min(recipe.batch_size, train_clips) / 2), 2)
    smaller = halved(recipe)
    return smaller and (smaller, Halved(smaller.batch_size, smaller.accumulation_steps))
