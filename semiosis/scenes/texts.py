"""What the classes of well-known sets look like, in words: written for this program, with words that several classes share."""

from __future__ import annotations

# Only what is there is said, since a reader of words without their order takes "without corners" for corners. The texts of digits build
# each shape of a few parts, so that a digit never described before can be told by parts that others have.
DIGITS = {
    "0": "A single closed loop: a wide, round and hollow curve through top, right, bottom and left.",
    "1": "A single straight, narrow, vertical stroke, thin and long, with an open end at the top and at the bottom.",
    "2": "An open curve, round at the top right, then a diagonal stroke to a corner at the bottom left, and a horizontal end.",
    "3": "A double open curve, round at the right of the top and of the bottom, with a corner in the middle and each end at the left.",
    "4": "An open corner at the left, and a horizontal stroke crossing a long, straight, vertical stroke with its end at the bottom right.",
    "5": "A horizontal stroke at the top, a corner at the left, a short vertical stroke, and an open curve, round at the bottom right.",
    "6": "A long curve from an open end at the top, by the left, into a small, closed, round loop at the bottom.",
    "7": "A straight horizontal stroke at the top, a corner at the right, and a long diagonal stroke to an open end at the bottom.",
    "8": "A double closed loop: small and round at the top and at the bottom, with a curve crossing in the narrow middle.",
    "9": "A small, closed, round loop at the top, and a long, straight stroke at the right to an open end at the bottom.",
}
CIFAR10 = {
    "airplane": "A machine of metal with long wings, a tail and windows, white or grey, flying in the blue sky or on a runway.",
    "automobile": "A small machine of shiny metal with four wheels, windows and lights, red, grey, black or white, on a road.",
    "bird": "A small animal with feathers, wings, a beak, a tail and thin legs, brown or grey, on a branch or flying in the sky.",
    "cat": "A small animal with soft fur, pointed ears, whiskers, paws and a long tail, grey, black or orange, indoors.",
    "deer": "A slender animal with brown fur, long thin legs, large ears and antlers, standing on green grass or in a forest.",
    "dog": "An animal with soft fur, hanging ears, a dark nose, paws and a tail, brown, white or black, on grass or indoors.",
    "frog": "A small animal with smooth wet skin, large eyes and bent legs, green or brown, on leaves or in water.",
    "horse": "A large animal with a mane, a long tail, a long head and four legs, brown, black or white, standing on grass.",
    "ship": "A large long machine of metal with a hull, a deck and masts, white, grey or red, on blue water under the sky.",
    "truck": "A large heavy machine of metal with many wheels, a cab, windows, lights and a box for cargo, red, white or blue, on a road.",
}


def embedded(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The texts of classes by their names, if they are, in any order, the ten digits or the ten classes of CIFAR-10; else none."""
    known = next((texts for texts in (DIGITS, CIFAR10) if len(classes) == len(texts) and set(classes) == set(texts)), {})
    return tuple(known[name] for name in classes) if known else ()
