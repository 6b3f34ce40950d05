"""What stands on both sides of a row's splits, and what was taken out of them, in the few words of a board's column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.contracts.record import Leakage
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import integers
from tumorbench.tables.rows import Row, pretraining_leaks

__all__ = ["leaks"]


def leaks(row: Row, cards: BoardCards) -> str:
    """What stands on both sides of the split, the range over the cells, and what was taken out of it.

    ``patients unknown`` where nobody knows whose the test images are.
    """
    found = [cell.record.leakage for cell in row.cells if cell.record.leakage is not None]
    if not found:
        return "; ".join(["not measured", *_unknown(row, found, cards)])
    parts = [f"leaks: {', '.join(shared)}" if (shared := list(_shared(row, found, cards))) else "none"]
    return "; ".join([*parts, *_unknown(row, found, cards), *_of_pretraining(row, found), *_taken_out(row)])


def _shared(row: Row, found: Sequence[Leakage], cards: BoardCards) -> Iterator[str]:
    """The patients, the identical and the near-identical images that are on both sides; nothing where there is none."""
    patients = [leak.groups_on_both_sides for leak in found]
    touched = [leak.test_samples_of_shared_groups for leak in found]
    identical = [leak.identical_test_images for leak in found]
    near = [leak.near_identical_test_images for leak in found if leak.near_identical_test_images is not None]
    if not any([*patients, *touched, *identical, *near]):
        return
    dataset = cards.datasets.get(row.identity.dataset)
    # a set that does not know its patients had groups of identical images, before near-copies were measured
    noun = "patients" if near or (dataset and dataset.patients_known) else "duplicate groups" if dataset else "groups"
    tested = integers([leak.test_samples for leak in found])
    yield f"{integers(patients)} {noun} on both sides ({integers(touched)} of {tested} test images)"
    yield f"{integers(identical)} identical images"
    if near:
        yield f"{integers(near)} near-copies"


def _unknown(row: Row, found: Sequence[Leakage], cards: BoardCards) -> Iterator[str]:
    """Where the patients of test images are not known, and of how many where it is not all of them."""
    unknown = [leak.unknown_patient_test_images for leak in found if leak.unknown_patient_test_images is not None]
    dataset = cards.datasets.get(row.identity.dataset)
    tested = [leak.test_samples for leak in found]
    if (not unknown and dataset and not dataset.patients_known) or (any(unknown) and unknown == tested):
        yield "patients unknown"
    elif any(unknown):
        yield f"patients unknown of {integers(unknown)} of {integers(tested)} test images"


def _of_pretraining(row: Row, found: Sequence[Leakage]) -> Iterator[str]:
    """What the weights that the row's cells start from have seen, where that is something or was not measured."""
    if not any(pretraining_leaks(cell.record) for cell in row.cells):
        return
    seen = [leak.pretraining_test_images for leak in found if leak.pretraining_test_images is not None]
    if len(seen) == len(row.cells):
        tested = integers([leak.test_samples for leak in found])
        yield f"pre-training saw {integers(seen)} of {tested} test images"
    else:
        yield "what pre-training saw was not measured"


def _taken_out(row: Row) -> Iterator[str]:
    found = [cell.record.taken_out for cell in row.cells if cell.record.taken_out is not None]
    if found:
        yield f"{integers([taken.training_slices for taken in found])} matching training slices taken out"
        if any(taken.test_slices for taken in found):
            yield f"{integers([taken.test_slices for taken in found])} test slices of other classes left out"
