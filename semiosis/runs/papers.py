"""The claims of five papers and what is expected of each: quick, what this program's documents measured; in full, what was published.

Where a document tells no interval the tolerance is a margin, and the source says so. Where only words were published, the words count.
"""

from __future__ import annotations

from semiosis.runs.reproduce import (
    FINGERPRINTS,
    Arm,
    Claim,
    Expected,
    Form,
    Need,
    Paper,
    figure,
    learned,
    less,
    logged,
    recognised,
    strangers,
)

HERE = "measured here, 2026-11-21, seeds 0 to 3"


def _within(mean: float, low: float, high: float, seeds: int, source: str) -> Expected:
    """A mean over seeds with its 95 % interval; one that was cut where shares end is taken to be as wide as its longer side."""
    return Expected(mean, source, max(mean - low, high - mean), seeds)


def _words(source: str) -> Expected:
    """A difference of which a source says that it is there."""
    return Expected(0.0, source, kind="more")


# ------------------------------------------------------------------------------------------------------ Chaabouni et al. 2022

_LEWIS = "docs/lewis.md, seeds 0 to 3"
_OF = "Chaabouni et al. 2022"
_lewis = {
    "digits": Form(
        {
            "pair": Arm("quick"),
            "pair-64": Arm("quick", {"candidates": 64}),
            "no-slow-copy-64": Arm("quick", {"candidates": 64, "kl_weight": 0.0}),
        },
        (
            Claim("accuracy among 10 candidates", figure("pair", "accuracy"), _within(0.955, 0.916, 0.994, 4, _LEWIS)),
            Claim("the same, messages shuffled", figure("pair", "accuracy_shuffled"), _within(0.084, 0.065, 0.103, 4, _LEWIS)),
            Claim(
                "newborn listeners after 1,000 steps: its language less untrained speakers",
                less(learned("pair", steps=1000), learned("pair", steps=1000, untrained=True)),
                _within(0.399, 0.232, 0.565, 4, HERE),
            ),
            Claim(
                "accuracy among 64: with the slow copy less without",
                less(figure("pair-64", "accuracy"), figure("no-slow-copy-64", "accuracy")),
                _words(f"{_OF}, in words; 0.841 less 0.515 {HERE}"),
            ),
        ),
        seeds=4,
        cost="2 minutes on two cores",
    ),
    "mnist": Form(
        {"pair": Arm("quick", {"data": "mnist", "candidates": 64, "steps": 20_000})},
        (
            Claim("accuracy among 64 candidates", figure("pair", "accuracy"), _within(0.892, 0.842, 0.942, 4, _LEWIS)),
            Claim("accuracy among 256 candidates", figure("pair", "accuracy@256"), _within(0.737, 0.648, 0.826, 4, _LEWIS)),
            Claim("the same, messages shuffled", figure("pair", "accuracy_shuffled"), Expected(0.015, f"{_LEWIS}; margin 0.01", 0.01)),
        ),
        seeds=4,
        cost="10 minutes on two cores",
    ),
    "full": Form(
        {"pair": Arm("imagenet"), "no-slow-copy": Arm("imagenet", {"kl_weight": 0.0})},
        (
            # standard errors over 10 seeds: half of the 95 % interval is 2.262 of them
            Claim("accuracy among 1,024 candidates", figure("pair", "accuracy"), Expected(0.9609, f"{_OF}, table 2", 2.262 * 0.0021, 10)),
            Claim("accuracy among 16 candidates", figure("pair", "accuracy@16"), Expected(0.997, _OF, 0.0, 10, "at least")),
            Claim("topographic similarity", figure("pair", "topsim"), Expected(0.1652, _OF, 2.262 * 0.0116, 10)),
            Claim(
                "training among 1,024: with the slow copy less without",
                less(logged("pair", "accuracy", 100), logged("no-slow-copy", "accuracy", 100)),
                _words(f"{_OF}: 0.983 less 0.760, which varies much between seeds"),
            ),
        ),
        seeds=3,
        cost="days on one GPU",
        need=Need(
            "imagenet.h5, the 2,048 features that BYOL's ResNet-50 has of each image of ImageNet",
            "write the published records out as arrays (docs/lewis.md says how they are called) and name the file with --data",
            lambda data: data.splits["train"].inputs.shape[1:] == (2048,) and len(data.splits["train"].inputs) > 1024,
        ),
    ),
}

