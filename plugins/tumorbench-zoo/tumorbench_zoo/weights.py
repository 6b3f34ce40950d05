"""Published weights: from the caches of their libraries, else downloaded into them; a machine without network learns it in seconds."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import segmentation_models_pytorch as smp
import timm
import torch
from huggingface_hub.errors import EntryNotFoundError
from safetensors.torch import load_file
from torch import Tensor

from tumorbench import BadInput, Unavailable
from tumorbench_zoo.names import timm_config, with_setting

__all__ = ["smp_weights", "timm_weights"]

PATIENCE_S = 4.0  # for one answer of the server, before anything is downloaded
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # the first that a repository has
YES = ("1", "on", "yes", "true")


def timm_weights(name: str) -> dict[str, Tensor]:
    """The state dict of ``timm/NAME`` with the weights that timm publishes, its own classifier included.

    Raises: Unavailable, in one line; BadInput where timm has no such weights.
    """
    config = timm_config(name.removeprefix("timm/"))
    if not config.has_weights:
        raise BadInput(
            f"timm publishes no weights of {name.removeprefix('timm/')}; give some with --weights FILE, or name another model"
        )
    if cached := _in_torch_cache(config):
        overlay: dict[str, Any] = {"file": str(cached)}
    elif config.hf_hub_id:
        repository, _, revision = config.hf_hub_id.partition("@")
        files = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
        path = _hub_file(name, repository, revision or None, files)
        overlay = {
            "file": str(path),
            "custom_load": config.custom_load if config.hf_hub_filename else False,
        }  # without a name of its own the file is a state dict
    else:
        overlay = {"file": str(_torch_file(name, config.url))}
    return _decoded(
        name,
        overlay["file"],
        lambda: timm.create_model(
            name.removeprefix("timm/"), pretrained=True, pretrained_cfg_overlay=overlay
        ).state_dict(),
    )


def smp_weights(name: str) -> dict[str, Tensor]:
    """The state dict of one of smp's own encoders: ``smp/ENCODER.SETTING``. Raises: as ``timm_weights``."""
    encoder, _, _ = name.removeprefix("smp/").partition(".")
    published = smp.encoders.encoders.get(encoder, {}).get("pretrained_settings", {})
    sources = {with_setting(encoder, setting): source for setting, source in published.items()}
    if name not in sources:
        raise BadInput(
            f"segmentation-models-pytorch publishes no {name}; "
            + (f"it has {', '.join(sources)}" if sources else f"it has no encoder {encoder!r}")
        )
    path = _hub_file(name, sources[name]["repo_id"], sources[name]["revision"], HUB_FILES[:1])

    def load() -> dict[str, Tensor]:
        network = smp.encoders.get_encoder(encoder, weights=None)
        network.load_state_dict(load_file(path))
        return network.state_dict()

    return _decoded(name, str(path), load)


def _decoded(name: str, path: str, load: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What ``load`` gives. Raises: Unavailable, naming the file, where it cannot be read."""
    try:
        return load()
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise Unavailable(
            f"{path} does not hold the weights of {name} ({reason}); delete it and they are downloaded again"
        ) from error


def _hub_file(name: str, repository: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """The first of ``files`` that the Hugging Face cache has, else downloaded into it."""
    for file in files:
        cached = huggingface_hub.try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
    _require_network(
        name, huggingface_hub.constants.ENDPOINT, f"the Hugging Face cache, {huggingface_hub.constants.HF_HUB_CACHE}"
    )
    for file in files:
        try:
            return Path(huggingface_hub.hf_hub_download(repository, file, revision=revision, etag_timeout=PATIENCE_S))
        except EntryNotFoundError:
            continue
        except Exception as error:
            raise _unavailable(name, error) from error
    raise _unavailable(name, f"{repository} has none of {', '.join(files)}")


def _torch_file(name: str, url: str) -> Path:
    """The file at ``url``, downloaded into torch's cache."""
    folder = Path(torch.hub.get_dir(), "checkpoints")
    address = urllib.parse.urlsplit(url)
    _require_network(name, f"{address.scheme}://{address.netloc}", str(folder))
    path = folder / Path(address.path).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except Exception as error:
        raise _unavailable(name, error) from error
    return path


def _in_torch_cache(config: Any) -> Path | None:
    """The file of the config's own address, where torch's cache has it."""
    path = Path(torch.hub.get_dir(), "checkpoints", (config.url or "").rpartition("/")[2])
    return path if path.is_file() else None


def _require_network(name: str, server: str, cache: str) -> None:
    """The server answers. Raises: Unavailable where it does not, or where the environment forbids to ask."""
    for variable in ("TUMORBENCH_OFFLINE", "HF_HUB_OFFLINE"):
        if os.environ.get(variable, "").lower() in YES:
            raise Unavailable(
                f"the weights {name} are not in {cache}, and {variable} forbids to download them; unset it, or give a file with --weights FILE"
            )
    try:
        urllib.request.urlopen(urllib.request.Request(server, method="HEAD"), timeout=PATIENCE_S).close()  # noqa: S310 - the libraries' own servers
    except urllib.error.HTTPError:
        return  # it answers
    except (OSError, ValueError) as error:
        raise _unavailable(name, error) from error


def _unavailable(name: str, reason: object) -> Unavailable:
    told = " ".join(str(reason).split())[:160]
    return Unavailable(
        f"the weights {name} cannot be downloaded ({told}); give a file with --weights FILE, or run once on a machine with network"
    )
