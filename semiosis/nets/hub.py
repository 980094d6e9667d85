"""Files of the Hugging Face Hub, through its own library and cache."""

from __future__ import annotations

import os
import re
from pathlib import Path

from semiosis.errors import UsageError
from semiosis.extras import first_line, need
from semiosis.scenes.hub import online

HUB = "hub:"
FILES = ("model.safetensors", "pytorch_model.bin")  # as repositories call their weights


def local(weights: str) -> Path:
    """The file of weights on this machine: itself, or that of `hub:OWNER/NAME` or `hub:OWNER/NAME/FILE`, downloaded unless it is cached.

    A repository without a FILE is asked for `model.safetensors`, then `pytorch_model.bin`. Raises UsageError when it cannot be had.
    """
    if not weights.startswith(HUB):
        return Path(weights).expanduser()
    repository, file = named(weights)
    return fetched(repository, (file,) if file else FILES)


def named(weights: str) -> tuple[str, str | None]:
    """The repository, and the file if one is named, of `hub:OWNER/NAME` or `hub:OWNER/NAME/FILE`."""
    found = re.fullmatch(rf"{HUB}([\w.-]+/[\w.-]+)(?:/(.+))?", weights)
    if not found:
        raise UsageError(f"{weights!r} does not name weights on the Hub: expected hub:OWNER/NAME or hub:OWNER/NAME/FILE")
    return found[1], found[2]


def fetched(repository: str, files: tuple[str, ...]) -> Path:
    """The first of these files that a repository of the Hub has; without a network, that the cache has. Raises UsageError if none."""
    connected = online()
    if not connected:  # before the library is imported, which reads this once
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    hub = need("huggingface_hub", f"a file from the Hub ({repository})")
    said = f"cannot get {' or '.join(files)} of {repository!r} from the Hugging Face Hub"
    reason = ""
    for file in files:
        try:
            return Path(hub.hf_hub_download(repository, file, local_files_only=not connected))
        except (hub.errors.EntryNotFoundError, hub.errors.LocalEntryNotFoundError) as error:
            reason = first_line(error) if connected else "this machine is offline, and its cache does not have it"
        except Exception as error:  # connection, missing or gated repository, full disk: all say why
            raise UsageError(f"{said}: {first_line(error)}") from error
    raise UsageError(f"{said}: {reason}")
