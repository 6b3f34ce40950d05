"""The embedded default data set. Importing this module never imports NumPy, SciPy or nibabel."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb

__all__ = ["PHANTOM", "tumorbench_datasets"]

PHANTOM = tb.DatasetSpec(
    id="phantom",
    title="Phantom: synthetic tumours on MNI152 anatomy (synthetic)",
    version="1",  # raised whenever a pixel would change
    tasks=("classification", "segmentation", "generation"),
    classes=("glioma", "meningioma", "notumor", "pituitary"),
    mask_classes=("tumour",),
    licence="MIT for the lesions and the head; anatomy: ICBM 152 template, copyright McGill University, free use with this notice, as nilearn ships it",
    citation="V. S. Fonov et al.: Unbiased average age-appropriate atlases for pediatric studies, NeuroImage 54(1): 313-327, 2011 (anatomy); tumorbench (lesions)",
    source=tb.Source(homepage="https://www.bic.mni.mcgill.ca/ServicesAtlases/ICBM152NLin2009"),
    patients_known=True,
    spacing=tb.PixelSpacing(height=128, width=128, mm=1.75),
    synthetic=True,
    quick_share=0.4,
    quick_size=96,
    counts={"all": {"glioma": 60, "meningioma": 60, "notumor": 60, "pituitary": 60}},
    notes=(
        "Synthetic: every patient is the same averaged brain in another pose, contrast and noise. A score here says that the software works, nothing about tumours.",
        "60 patients, 4 axial slices each, 128x128 pixels of 1.75 mm. Slice levels of notumor patients are drawn like those of the others.",
    ),
    factory="tumorbench_phantom.phantom:Phantom",
)


@tb.hookimpl
def tumorbench_datasets() -> Iterable[tb.DatasetSpec]:
    """The phantom's card."""
    return [PHANTOM]