# -------------------------------------------------------------------------------------------------------- Taniguchi et al. 2023

_NAMING = "docs/naming.md, seeds 0 to 2"
_README = "README of the published code, one run; margin 0.15, twice the deviation between its seeds"
_TURNED = {"data": "digits", "rotations": (0.0, 45.0)}
_better = less(figure("communication", "ari", "train"), figure("no-communication", "ari", "train"))
_naming = {
    "digits": Form(
        {"communication": Arm("quick", _TURNED), "no-communication": Arm("quick", {**_TURNED, "mode": "no-communication"})},
        (
            Claim("kappa of two agents who talk", figure("communication", "kappa", "train"), _within(0.938, 0.915, 0.961, 4, HERE)),
            Claim("kappa of two who do not", figure("no-communication", "kappa", "train"), _within(-0.007, -0.037, 0.024, 4, HERE)),
            Claim("ARI of signs and classes: talking less not", _better, _within(0.389, 0.322, 0.456, 4, HERE)),
        ),
        seeds=4,
        cost="3 minutes on two cores",
    ),
    "mnist": Form(
        {"communication": Arm("quick", {"data": "mnist"}), "no-communication": Arm("quick", {"data": "mnist", "mode": "no-communication"})},
        (
            Claim("kappa of two agents who talk", figure("communication", "kappa", "train"), _within(0.981, 0.97, 0.99, 3, _NAMING)),
            Claim("kappa of two who do not", figure("no-communication", "kappa", "train"), _within(0.040, -0.15, 0.23, 3, _NAMING)),
            Claim("ARI of A's signs and classes", figure("communication", "ari@A", "train"), _within(0.773, 0.62, 0.93, 3, _NAMING)),
        ),
        seeds=3,
        cost="12 minutes on two cores",
    ),
    "full": Form(
        {"communication": Arm("paper"), "no-communication": Arm("paper", {"mode": "no-communication"})},
        (
            Claim("ARI of A's signs and classes", figure("communication", "ari@A", "train"), Expected(0.803, _README, 0.15)),
            Claim("ARI of B's", figure("communication", "ari@B", "train"), Expected(0.808, _README, 0.15)),
            Claim("kappa of two agents who talk", figure("communication", "kappa", "train"), Expected(0.950, "README; margin 0.03", 0.03)),
            Claim("ARI of signs and classes: talking less not", _better, _words("Taniguchi et al. 2023, abstract, in words")),
        ),
        seeds=3,
        cost="hours on a GPU, a day on two cores",
        need=Need(
            "MNIST",
            "install the extra `data`, which fetches it, or name a folder that holds a copy with --data",
            lambda data: data.fingerprint.startswith(FINGERPRINTS["mnist"]),
        ),
    ),
}

# ------------------------------------------------------------------------------------------------------------- GlyphNet 2020

_GLYPH = "docs/glyph.md, seeds 0 to 2"
_CODE = "the published code, one run of 4,100 steps (docs/glyph.md); margin 0.1"
_SMALL = {"vocab_size": 26, "side": 16, "filters": 8, "batch_size": 64, "steps": 4100, "untrained_every": 100, "judge_every": 100}
_glyph = {
    "glyphs": Form(
        {"pair": Arm("colour")},
        (
            Claim("read without noise", figure("pair", "accuracy@level-0"), _within(1.0, 1.0, 1.0, 3, _GLYPH)),
            Claim("read through noise of level 15", figure("pair", "accuracy@level-15"), _within(0.994, 0.981, 1.0, 3, _GLYPH)),
            Claim(
                "newborn readers after 500 steps, level 15: its glyphs less unlearned ones",
                less(learned("pair", steps=500, task="noisy"), learned("pair", steps=500, task="noisy", untrained=True)),
                Expected(0.925, f"{_GLYPH}: 0.959 less 0.034; margin 0.05", 0.05),
            ),
            Claim("readers of another seed", strangers("pair"), Expected(0.038, f"{_GLYPH}: chance; margin 0.05", 0.05)),
        ),
        seeds=2,
        cost="4 minutes on two cores",
    ),
    "full": Form(
        {"published-way": Arm("paper", _SMALL)},
        (
            Claim("read without noise", figure("published-way", "accuracy@level-0"), Expected(0.85, _CODE, 0.1)),
            Claim("read through noise of level 8", figure("published-way", "accuracy@level-8"), Expected(0.97, _CODE, 0.1)),
            Claim("read through noise of level 15", figure("published-way", "accuracy@level-15"), Expected(0.88, _CODE, 0.1)),
        ),
        seeds=2,
        cost="5 minutes on two cores",
    ),
}

