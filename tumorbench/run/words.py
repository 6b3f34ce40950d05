"""Whether torch takes what a recipe says of its optimizer and schedule, found out before anything is run."""

from __future__ import annotations

from tumorbench.contracts.recipe import Recipe

__all__ = ["require_words"]


def require_words(recipe: Recipe, n: int) -> None:
    """Torch takes the recipe's optimizer and schedule, over epochs of ``n`` slices. Raises: BadInput, in one line.

    Torch is loaded where the recipe says more of them than its card can check by itself, and not otherwise.
    """
    if recipe.optimizer.is_usual and (recipe.schedule is None or recipe.schedule.is_usual):
        return
    from tumorbench.data.batches import steps_in_epoch
    from tumorbench.training.stepping import require_known_words

    require_known_words(recipe, steps_in_epoch(n, recipe))
