"""The cards: where each set comes from, what it holds as published, and what decides the meaning of a number on it."""

from __future__ import annotations

from tumorbench import DatasetSpec, PixelSpacing, Source, SourceFile
from tumorbench_datasets.known import known

__all__ = ["ALL", "FIGSHARE3064", "KAGGLE3264", "KAGGLE7023", "YESNO253"]

FIGSHARE_FILES = "https://ndownloader.figshare.com/files"  # + "/ID", anonymous
KAGGLE = "https://www.kaggle.com/datasets"
KAGGLE7023_ZIP = (  # to be a SourceFile once the fetch sees the archive; one public repository recorded it
    "The zip of version 1 is recorded with SHA-256 048b7413ce05bb52627046cfa5cde097b12e865aa80f6110959f547fd6fe4ef1: compare a manual download with it."
)

FIGSHARE3064 = DatasetSpec(
    id="figshare3064",
    title="Figshare brain tumor dataset (Cheng): T1 contrast-enhanced slices with tumour masks",
    version="1512427",  # the article; the archives' MD5s pin its content
    tasks=("classification", "segmentation", "generation"),
    classes=("meningioma", "glioma", "pituitary"),
    mask_classes=("tumour",),
    licence="CC BY 4.0",
    citation=(
        "J. Cheng: brain tumor dataset, figshare, 2017, doi:10.6084/m9.figshare.1512427; J. Cheng et al.: Enhanced Performance of Brain Tumor "
        "Classification via Tumor Region Augmentation and Partition, PLOS ONE 10(10): e0140381, 2015"
    ),
    source=Source(
        homepage="https://doi.org/10.6084/m9.figshare.1512427",
        files=(
            SourceFile(
                name="brainTumorDataPublic_1-766.zip",
                url=f"{FIGSHARE_FILES}/3381290",
                bytes=214401279,
                hash="md5:74b949ad33f042e6e103523091cd1428",
            ),
            SourceFile(
                name="brainTumorDataPublic_767-1532.zip",
                url=f"{FIGSHARE_FILES}/3381296",
                bytes=217848429,
                hash="md5:7e8a875500d2c8a346f270538e29890e",
            ),
            SourceFile(
                name="brainTumorDataPublic_1533-2298.zip",
                url=f"{FIGSHARE_FILES}/3381293",
                bytes=215563856,
                hash="md5:8227bf6080cb71f15a88be8d25c79ae7",
            ),
            SourceFile(
                name="brainTumorDataPublic_2299-3064.zip",
                url=f"{FIGSHARE_FILES}/3381302",
                bytes=231679762,
                hash="md5:b378a80d6174e5317d59eb28430c6652",
            ),
            SourceFile(
                name="cvind.mat", url=f"{FIGSHARE_FILES}/7005344", bytes=5736
            ),  # the author's folds; no hash is published
        ),
    ),
    patients_known=True,
    spacing=PixelSpacing(height=512, width=512, mm=0.49),  # as Cheng et al. 2015 state it
    official_folds=5,  # cvind.mat; the column cv_fold of the conversion
    counts={"all": {"meningioma": 708, "glioma": 1426, "pituitary": 930}},
    notes=(
        "A split by slice puts 195 of the 233 patients on both sides.",
        "18 patient IDs differ from another by a letter suffix only and may be the same person: the grouped protocol uses the base ID (209 groups).",
        "The official protocol is the author's own five folds (cvind.mat): no patient ID is in two of them, but 15 base IDs are, with 652 slices.",
        "Credible published accuracy is 89-95 % patient-wise and 96-99 % slice-wise; Dice is .72-.83 slice-wise, with no trustworthy patient-wise figure.",
        "The tumour covers 1.7 % of the pixels.",
    ),
    known=known("figshare3064"),
    factory="tumorbench_datasets.figshare3064:open_figshare3064",
)

