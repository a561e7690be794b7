"""Train a checkpoint from a recipe: train(recipe, run, on_event)."""
