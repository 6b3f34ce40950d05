"""What a plugin raises is told as the plugin's; a user's Ctrl-C stays one."""

from __future__ import annotations

import signal

import pytest

from tumorbench.contracts.strangers import plugin_code
from tumorbench.errors import BadInput, Stopped, Unavailable


def call(code, *arguments):
    with plugin_code("set: samples()"):
        code(*arguments)


def raising(error):
    raise error


def raising_later(error):
    try:
        raising(error)
    finally:
        error.args += ()


@pytest.mark.parametrize("raise_it", [raising, raising_later])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("a\nb"), "ValueError: a b"),
        (SystemExit(0), "SystemExit: 0"),
        (KeyboardInterrupt("mine"), "KeyboardInterrupt: mine"),
        (OSError(28, "No space left"), "OSError: [Errno 28] No space left"),
    ],
)
def test_whatever_it_raises_is_one_line_that_names_it(raise_it, error, told):
    with pytest.raises(BadInput) as caught:
        call(raise_it, error)
    assert str(caught.value) == f"set: samples() raised {told}; fix the plugin, or report it to its author"


@pytest.mark.parametrize("error", [Unavailable("not here"), BadInput("bad"), Stopped()])
def test_what_core_understands_passes(error):
    with pytest.raises(type(error)) as caught:
        call(raising, error)
    assert caught.value is error


def test_a_signal_interrupts_the_user_s_command():
    def interrupted():
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        call(interrupted)
