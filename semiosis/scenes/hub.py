"""Image sets of the Hugging Face Hub, through the `datasets` library and its cache."""

from __future__ import annotations

import os
import re
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from semiosis.errors import UsageError
from semiosis.extras import first_line, need
from semiosis.scenes import tables
from semiosis.scenes.types import Options, Source


class Entry(NamedTuple):
    """A set known by a short name: its repository, what it is, and the options it has unless they are given."""

    repository: str
    about: str
    options: Mapping[str, str] = MappingProxyType({})


SETS = {
    "mnist": Entry("ylecun/mnist", "70,000 handwritten digits, 28x28 grey, 10 classes"),
    "cifar10": Entry("uoft-cs/cifar10", "60,000 photographs, 32x32 colour, 10 classes"),
    "cifar100": Entry("uoft-cs/cifar100", "60,000 photographs, 32x32 colour, 100 classes in 20 groups (an attribute)"),
    "stl10": Entry("tanganke/stl10", "13,000 photographs, 96x96 colour, 10 classes"),
    "tiny-imagenet": Entry("zh-plus/tiny-imagenet", "110,000 photographs, 64x64 colour, 200 classes", {"channels": "3"}),
    "celeba": Entry("flwrlabs/celeba", "202,599 faces, fitted to 64x64 colour, 10,177 people, 40 attributes", {"side": "64"}),
    "caltech101": Entry("flwrlabs/caltech101", "8,677 photographs, fitted to 96x96 colour, 101 classes", {"side": "96", "channels": "3"}),
}


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """A named set, or `hub:OWNER/NAME`; options `side`, `channels`, and `config` for repositories that hold several."""
    entry = SETS.get(name) or Entry(name.removeprefix("hub:"), "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repository):
        raise UsageError(f"{name!r} does not name a set on the Hub: expected hub:OWNER/NAME, as in hub:ylecun/mnist")
    merged = {**entry.options, **opts}
    found = fetch(entry.repository, merged.pop("config", None))
    where = f"Hub set {entry.repository}"
    return tables.source(name, {split: _table(part, where) for split, part in found.items()}, merged)


def fetch(repository: str, config: str | None = None) -> Any:
    """Download a repository, or take it from the cache: a mapping from split to `datasets.Dataset`."""
    if not online():  # before the library is imported, which reads this once: it then looks in its cache at once, with no retries
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    datasets = need("datasets", f"data from the Hub ({repository})")
    need("PIL", f"data from the Hub ({repository})")
    try:
        return datasets.load_dataset(repository, config)
    except Exception as error:  # connection, missing repository, gated repository, several configurations, full disk: all say why
        raise UsageError(
            f"cannot load {repository!r} from the Hugging Face Hub: is this machine online, and does it exist? ({first_line(error)})"
        ) from error


def online() -> bool:
    """Whether the Hub's name can be resolved, or a proxy does it."""
    try:
        host = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname or ""
        return bool(urllib.request.getproxies()) or bool(socket.getaddrinfo(host, 443))
    except OSError:
        return False


def _table(dataset: Any, where: str) -> tables.Table:
    def batches(columns: list[str]) -> Iterator[Any]:
        return dataset.select_columns(columns).with_format("arrow").iter(batch_size=1024)

    return tables.Table(len(dataset), dataset.features.to_dict(), batches, where)
