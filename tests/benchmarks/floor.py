"""The arithmetic that a recipe cannot do without."""

from intent.estimate.flops import LEARNING_PASSES, Arithmetic, Clips, clip_costs
from intent.recipes import Recipe
from intent.training.leave_one_out.frames import FRAMES


def arithmetic(recipe: Recipe, clips: Clips) -> Arithmetic:
    """Return what a recipe has to compute: matrix products and convolutions, nothing twice.

    Frozen layers hear each clip and altered copy once, the window as long as the recipe's (other
    encoders: as the mean clip); what learns runs forward and backward once an epoch, and once over
    the test clips. Solving a head and calibrating are not counted.
    """
    costs = clip_costs(recipe, clips.seconds)
    hearing = (clips.train * (recipe.copies + 1) + clips.test) * costs.frozen
    if recipe.method == "closed-form":
        return Arithmetic(hearing, 0)
    learnt = LEARNING_PASSES * recipe.epochs * clips.train
    if recipe.method == "leave-one-out":
        return Arithmetic(hearing, learnt * FRAMES * costs.learning)
    return Arithmetic(hearing, (learnt * (recipe.copies + 1) + clips.test) * costs.learning)
