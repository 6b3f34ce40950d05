"""Cards in words: how a report split its data, how large its model is, what each budget runs."""

from __future__ import annotations

from tumorbench.contracts.cards import ModelSpec, SplitRule
from tumorbench.contracts.recipe import Recipe
from tumorbench.tables.markdown import plain, plural

__all__ = ["budget_in_words", "budgets_in_words", "parameters_in_words", "split_in_words"]

BY_SLICE = "Slices are drawn one by one: patients are not kept apart."


def split_in_words(rule: SplitRule | None, recipe: Recipe) -> str:
    """The report's protocol, as the card's rule and recipe say it."""
    if rule is None:
        return (
            "The report's protocol: the card gives no split for this data set, so the `paper` protocol does not run on "
            "it."
        )
    match rule.kind:
        case "counts":
            words = f"{_counted(rule.test)} slices drawn at random for test; {_validation(rule)}. {BY_SLICE}"
        case "sizes":
            words = f"{_counted(rule.test)} of all slices drawn at random for test; {_validation(rule)}. {BY_SLICE}"
        case "official":
            words = f"the data set's own training and test folders; {_validation(rule)}."
        case "everything":
            words = "every slice is trained on, and the same slices are the test part; nothing is held out."
    copies = recipe.augmented_test_copies
    besides = (
        f" Its test part holds {copies:,} augmented {'copy' if copies == 1 else 'copies'} of each test slice besides."
        if copies
        else ""
    )
    return f"The report's protocol: {words}{besides}"


def _counted(counts: dict[str, int] | float | None) -> str:
    """``142 meningioma, 286 glioma`` with their sum, or a total."""
    if not isinstance(counts, dict):
        return f"{counts or 0:,}"
    return (
        f"{', '.join(f'{count:,} {plain(name)}' for name, count in counts.items())} ({sum(counts.values()):,} in all)"
    )


def _validation(rule: SplitRule) -> str:
    """What is held out of the rest for validation; an official split takes a share only, whatever the rule says."""
    if isinstance(rule.val, float):
        return (
            f"{100 * rule.val:.3g} % of the rest for validation" if rule.val else "nothing is held out for validation"
        )
    if rule.val is None or rule.kind == "official":
        return "the harness holds out its usual share of the rest for validation"
    return f"{_counted(rule.val)} of the rest for validation"


def parameters_in_words(spec: ModelSpec) -> str:
    """The count that the card states, and for which input."""
    if (stated := spec.parameters) is None:
        return "Parameters: the card states no count."
    about = f" ± {stated.tolerance:,}" if stated.tolerance else ""
    training = "all trainable" if stated.trainable == stated.total else f"{stated.trainable:,} trainable"
    problem = stated.problem
    outputs = (
        f"{len(problem.mask_classes)} + 1 classes of pixels"
        if problem.mask_classes
        else f"{len(problem.classes)} classes"
    )
    images = f"images of {problem.size} x {problem.size} x {problem.channels}, {outputs}"
    return f"Parameters: {stated.total:,}{about}, {training} ({images})."


def budgets_in_words(recipe: Recipe) -> str:
    """What the full and the quick budget run."""
    return f"Full budget: {budget_in_words(recipe)}. Quick budget: {budget_in_words(recipe.for_budget('quick'))}."


def budget_in_words(recipe: Recipe) -> str:
    """``6 epochs x 40 steps, batch 32, 128 x 128`` of a recipe as a budget runs it."""
    steps = f" x {plural(recipe.steps_per_epoch, 'step')}" if recipe.steps_per_epoch else ""
    size = recipe.preprocessing.size
    return f"{plural(recipe.epochs, 'epoch')}{steps}, batch {recipe.batch_size}, {size} x {size}"