# --------------------------------------------------------------------------------------------------------- Evtimova et al. 2018

_TALK = "docs/dialogue.md, seeds 0 to 3"
_EVTIMOVA = "Evtimova et al. 2018, in words"
_WORDS = {"data": "words", "exchange": "fixed", "steps": 2000, "samples": 0}
_grown = less(figure("fixed", "accuracy"), figure("fixed", "accuracy@step-1"))
_joint = less(figure("fixed", "accuracy"), figure("frozen-sender", "accuracy"))
_dialogue = {
    "digits": Form(
        {
            "adaptive": Arm("quick", {"samples": 0}),
            "fixed": Arm("quick", _WORDS),
            "frozen-sender": Arm("quick", {**_WORDS, "frozen": "sender"}),
        },
        (
            Claim("digits: accuracy, adaptive length", figure("adaptive", "accuracy"), _within(0.961, 0.948, 0.973, 4, _TALK)),
            Claim("digits: exchanges until the answer", figure("adaptive", "exchanges"), _within(2.67, 2.51, 2.83, 4, _TALK)),
            Claim("words: accuracy after 5 exchanges less after 1", _grown, _within(0.283, 0.148, 0.417, 4, HERE)),
            Claim("words: a sender that learns less a frozen one", _joint, _within(0.440, 0.285, 0.595, 4, HERE)),
        ),
        seeds=4,
        cost="2 minutes on two cores",
    ),
    "mnist": Form(
        {"adaptive": Arm("quick", {"data": "mnist", "steps": 10_000, "samples": 0})},
        (
            Claim("accuracy, adaptive length", figure("adaptive", "accuracy"), _within(0.907, 0.898, 0.917, 4, _TALK)),
            Claim("exchanges until the answer", figure("adaptive", "exchanges"), _within(3.24, 2.95, 3.52, 4, _TALK)),
            Claim("accuracy, messages shuffled", figure("adaptive", "accuracy_shuffled"), _within(0.101, 0.099, 0.103, 4, _TALK)),
        ),
        seeds=4,
        cost="6 minutes on two cores",
    ),
    "full": Form(
        {
            "fixed": Arm("fixed"),
            "frozen-sender": Arm("fixed", {"frozen": "sender"}),
            "eight-bits": Arm("fixed", {"message_bits": 8}),
            "adaptive": Arm("adaptive"),
        },
        (
            Claim("accuracy after 10 exchanges less after 1", _grown, _words(f"{_EVTIMOVA}: gradual exchange gives better predictions")),
            Claim("a sender that learns less a frozen one", _joint, _words(f"{_EVTIMOVA}: a random sender is clearly worse")),
            Claim(
                "classes never trained: 32 bits less 8",
                less(figure("fixed", "accuracy@out_of_domain"), figure("eight-bits", "accuracy@out_of_domain")),
                _words(f"{_EVTIMOVA}: bandwidth helps zero-shot transfer"),
            ),
            Claim(
                "adaptive: exchanges, more than one",
                less(figure("adaptive", "exchanges"), lambda lab: [1.0] * len(lab.arms["adaptive"].seeds)),
                _words(f"{_EVTIMOVA}: conversations take several exchanges"),
            ),
        ),
        seeds=3,
        cost="an hour on a GPU, some hours on two cores",
        need=Need(
            "a folder of recorded features, `features`, and the vectors glove.6B.100d.txt",
            "make the features of your images with `semiosis features` (docs/dialogue.md), take the vectors from GloVe's authors, and name "
            "both as in --data features,feature=avgpool_512,vectors=glove.6B.100d.txt",
            lambda data: data.descriptions is not None and data.splits["train"].inputs.dtype.kind == "f" and len(data.classes) >= 60,
        ),
    ),
}

