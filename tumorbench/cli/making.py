"""``new-plugin`` and ``doctor``."""

from __future__ import annotations

import keyword
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import print_json, say
from tumorbench.cli.package import KINDS, commands, write_package
from tumorbench.cli.root import AsJson, DataRoot, app
from tumorbench.contracts.strangers import plugin_code
from tumorbench.errors import BadInput, TumorbenchError

__all__ = ["doctor", "new_plugin"]


@app.command("new-plugin")
def new_plugin(
    name: Annotated[str, typer.Argument(help="The package's name, such as my-models.")],
    kind: Annotated[str, typer.Option("--kind", help=f"What it provides: {', '.join(KINDS)}.")] = "model",
    folder: Annotated[Path, typer.Option(help="Where the package's folder is made.")] = Path(),
    author: Annotated[str, typer.Option(help="Who holds the copyright.", show_default="The authors of NAME")] = "",
) -> None:
    """Write a plugin package that works, ready to install, to test, to change and to publish.

    It has a README, a licence, tests, version bounds and a workflow for CI that checks style, contract, speed and
    results. What is printed are the commands that install it, test it and show it at work.
    """
    target, module = folder / name, name.replace("-", "_")
    if kind not in KINDS:
        raise BadInput(f"there is no kind {kind!r} of plugin; give --kind one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(module):
        raise BadInput(f"{name!r} is no package name; use lower-case letters, digits and single hyphens")
    if re.search(r'["\\@]', author) or not author.isprintable():
        raise BadInput(f"--author {author!r} cannot stand in pyproject.toml; leave out quotes, backslashes and @")
    if target.exists():
        raise BadInput(f"{target} exists already; give another name, or --folder")
    if find_spec(module):
        raise BadInput(f"{name!r} would hide the installed module {module}; give another name")
    write_package(target, name, kind, author)
    say(f"{target} is written. To install it, test it and see it at work:")
    say()
    for command in commands(target, name, kind):
        say(f"  {command}")


@app.command()
def doctor(data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """What this machine can do: versions, device, plugins, data sets, extractors."""
    from tumorbench import hardware
    from tumorbench.contracts.factory import load
    from tumorbench.data.locations import cache_root
    from tumorbench.data.locations import data_root as locate
    from tumorbench.data.reading import list_samples, open_dataset

    hardware.tune_allocator()
    found, device = registry.find(), hardware.choose_device("auto")
    report: dict[str, Any] = {
        "device": device, "native_bf16": hardware.native_bf16(device), "hardware": hardware.describe_hardware(device),
        "environment": hardware.describe_environment(), "cache": str(cache_root()), "data_root": str(locate(data_root)),
        "broken_plugins": _broken(found),
        "datasets": {spec.id: _available(lambda spec=spec: list_samples(spec, open_dataset(spec, locate(data_root)))) for spec in found.datasets.values()},
        "extractors": {spec.id: _available(lambda spec=spec: load(spec.factory)()) for spec in found.extractors.values()},
    }  # fmt: skip
    if as_json:
        print_json(report)
        return
    for name, value in report.items():
        if isinstance(value, dict):
            say(f"{name}:" if value else f"{name}: none")
            for key, each in value.items():
                say(f"  {key}: {each}")
        else:
            say(f"{name}: {value}")


def _broken(found: registry.Registry) -> dict[str, list[str]]:
    """Plugin -> what is wrong with it; those of one name together."""
    broken: dict[str, list[str]] = {}
    for plugin in found.plugins:
        if plugin.faults:
            broken.setdefault(plugin.name, []).extend(plugin.faults)
    return broken


def _available(use: Any) -> str:
    try:
        with plugin_code("its plugin"):
            use()
    except TumorbenchError as reason:
        return str(reason)
    return "available"
