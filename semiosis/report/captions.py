"""The pictures that commands draw of a run: by name, with a title and what they show, in the order of being looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Caption(NamedTuple):
    """What a picture is called, and what is to be seen in it, for those who see it and those who do not."""

    title: str
    shows: str


DRAWN = ("curves", "interventions", "crossplay", "probe")  # of these the page has drawings of its own
KNOWN = {
    "lexicon": Caption("Lexicon", "Messages, or how they begin, and examples of what each of them names."),
    "conversations": Caption("Conversations", "What both said at each step, and what the receiver thought, from word to word."),
    "alphabet": Caption("Alphabet", "The glyph that the generator draws for each message."),
    "glyphs": Caption("Sent and received", "Glyphs as they are drawn and, below, as they arrive through the channel."),
    "gallery": Caption("Sketches, drawn large", "Photos, the sender's sketch of each without pixels, and what the receiver finds."),
    "sketches": Caption("Sketches, as agents see them", "Photos, the sender's sketch of each, and what the receiver finds."),
    "recall": Caption("What signs call to mind", "What each agent imagines when it hears each sign."),
    "speaking": Caption("From mind to mind", "What one agent sees and says, and what the other draws when it hears it."),
    "confusion": Caption("Which sign for which class", "How often each agent names the things of a class (row) by a sign (column)."),
    "latents": Caption("What agents perceive", "Maps of what each agent makes of what it sees, coloured by class and by sign."),
    "agreement": Caption("Who calls things alike", "Cohen's kappa of the names that each pair of agents gives."),
    "prototypes": Caption("A class on average", "The mean of all sketches of each class, beside the mean of its photos."),
    "classes": Caption("Which class is found", "The class of the photo that was drawn (row) and of the one that was picked (column)."),
    "seeds": Caption("The same photos by every seed", "Sketches of the same photos by the senders of different seeds."),
    "answers": Caption("What is read", "The message that was meant (row) and the one that was read (column)."),
    "levels": Caption("Accuracy by level of noise", "How accuracy falls with the level of the channel, a line a seed."),
    "pairs": Caption("Who understands whom", "Accuracy of each agent of the first role with each of the second."),
    "attention": Caption("Where the sender looks", "The parts of images that the sender attends to at each step."),
    "steps": Caption("What is known when", "Accuracy, confidence and entropy of the receiver by step of the conversation."),
    "lengths": Caption("How long it takes to tell", "Mean length of the conversations about each class, with 95 % intervals."),
    "recognised": Caption("Recognised by strangers", "How often classifiers that never saw a sketch tell what is drawn."),
    "film": Caption("How it came to be", "The messages of one seed over training."),
    "between": Caption("From message to message", "How one message turns into another."),
}
WHICH = {"train": "on the training split", "valid": "on the validation split", "zero_shot": "zero-shot"}


def caption(name: str) -> Caption | None:
    """The caption of the picture NAME.png, or of NAME-SPLIT.png; None for one that the page draws itself."""
    folder, _, plain = name.rpartition("/")
    stem = plain.rpartition(".")[0]
    first, _, rest = stem.partition("-")
    if not folder and first in DRAWN:
        return None
    what = KNOWN.get(stem) or KNOWN.get(first)
    if what is None:
        return Caption(stem.replace("-", " ").replace("_", " "), f"The file {name}, as the run directory holds it.")
    more = "" if not rest or stem in KNOWN else f" ({WHICH.get(rest, rest.replace('-', ' '))})"
    return what._replace(title=what.title + more + (", recorded" if folder else ""))


def in_order(names: Iterable[str]) -> list[str]:
    """Pictures in the order of `KNOWN`, those of other splits after that of the test split, what is not known last."""
    order = {stem: i for i, stem in enumerate(KNOWN)}

    def place(name: str) -> tuple[bool, int, str]:
        stem = name.rpartition("/")[2].rpartition(".")[0]
        return "/" in name, order.get(stem, order.get(stem.partition("-")[0], len(order))), stem

    return sorted(names, key=place)
