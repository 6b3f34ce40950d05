"""Whatever is written into brackets and arguments: an exit code of 0, 1 or 2, and one line where it is refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tumorbench import registry
from tumorbench.errors import BadInput

FEW = settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=400)

PIECES = st.sampled_from(
    ["[", "]", "[[", "]]", ",", ",,", "=", "==", " ", "dropout", "dense_dropout", ".4", "2", "-1", "1e3", "0x10", "nan", "inf",
     "9" * 40, "\u0663", "\udcff", "\x1b[2J", "\n", "True", "pose-cnn", "timm/", "/", "*", "..", "[" * 1000]
)  # fmt: skip
TEXTS = st.text(max_size=20) | st.lists(PIECES, max_size=8).map("".join)
NAMES = TEXTS | TEXTS.map(lambda text: f"pose-cnn[{text}]") | TEXTS.map(lambda text: f"pose-cnn[dropout={text}]")
NUMBERS = st.sampled_from(
    ["0", "1", "-1", "4", "1000", "1000000", "9" * 30, "nan", "inf", "-inf", "1e400", "", "x", "\u0663"]
)
OPTIONS = st.one_of(
    st.tuples(st.sampled_from(["-m", "--model"]), NAMES),
    st.tuples(st.sampled_from(["-d", "--dataset"]), TEXTS | st.just("tiny-shapes")),
    st.tuples(st.sampled_from(["--seeds", "--seed", "--fold", "--timeout", "--jobs", "--threads"]), NUMBERS),
    st.tuples(
        st.sampled_from(["--protocol", "--budget", "--device", "--judge", "--executor"]), TEXTS | st.just("grouped")
    ),
    st.tuples(st.just("--weights"), st.sampled_from(["/etc/passwd", "/dev/null", "/", "nowhere", "a" * 300])),
    st.tuples(TEXTS),
)


@pytest.fixture(scope="module")
def found():
    return registry.find()


@MANY
@given(name=NAMES)
def test_a_model_s_name_is_a_card_or_one_line(found, name):
    try:
        spec = found.model(name)
    except BadInput:
        return
    assert found.model(spec.id) == spec, "the id of a card names the card"
    assert 0 <= spec.recipe.params.get("dropout", 0) < 1


@FEW
@given(
    command=st.sampled_from(["plan", "run", "info", "list", "compare", "show", "bench", "new-plugin", "data"]),
    options=st.lists(OPTIONS, max_size=4),
)
def test_a_command_line_is_done_or_refused_in_one_line(tumorbench, tiny, command, options):
    arguments = [argument.replace("\0", "") for option in options for argument in option]
    if command == "run":
        arguments.append("--dry-run")
    result = tumorbench(command, *arguments)
    assert result.code in (0, 1, 2)
    assert "Traceback" not in result.err
    assert "fault of tumorbench" not in result.err
    if result.code == 2 and result.err:
        assert sum(line.startswith("tumorbench: ") for line in result.err.splitlines()) == 1
