"""What is particular to CelebA (Liu et al., 2015): its forty attributes, and the split that shares identities between train and test."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

ATTRIBUTES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)


def attribute_columns(columns: Iterable[str]) -> list[str]:
    """The columns that hold the forty attributes, in their published order; empty unless all are there."""
    plain = {column.lower().replace("_", "").replace(" ", ""): column for column in columns}
    found = [plain.get(name.lower().replace("_", "")) for name in ATTRIBUTES]
    return [column for column in found if column is not None] if None not in found else []


def celeba_split(identities: np.ndarray) -> dict[str, np.ndarray]:
    """Re-split CelebA so that identities overlap: rows of train, valid and test, for identities [n] in the order of the identity file.

    Every fifth image of a person after the first (the 6th, 11th, ...) goes to valid if the identity is even and to test if it is
    odd; all others are train (Chaabouni et al., 2022, the published splitter): 169,444 / 16,669 / 16,486 of the 202,599 images.
    """
    identities = np.asarray(identities)
    order = np.argsort(identities, kind="stable")
    ordered = identities[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, bool)
    position = np.arange(len(ordered))
    count = np.empty(len(ordered), int)  # how many images of that person came before
    count[order] = position - np.maximum.accumulate(np.where(first, position, 0))
    away = (count > 0) & (count % 5 == 0)
    even = identities % 2 == 0
    return {"train": np.flatnonzero(~away), "valid": np.flatnonzero(away & even), "test": np.flatnonzero(away & ~even)}
