"""What each protocol means, in two sentences a board."""

from __future__ import annotations

from collections.abc import Iterable

from tumorbench.contracts.problem import Protocol

__all__ = ["protocols_in_words"]

NOT_SEEN = (
    "five folds; no patient, known or recovered, and no near-copy is in two of training, validation and test, and "
    "weights that a cell starts from have seen none of it"
)
MEANS: dict[str, dict[Protocol, str]] = {
    "classification": {
        "paper": "the split of the source publication, in most at random over slices, so that slices of one patient "
        "and copies of one slice are on both sides. The value says whether the publication's number can be reached, "
        "not how often the model is right about a new patient.",
        "official": "the train and test folders, or the folds, that the data set's author made; validation is carved "
        "out of training by patients and near-copies. Copies between the author's parts stay where they are, and the column "
        '"split" counts them.',
        "grouped": f"{NOT_SEEN}. The value is how often the model is right about patients it has not seen, of the same "
        "source as those it learned from.",
        "external": "learned from another data set, and tested on the folds of `grouped`, after every slice was taken "
        "out of training that matches a test slice, its near-copies or its patient; classes that only one of the two "
        "sets has are left out. The value is how much holds where hospital, scanner and selection change, and compares "
        "only among rows trained on the same set.",
    },
    "segmentation": {
        "paper": "the split of the source publication, in most at random over slices, so that neighbouring slices of "
        "one tumour are on both sides. The value says whether the publication's number can be reached, not how well "
        "the tumour of a new patient is outlined.",
        "official": "the train and test folders, or the folds, that the data set's author made; validation is carved "
        "out of training by patients and near-copies. Slices of one patient between the author's parts stay where they are, "
        'and the column "split" counts them.',
        "grouped": f"{NOT_SEEN}. The value is how well the tumours of patients it has not seen are outlined, of the "
        "same source as those it learned from.",
        "external": "learned from another data set with masks of the same kind, and tested on the folds of `grouped`, "
        "after every slice was taken out of training that matches a test slice, its near-copies or its patient. The "
        "value is how much holds where hospital, scanner and whoever drew the masks change, and compares only among "
        "rows trained on the same set.",
    },
    "generation": {
        "paper": "the split of the source publication; where it holds nothing out, the generator is compared with "
        "images that it learned from. A generator that repeats its training images then looks good.",
        "official": "the test folder, or the folds, of the data set's author are the reference images. Those with copies "
        'in training, which the column "split" counts, reward a generator that repeats its training images.',
        "grouped": f"{NOT_SEEN}. The reference images are of patients that the generator has not seen, so that "
        "repeating training images does not bring it closer to them.",
        "tstr": "a fixed classifier learns from what a generator makes and is tested on real images, on the split of "
        "`grouped`. The value is what the generated images are worth to a classifier of patients that neither has seen.",
        "tstr-paper": "the same on the split of `paper`, leaks included. It stands beside a publication's value and "
        "says little about new patients.",
    },
}


def protocols_in_words(task: str, present: Iterable[Protocol]) -> str:
    """A list of what each of the protocols ``present`` means on the task's board; ``grouped``, which ranks, is always there."""
    shown = {*present, "grouped"}
    lines = [f"- `{protocol}`: {text}" for protocol, text in MEANS[task].items() if protocol in shown]
    return "\n".join(["What a protocol means:", "", *lines])
