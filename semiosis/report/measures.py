"""How metrics are told to people: their names, units and decimals, and the range their values can have."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

AGENTS = re.compile(r"([A-Z]\d*)([A-Z]\d*)?")  # one agent, or a pair


class Measure(NamedTuple):
    """How a metric is told: its name, unit, decimals, and the range its values can have."""

    name: str
    unit: str = ""
    decimals: int = 3
    low: float = -math.inf
    high: float = math.inf


def _share(name: str, unit: str = "") -> Measure:
    return Measure(name, unit, low=0.0, high=1.0)


TOP = re.compile(r"top_(\d+)")  # right among so many
TAMPERED = {  # what may be done to messages
    "shuffled": "messages shuffled",
    "silent": "silence",
    "noise": "noisy messages",
    "truncated": "half of each message",
    "constant": "one message for all",
    "deaf": "no answers come back",
    "back_shuffled": "answers shuffled",
}
WITHOUT = re.compile(r"(accuracy|accepted|loss)_(\w+)")  # a figure, and what was done to messages


UNDERSTANDING = {
    "accuracy": _share("accuracy"),
    "class_accuracy": _share("right class"),
    "accuracy_vote": _share("listeners' vote"),
    "accuracy@noise": _share("accuracy under noise"),
    "accuracy_vote@noise": _share("listeners' vote under noise"),
    "noise_drop_percent": Measure("lost under noise", "%", 1, high=100.0),
    "exact": _share("whole messages right"),
    "no_signal_auroc": _share("noise told from glyphs, AUROC"),
    "kappa": Measure("Cohen's kappa", low=-1.0, high=1.0),
    "ari": Measure("adjusted Rand index", high=1.0),
    "ari_unseen": Measure("adjusted Rand index, things not seen", high=1.0),
    "nmi": _share("normalised mutual information"),
    "matched": _share("accuracy, signs matched to classes"),
    "accepted": _share("proposals accepted"),
    "reward": Measure("reward"),
    "loss": Measure("loss"),  # of a density it may be negative
    "causal_influence": Measure("causal influence of messages", "bits", low=0.0),
    "informative_positions": Measure("informative positions", "", 2, low=0.0),
    "influence": _share("position"),
}
LANGUAGE = {
    "messages": Measure("messages used", "", 1, low=0.0),  # its unit is the number of examples
    "message_entropy": Measure("message entropy", "bits", low=0.0),
    "label_bits": Measure("message tells class", "bits", low=0.0),
    "active_symbols": Measure("symbols in use", "", 1, low=0.0),
    "length": Measure("length", "symbols", 2, low=0.0),
    "entropy": Measure("speaker's entropy", "nats/symbol", low=0.0),
    "topsim": Measure("topographic similarity", low=-1.0, high=1.0),
    "topsim_attributes": Measure("topographic similarity, by attributes", low=-1.0, high=1.0),
    "posdis": _share("positional disentanglement"),
    "bosdis": _share("bag-of-symbols disentanglement"),
    "synchrony": _share("synchrony of speakers"),
    "exchanges": Measure("exchanges until the answer", "", 2, low=1.0),
    "confidence": _share("confidence of the answer"),
    "hamming_sender": Measure("the sender's bits changed", "bits a step", 2, low=0.0),
    "hamming_receiver": Measure("the receiver's bits changed", "bits a step", 2, low=0.0),
    "bits": Measure("transmitted, at least", "bits a glyph"),
    "glyph_distance": _share("distance of glyphs"),
    "nearest_glyph": _share("distance to the nearest glyph"),
    "image_topsim": Measure("topographic similarity to images", low=-1.0, high=1.0),
    "ink": _share("ink"),
    "colours": Measure("colours in use", "", 1, low=1.0),
    "strokes": Measure("strokes in use", "", 1, low=0.0),
    "perceptual": Measure("unlike its photo, by layers", low=0.0),
    "augmented": Measure("unlike its photo, by views", low=0.0, high=2.0),
    "reconstruction": Measure("reconstruction error"),
}
DEEP = {  # of `metrics.profile` and `metrics.community`
    "distinct_ratio": _share("different messages, of all"),
    "message_entropy_corrected": Measure("message entropy, Chao-Shen", "bits", low=0.0),
    "symbol_perplexity": Measure("symbol perplexity", "", 1, low=1.0),
    "redundancy": Measure("redundancy", high=1.0),
    "bigram_entropy": Measure("entropy of the next symbol", "bits", low=0.0),
    "zipf_exponent": Measure("Zipf's exponent"),
    "zipf_distance": _share("distance from Zipf's law"),
    "mandelbrot_exponent": Measure("Mandelbrot's exponent"),
    "mandelbrot_shift": Measure("Mandelbrot's shift", "ranks", 1, low=0.0),
    "mandelbrot_distance": _share("distance from Mandelbrot's law"),
    "zla": Measure("frequency against length", low=-1.0, high=1.0),
    "zla_efficiency": Measure("efficiency of lengths", high=1.0),
    "length_optimal": Measure("length of the shortest code", "symbols", 2, low=0.0),
    "length_random": Measure("length of random typing", "symbols", 2, low=0.0),
    "label_bits_corrected": Measure("message tells class, NSB", "bits"),
    "determinism": Measure("message given class", "bits", low=0.0),
    "ambiguity": Measure("class given message", "bits", low=0.0),
    "entropy_gap": Measure("more than must be said", "bits"),
    "ami": Measure("adjusted mutual information", high=1.0),
    "ami_attributes": Measure("adjusted mutual information, attributes", high=1.0),
    "semantic_consistency": _share("semantic consistency"),
    "context_independence": _share("context independence"),
    "cbm": _share("concept best matching"),
    "npmi": Measure("best association", low=-1.0, high=1.0),
    "bijectivity": _share("bijective association"),
    "tre": Measure("tree reconstruction error", low=0.0),
    "conflict_count": Measure("conflicts", "", 0, low=0.0),
    "synonymy": _share("synonymy"),
    "homonymy": _share("homonymy"),
    "word_order_freedom": _share("freedom of order"),
    "entanglement": _share("entanglement"),
    "agreement": _share("agreement of speakers"),
    "divergence": Measure("divergence of speakers", "bits", low=0.0, high=1.0),
    "edit_distance": _share("edit distance of speakers"),
    "drawings": Measure("different drawings", "", 1, low=0.0),
}
LOW_IS_MUCH = (  # measures that are low where messages have much to do with meanings
    "determinism", "ambiguity", "bigram_entropy", "edit_distance", "divergence", "tre", "conflict_count", "zla", "synonymy", "homonymy",
    "word_order_freedom", "entanglement", "zipf_distance", "mandelbrot_distance",
)  # fmt: skip
ENDS = {"_with_end": ", with the end", "_without_end": ", without the end"}
LEARNING = {
    "sender_bit_entropy": Measure("entropy of the sender's bits", "nats a bit", low=0.0),
    "receiver_bit_entropy": Measure("entropy of the receiver's bits", "nats a bit", low=0.0),
    "stop_entropy": Measure("entropy of stopping", "nats", low=0.0),
    "davies_bouldin": Measure("Davies-Bouldin index", low=0.0),
    "kl": Measure("divergence", "nats", low=0.0),
    "reconstruction": Measure("reconstruction error", "nats"),
    "fit": Measure("log-likelihood of latents", "nats"),
    "deviation": Measure("deviation of latents", low=0.0),
    "level": Measure("level of the channel reached", "", 1, low=0.0),
    "noise_loss": Measure("loss on noise", "nats"),
    "session": Measure("session", "", 0, low=1.0),
}


def measure(title: str) -> Measure:
    """How a metric of evaluation.json is told; one that is not known here keeps its own name."""
    known = UNDERSTANDING | LANGUAGE | DEEP | LEARNING
    if title in known:
        return known[title]
    for ending, told in ENDS.items():
        if title.endswith(ending) and title.removesuffix(ending) in known:
            whole = known[title.removesuffix(ending)]
            return whole._replace(name=whole.name + told)
    if found := TOP.fullmatch(title):
        return _share(f"right among the best {found[1]}")
    if found := WITHOUT.fullmatch(title):
        whole = known[found[1]]
        return whole._replace(name=f"{whole.name}, {TAMPERED.get(found[2], found[2].replace('_', ' '))}")
    plain, _, what = title.partition("@")
    if plain == "influence":
        return known[plain]._replace(name=f"position {what} matters")
    if plain in known and what:
        comma = "," if AGENTS.fullmatch(what) else ""
        return known[plain]._replace(name=f"{known[plain].name}{comma} {variant(what)}")
    return Measure(title.replace("_", " "))


def variant(what: str) -> str:
    """How what follows the @ of a metric is told: a capital letter is an agent, two are a pair of agents, a number is a size."""
    if found := AGENTS.fullmatch(what):
        return f"agents {found[1]} and {found[2]}" if found[2] else f"agent {what}"
    places = {"out_of_domain": "out of domain", "transfer": "in transfer", "all-classes": "among all classes"}
    if all(part in places for part in what.split("/")):
        return ", ".join(places[part] for part in what.split("/"))
    return f"among {int(what):,}" if what.isdecimal() else f"at {what.replace('-', ' ')}"
