"""From a recipe to a checkpoint: train(recipe, run, on_event)."""