KAGGLE7023 = DatasetSpec(
    id="kaggle7023",
    title="Kaggle Brain Tumor MRI Dataset (Nickparvar), version 1: four classes",
    version="kaggle-1",
    tasks=("classification", "generation"),
    classes=("glioma", "meningioma", "notumor", "pituitary"),
    licence="CC0 1.0 as its uploader declares; its Figshare part is CC BY 4.0 (credit J. Cheng)",
    citation="M. Nickparvar: Brain Tumor MRI Dataset, Kaggle, 2021, doi:10.34740/KAGGLE/DSV/2645886",
    source=Source(
        homepage=f"{KAGGLE}/masoudnickparvar/brain-tumor-mri-dataset",
        kaggle="masoudnickparvar/brain-tumor-mri-dataset/versions/1",
    ),
    patients_known=False,
    official_split=True,
    counts={
        "train": {"glioma": 1321, "meningioma": 1339, "notumor": 1595, "pituitary": 1457},
        "test": {"glioma": 300, "meningioma": 306, "notumor": 405, "pituitary": 300},
    },
    notes=(
        "216 of the 1,311 test images have a pixel-identical twin in training, and about 36 % have a near-identical one.",
        "Every tumour test image that can be traced comes from a patient who is also in training.",
        "Contains Figshare slices, often cropped or rotated by 90 degrees, and images of kaggle3264.",
        "Published accuracy is 99.2 % on the official split and 95.2 % patient-disjoint.",
        "Since February 2026 the default on Kaggle is version 2 with 7,200 images: another data set.",
        f"No hash is checked: kagglehub unpacks the archive and deletes it, so that counts and decoding vouch for a copy. {KAGGLE7023_ZIP}",
    ),
    known=known("kaggle7023"),
    factory="tumorbench_datasets.folders:Kaggle7023",
)

KAGGLE3264 = DatasetSpec(
    id="kaggle3264",
    title="Kaggle Brain Tumor Classification (MRI) (Bhuvaji): four classes",
    version="kaggle-3",
    tasks=("classification", "generation"),
    classes=("glioma", "meningioma", "notumor", "pituitary"),
    licence="MIT on an uploader's copy, not verified",
    citation="S. Bhuvaji, A. Kadam, P. Bhumkar, S. Dedge, S. Kanchan: Brain Tumor Classification (MRI), Kaggle, 2020, doi:10.34740/KAGGLE/DSV/1183165",
    source=Source(
        homepage=f"{KAGGLE}/sartajbhuvaji/brain-tumor-classification-mri",
        kaggle="sartajbhuvaji/brain-tumor-classification-mri/versions/3",
    ),
    patients_known=False,
    official_split=True,
    counts={
        "train": {"glioma": 826, "meningioma": 822, "notumor": 395, "pituitary": 827},
        "test": {"glioma": 100, "meningioma": 115, "notumor": 105, "pituitary": 74},
    },
    notes=(
        "251 of the 394 test images are pixel-identical to a training image; not one of the no-tumour test images is clean.",
        "The test gliomas come from another source than the training gliomas, and 14 images are mislabelled.",
        "Contains Figshare slices, often cropped or rotated by 90 degrees.",
    ),
    known=known("kaggle3264"),
    factory="tumorbench_datasets.folders:Kaggle3264",
)

YESNO253 = DatasetSpec(
    id="yesno253",
    title="Kaggle Brain MRI Images for Brain Tumor Detection (Chakrabarty): tumour yes or no",
    version="kaggle-1",
    tasks=("classification", "generation"),
    classes=("no", "yes"),
    licence="unknown",
    citation="N. Chakrabarty: Brain MRI Images for Brain Tumor Detection, Kaggle, 2019",
    source=Source(
        homepage=f"{KAGGLE}/navoneel/brain-mri-images-for-brain-tumor-detection",
        kaggle="navoneel/brain-mri-images-for-brain-tumor-detection/versions/1",
    ),
    equivalents={"no": ("notumor",), "yes": ("glioma", "meningioma", "pituitary")},
    patients_known=False,
    counts={"all": {"no": 98, "yes": 155}},
    notes=(
        "75 of the 253 images have a near-identical twin in the set; most also occur in the other Kaggle sets.",
        "Sizes and modes vary (JPEG and PNG; RGB, grey, RGBA, palette): everything is read as grey, transparency on black.",
    ),
    known=known("yesno253"),
    factory="tumorbench_datasets.folders:Yesno253",
)

ALL = (FIGSHARE3064, KAGGLE7023, KAGGLE3264, YESNO253)
