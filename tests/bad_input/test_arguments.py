"""A wrong argument, or a path that cannot be used, is refused in one line before anything is made."""

from __future__ import annotations

import pytest

RUN = ("run", "-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput")

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("run", "-d", "tiny-shapes", "-m", "tiny-clasifier"),
            "no model is called 'tiny-clasifier'; did you mean tiny-classifier?",
        ),
        (
            ("run", "-d", "tiny-shape", "-m", "tiny-classifier"),
            "no data set is called 'tiny-shape'; did you mean tiny-shapes?",
        ),
        (("info", "figshare"), "no data set or model is called 'figshare'; did you mean figshare3064?"),
        (("data", "fetch", "kaggle7032"), "no data set is called 'kaggle7032'; did you mean kaggle7023?"),
        (("compare", "pose-cnnn", "pose-unet"), "no model is called 'pose-cnnn'; did you mean pose-cnn?"),
        ((*RUN, "--seeds", "0"), "--seeds 0 is not a number from 1 to 1000"),
        ((*RUN, "--seeds", "-1"), "--seeds -1 is not a number from 1 to 1000"),
        (("plan", *RUN[1:-1], "--seeds", "1000000"), "--seeds 1000000 is not a number from 1 to 1000"),
        ((*RUN, "--seed", "-1"), "--seed -1 is outside of 0 to 2147483647"),
        ((*RUN, "--jobs", "0"), "--jobs 0 is not a number from 1 to 1024"),
        ((*RUN, "--threads", "1000000"), "--threads 1000000 is not a number from 1 to 1024"),
        ((*RUN, "--judge", "zzz"), "no model is called 'zzz'"),
        ((*RUN, "--judge", "pose-unet"), "--judge pose-unet is a model for segmentation; name a classifier"),
        ((*RUN, "--weights", "/etc/passwd"), "the weights file /etc/passwd cannot be used: "),
        ((*RUN, "--weights", "/dev/zero"), "the weights file /dev/zero cannot be used: it is a device, not a file"),
        ((*RUN, "-m", "pose-cnn[dropout=2]"), "pose-cnn[dropout] is at least 0 and below 1, not '2'"),
        ((*RUN, "-m", "pose-cnn[dropout=.4,dropout=.5]"), "pose-cnn[dropout] is given twice; give it once"),
        ((*RUN, "--fold", "9"), "--fold 9 is not one of the 5 folds 0 to 4"),
        *(
            ((command, *RUN[1:-1], "--budget", given), f"--budget {given} is unknown; give full, quick, or a share of ")
            for command, given in [
                ("run", "huge"),
                ("run", "0of20"),
                ("plan", "20of20"),
                ("run", "3/2"),
                ("plan", "0.05"),
            ]
        ),
        (
            ("tune", "pose-cnn", "-d", "phantom", "--budget", "2of1"),
            "--budget 2of1 is unknown; give full, quick, or a ",
        ),
        ((*RUN, "--protocol", "best"), "--protocol best is unknown; give one of paper, official, grouped"),
        ((*RUN, "--executor", "rya"), "no executor is called 'rya'; did you mean ray?"),
        ((*RUN, "--device", "tpu"), "device 'tpu' is not known; use auto, cuda or cpu"),
        *(
            ((*RUN, f"--timeout={given}"), f"--timeout {given} is no time; give seconds, or leave it out")
            for given in ("-1", "0", "nan", "inf", "-inf")
        ),
        (
            ("run", "-d", "phantom", "-m", "pose-cnn", "--protocol", "official"),
            "no cell fits phantom with pose-cnn under protocol official",
        ),
        (
            ("run", "-d", "yesno253", "-m", "pose-unet"),
            "no cell fits yesno253 with pose-unet: no model has a task of the data set",
        ),
        (("run",), "nothing is selected; name data sets (-d) and models (-m), or give --all"),
        ((*RUN, "-m", "tiny-classifier[depth=2]"), "tiny-classifier has no parameter 'depth'; it has width"),
        ((*RUN, "-m", "tiny-classifier[width=wide]"), "tiny-classifier[width] is of type int, not 'wide'"),
        ((*RUN, "-m", "pose-cnn[dropout=nan]"), "pose-cnn[dropout] is a finite number, not 'nan'"),
        ((*RUN, "-m", "tiny-classifier[width=8"), "tiny-classifier[width=8 has an opening bracket and no closing one"),
        (("run", "-d", "kaggle7023", "-m", "tiny-classifier"), "kaggle7023 is not in"),
        (("show", "0123"), "no record in runs has a cell key that begins with '0123'"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_wrong_argument_is_refused_with_what_would_be_right(refusal, arguments, line):
    assert refusal(*arguments).startswith(line)


def test_cuda_is_refused_where_there_is_none(refusal):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA GPU, so that --device cuda is right")
    assert (
        refusal(*RUN, "--device", "cuda")
        == "device cuda: there is no usable CUDA GPU on this machine, or torch was built without CUDA; use --device cpu or --device auto"
    )


@pytest.mark.parametrize(
    "command",
    [RUN, ("plan", "--all"), ("data", "verify", "yesno253"), ("info", "yesno253")],
    ids=lambda command: command[0],
)
def test_a_data_root_that_is_no_folder_is_named_with_where_it_came_from(refusal, tiny, monkeypatch, command):
    (tiny / "a-file").touch()
    for root in (tiny / "nowhere", tiny / "a-file"):
        monkeypatch.setenv("TUMORBENCH_DATA", str(root))
        assert refusal(*command) == (
            f"the data root {root} (--data-root or TUMORBENCH_DATA) is not a folder; name the folder that holds one folder per data set"
        )


def test_nothing_is_computed_where_one_of_the_names_is_wrong(tumorbench, tiny):
    result = tumorbench(*RUN, "-m", "tiny-clasifier")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not list(tiny.glob("runs/*"))


def test_a_path_that_cannot_be_written_is_one_line(tumorbench, tiny):
    (tiny / "a-file").touch()
    for arguments in (
        ("new-plugin", "never-made", "--folder", "a-file"),
        ("data", "fetch", "yesno253", "--data-root", "a-file"),
    ):
        result = tumorbench(*arguments)
        assert (result.code, result.err.count("\n")) == (2, 1), result.err
        assert result.err.startswith("tumorbench: a-file")