# ----------------------------------------------------------------------------------------------------------- Mihai and Hare 2021

_SKETCH = "docs/sketch.md, seeds 0 to 2"
_DRAW = "Mihai and Hare 2021, table 1; margin 0.05"
_known = less(recognised("perceptual"), recognised("code"))
_met = less(strangers("perceptual"), strangers("code"))
_sketch = {
    "digits": Form(
        {"perceptual": Arm("quick"), "code": Arm("quick", {"perceptual": 0.0})},
        (
            Claim("accuracy, with the perceptual loss", figure("perceptual", "accuracy"), _within(1.0, 1.0, 1.0, 3, _SKETCH)),
            Claim("accuracy, without", figure("code", "accuracy"), _within(0.988, 0.963, 1.0, 3, _SKETCH)),
            # of two means the halves add as squares: 0.140 and 0.091
            Claim("recognised by classifiers: with less without", _known, Expected(0.808, f"{_SKETCH}: 0.875 less 0.067", 0.167, 3)),
            Claim("receivers of other seeds: with less without", _met, Expected(0.756, f"{_SKETCH}: 0.988 less 0.232; margin 0.2", 0.2)),
        ),
        seeds=3,
        cost="3 minutes on two cores",
    ),
    "mnist": Form(
        {"perceptual": Arm("mnist"), "code": Arm("mnist", {"perceptual": 0.0})},
        (
            Claim("among 100, with the perceptual loss", figure("perceptual", "accuracy"), _within(0.981, 0.980, 0.981, 3, _SKETCH)),
            Claim("among 100, without", figure("code", "accuracy"), _within(0.933, 0.848, 1.0, 3, _SKETCH)),
            # halves of 0.109 and 0.059
            Claim("recognised by classifiers: with less without", _known, Expected(0.737, f"{_SKETCH}: 0.891 less 0.154", 0.124, 3)),
        ),
        seeds=3,
        cost="an hour on two cores",
    ),
    "full": Form(
        {name: Arm(name, {"weights": "vgg16.pth"}) for name in ("paper", "paper-perceptual", "paper-same", "paper-different")},
        (
            Claim("original game, accuracy among 100", figure("paper", "accuracy"), Expected(0.690, _DRAW, 0.05)),
            Claim("the same with the perceptual loss", figure("paper-perceptual", "accuracy"), Expected(0.660, _DRAW, 0.05)),
            Claim("game of classes, same photo", figure("paper-same", "accuracy"), Expected(0.963, _DRAW, 0.05)),
            Claim("game of classes, another photo", figure("paper-different", "accuracy"), Expected(0.870, _DRAW, 0.05)),
            Claim(
                "recognised by classifiers: with the perceptual loss less without",
                less(recognised("paper-perceptual"), recognised("paper")),
                _words("Mihai and Hare 2021, in words"),
            ),
        ),
        seeds=3,
        cost="some hours on a GPU",
        need=Need(
            "STL-10 and ImageNet's weights of VGG16",
            "the extra `data` fetches STL-10, or --data names a folder with a copy; --weights names torchvision's file of VGG16",
            lambda data: data.splits["train"].inputs.shape[1:] == (96, 96, 3) and len(data.classes) == 10,
        ),
    ),
}

PAPERS = {
    "chaabouni2022": Paper("lewis", "Chaabouni et al., Emergent Communication at Scale, ICLR 2022", _lewis),
    "taniguchi2023": Paper("naming", "Taniguchi et al., Inter-GMM+VAE, Advanced Robotics 2023", _naming),
    "glyphnet2020": Paper("glyph", "noahtren, GlyphNet, 2020 (code and pictures, no paper)", _glyph),
    "evtimova2018": Paper("dialogue", "Evtimova et al., Multi-Modal, Multi-Step Referential Game, ICLR 2018", _dialogue),
    "mihai2021": Paper("sketch", "Mihai and Hare, Learning to Draw, NeurIPS 2021", _sketch),
}
