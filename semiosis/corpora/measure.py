"""What the library of metrics finds in a corpus: each language on its own, a table of means over speakers and seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from semiosis import metrics
from semiosis.corpora.elcc import once
from semiosis.corpora.types import NONE, SIGN, Corpus, rows
from semiosis.errors import UsageError, unknown
from semiosis.extras import need
from semiosis.metrics.messages import message_ids
from semiosis.metrics.profile import NAMES
from semiosis.metrics.value import Value

MOST_IMAGES = 1024  # that are compared with each other
BITS = "@bits"  # after the name of a metric of a conversation, in which a symbol is one bit; else it is a whole message of bits
COMMUNITY = ("synchrony", "agreement", "edit_distance", "divergence", "kappa", "ari", "nmi")
BITWISE = (  # what depends on which symbols a message is made of, and so differs bit by bit
    "active_symbols", "symbol_perplexity", "length", "redundancy", "bigram_entropy", "topsim", "topsim_attributes", "posdis", "bosdis",
    "context_independence", "cbm", "npmi", "bijectivity", "tre", "conflict_count", "synonymy", "homonymy", "word_order_freedom",
    "entanglement",
)  # fmt: skip
DRAWINGS = ("drawings", "ink", "colours", "glyph_distance", "nearest_glyph", "image_topsim")
SUCCESS = ("accuracy",)
MEANINGS, THINGS = "2 - 2 cos of meanings", "2 - 2 cos of the things as they are"  # in how topographic similarity was computed
KNOWN = (*SUCCESS, *NAMES, *COMMUNITY, *DRAWINGS)

Watch = Callable[[str], None]  # is told what is looked at


class Language(NamedTuple):
    """What one speaker said: `tokens` [n t], `lengths` [n], and what is known of the things."""

    tokens: np.ndarray
    lengths: np.ndarray
    example: np.ndarray
    labels: np.ndarray | None
    attributes: np.ndarray | None
    meanings: np.ndarray | None
    vocab_size: int | None
    looked_up: bool = False  # the meanings are the things as they are, and no vectors that the corpus brings


class Options(NamedTuple):
    """How metrics are computed; `only` names those that are wanted, none of them all. `end` shows what depends on the end with it, too."""

    only: tuple[str, ...] = ()
    permutations: int = 100
    bootstrap: int = 100
    seed: int = 0
    most: int = 2000
    end: bool = True

    @property
    def judging(self) -> dict[str, Any]:
        """What the metrics take of this."""
        return {"null": self.permutations > 0, "permutations": max(self.permutations, 1), "bootstrap": self.bootstrap, "seed": self.seed}


USUAL = Options()


def measured(corpus: Corpus, options: Options = USUAL, *, inputs: np.ndarray | None = None, watch: Watch | None = None) -> dict[str, Any]:
    """The metrics of a corpus as the object of language.json: {"game", "step", "split", "seeds", "metrics": {NAME: {"mean", "low", "high",
    "per_seed", "null", "null_high", "n", "how"[, "reason"]}}}.

    Each speaker's language is measured on its own; a seed has the mean of its speakers. The interval is Student's t over seeds; of one
    seed, the mean of the bootstrap intervals of its speakers. The null is the mean of theirs. `inputs` [m d] are the things that
    `example` counts, for topographic similarity where the corpus brings no `meanings`. Raises `UsageError`: no such metric.
    """
    for name in options.only:
        if name.removesuffix(BITS) not in KNOWN:
            raise unknown("metric", name, KNOWN)
    seeds = np.unique(corpus.seed).tolist()
    found = [_of_seed(rows(corpus, corpus.seed == seed), seed, options, inputs, watch) for seed in seeds]
    names = dict.fromkeys(name for own in found for name in own)
    table = {name: _entry([own.get(name, []) for own in found]) for name in names if _shown(name, names, options)}
    about = corpus.about
    told = {name: about[name] for name in ("game", "step", "split") if name in about}
    return {**told, "seeds": seeds, "metrics": table}


def _shown(name: str, names: Iterable[str], options: Options) -> bool:
    """Whether a metric is wanted, and in this view of the end."""
    plain = name.removesuffix(BITS)
    if options.only and name not in options.only and plain not in options.only:
        return False
    if options.end:
        return True
    return not plain.endswith("_with_end") and name.replace(plain, f"{plain}_without_end") not in names


def _entry(values: list[list[Value]]) -> dict[str, Any]:
    """A metric of the table from its values, those of the speakers of each seed."""
    every = [value for own in values for value in own]
    per_seed = [_mean([value.value for value in own]) for own in values]
    mean, low, high = metrics.over_seeds(per_seed)
    if len(values) == 1:
        low, high = (_mean([getattr(value, bound) for value in every]) for bound in ("low", "high"))
    first = next((value for value in every if value.value is not None), every[0])
    entry = {"mean": mean, "low": low, "high": high, "per_seed": per_seed, "null": _mean([value.null for value in every])}
    entry |= {"null_high": _mean([value.null_high for value in every]), "n": first.n, "how": first.how}
    reasons = [value.reason for value in every if value.value is None and value.reason]
    missing = per_seed.count(None)
    where = f" (in {missing} of {len(per_seed)} seeds)" if 0 < missing < len(per_seed) else ""
    return entry | ({"reason": reasons[0] + where} if reasons and missing else {})


def _mean(values: list[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _of_seed(own: Corpus, seed: int, options: Options, inputs: np.ndarray | None, watch: Watch | None) -> dict[str, list[Value]]:
    """All metrics of one seed, a value a speaker."""
    found: dict[str, list[Value]] = {}
    success = _accuracy(own)
    if success is not None:
        found["accuracy"] = [success]
    speakers = _speakers(own)
    for who in speakers:
        said = once(rows(own, _first_listener(own, who))) if _talks(own) else once(rows(own, own.speaker == who))
        if watch is not None:
            watch(f"seed {seed}, {own.agents[who]}")
        if own.drawn:
            new = _drawings(said, options)
        else:
            new = {
                f"{name}{kind}": value
                for kind, spoken in _views(said, inputs).items()
                for name, value in _profile(spoken, kind, options).items()
            }
        for name, value in new.items():
            found.setdefault(name, []).append(value)
    if len(speakers) > 1 and not own.drawn:
        found |= {name: [value] for name, value in _community(own, speakers, inputs, options).items()}
    return found


def _talks(corpus: Corpus) -> bool:
    """Whether there are conversations."""
    return bool((corpus.turn > 0).any())


def _speakers(corpus: Corpus) -> list[int]:
    """Who is looked at: all who speak first."""
    return np.unique(corpus.speaker[corpus.turn == corpus.turn.min()]).tolist()


def _first_listener(corpus: Corpus, who: int) -> np.ndarray:
    """Where a speaker talks to the first of those it talks to: what it says depends on what it is answered."""
    own = corpus.speaker == who
    return own & (corpus.listener == corpus.listener[own].min())


def _views(said: Corpus, inputs: np.ndarray | None) -> dict[str, Language]:
    """The language of one speaker by what follows its metrics' names: as it is, and of messages of bits also bit by bit.

    In a conversation the messages that a speaker says about a thing are one after another; where they are rows of bits, each different
    row is a symbol.
    """
    if not _talks(said) and (said.about.get("message") or {}).get("kind") != "bits":
        return {"": _language(said, said.tokens, said.length, inputs)}
    example, first, place = np.unique(said.example, return_index=True, return_inverse=True)
    order = np.lexsort((said.turn, place))
    tokens, length, place = said.tokens[order], said.length[order], place[order]
    count = np.bincount(place, minlength=len(example))
    at = np.arange(len(place)) - np.concatenate([[0], np.cumsum(count)])[place]
    wide = said.tokens.shape[1]
    words = np.full((len(example), count.max(initial=0)), NONE)
    words[place, at] = message_ids(tokens, length)
    apart = np.full((len(example), count.max(initial=0), wide), NONE)
    apart[place, at] = tokens
    one = rows(said, first)
    view = _language(one, words, count, inputs)._replace(vocab_size=None)
    if (length != wide).any():  # messages of different lengths have no places side by side
        return {"": view}
    return {"": view, BITS: _language(one, apart.reshape(len(example), -1), count * wide, inputs)}


def _language(said: Corpus, tokens: np.ndarray, lengths: np.ndarray, inputs: np.ndarray | None) -> Language:
    """A language with what is known of all its things; what is known of some alone is left out."""
    labels = said.label if said.label is not None and (said.label != NONE).all() else None
    attributes = said.attributes if said.attributes is not None and (said.attributes != NONE).all() else None
    meanings = said.meanings if said.meanings is not None and not np.isnan(said.meanings).any() else None
    looked_up = False
    if meanings is None and inputs is not None:
        looked_up = True
        if said.size and not 0 <= said.example.min() <= said.example.max() < len(inputs):
            raise UsageError(f"examples from {said.example.min()} to {said.example.max()}: expected places among {len(inputs):,} things")
        meanings = inputs[said.example]
    size = (said.about.get("message") or {}).get("vocab_size")
    size = size if isinstance(size, int) else None
    return Language(np.maximum(tokens, 0), lengths, said.example, labels, attributes, meanings, size, looked_up)


def _profile(spoken: Language, kind: str, options: Options) -> dict[str, Value]:
    known = [name for name in NAMES if not kind or name.removesuffix("_with_end").removesuffix("_without_end") in BITWISE]
    wanted = [name for name in known if not options.only or name in options.only or f"{name}{kind}" in options.only]
    if not wanted:
        return {}
    found = metrics.profile(
        spoken.tokens,
        spoken.lengths,
        labels=spoken.labels,
        attributes=spoken.attributes,
        meanings=spoken.meanings,
        vocab_size=spoken.vocab_size,
        most=options.most,
        only=wanted if options.only else None,
        **options.judging,
    )
    if spoken.looked_up:  # not what agents made of them, which some games compare
        found = {name: value._replace(how=value.how.replace(MEANINGS, THINGS)) for name, value in found.items()}
    return {name: value for name, value in found.items() if name in wanted}


def _community(own: Corpus, speakers: list[int], inputs: np.ndarray | None, options: Options) -> dict[str, Value]:
    """How alike the speakers of a seed speak of the things that all of them name."""
    if options.only and not set(options.only) & set(COMMUNITY):
        return {}
    said = [once(rows(own, _first_listener(own, who))) if _talks(own) else once(rows(own, own.speaker == who)) for who in speakers]
    spoken = [_views(one, inputs)[""] for one in said]
    if _talks(own):  # the symbols of a conversation are numbered for each speaker on its own
        return {}
    shared = spoken[0].example
    for one in spoken[1:]:
        shared = np.intersect1d(shared, one.example)
    if len(shared) == 0 or any(len(np.unique(one.example)) < len(one.example) for one in spoken):
        return {}
    at = [np.flatnonzero(np.isin(one.example, shared)) for one in spoken]
    at = [place[np.argsort(one.example[place])] for one, place in zip(spoken, at, strict=True)]
    wide = max(one.tokens.shape[1] for one in spoken)
    tokens = np.stack([np.pad(one.tokens, ((0, 0), (0, wide - one.tokens.shape[1])))[place] for one, place in zip(spoken, at, strict=True)])
    lengths = np.stack([one.lengths[place] for one, place in zip(spoken, at, strict=True)])
    first = spoken[0].labels
    labels = None if first is None else first[at[0]]
    return metrics.community(tokens, lengths, labels=labels, most=options.most, **options.judging)


def _accuracy(own: Corpus) -> Value | None:
    """The share of right answers, those at the end of each conversation, where the corpus tells."""
    if own.correct is None or np.isnan(own.correct).all() or own.about.get("answer") == SIGN:  # agreement, which stands elsewhere
        return None
    asked = np.flatnonzero(~np.isnan(own.correct))
    # the last of each conversation: turns of one speaker, listener and example
    keys = np.stack([own.speaker[asked], own.listener[asked], own.example[asked]], axis=1)
    order = np.lexsort((own.turn[asked], *keys.T))
    last = np.append((keys[order][1:] != keys[order][:-1]).any(axis=1), True)
    right = own.correct[asked][order][last] if _talks(own) else own.correct[asked]
    mean, low, high = metrics.wilson(float(right.sum()), len(right))
    chance = own.about.get("chance")
    null = float(chance) if isinstance(chance, int | float) else None
    return Value(mean, low, high, null=null, n=len(right), how="guess against target; Wilson; chance for a null")


# ------------------------------------------------------------------------------------------------------------------ drawings


def _drawings(said: Corpus, options: Options) -> dict[str, Value]:
    """What a speaker's drawings look like, each once."""
    if options.only and not set(options.only) & set(DRAWINGS):
        return {}
    assert said.image is not None
    names, first = np.unique(said.image, return_index=True)
    first = np.sort(first[names != ""])
    found = {"drawings": Value(float(len(first)), n=said.size)}
    some = first[:MOST_IMAGES]
    if len(some) == 0:
        return found
    images = np.stack([_image(said.pictures, name) for name in said.image[some].tolist()])
    note = "" if len(some) == len(first) else f"; the first {len(some):,} of {len(first):,} drawings"
    for name in ("ink", "colours", "glyph_distance", "nearest_glyph"):
        found[name] = getattr(metrics, name)(images)
    if said.tokens.shape[1] > 1 and (said.length[some] == said.tokens.shape[1]).all():
        found["image_topsim"] = metrics.image_topsim(said.tokens[some].astype(np.int64), images, **options.judging)
    return {name: value._replace(how=value.how + note) for name, value in found.items()}


def _image(pictures: Mapping[str, bytes], name: str) -> np.ndarray:
    """A picture [h w c] in [0, 1]. Raises `UsageError` where it is missing or damaged."""
    image = need("PIL.Image", "looking at drawings")
    if name not in pictures:
        raise UsageError(f"the picture {name} of the corpus is missing")
    try:
        with image.open(BytesIO(pictures[name])) as opened:
            pixels = np.asarray(opened if opened.mode == "L" else opened.convert("RGB"), np.float64) / 255
    except (OSError, ValueError) as error:
        raise UsageError(f"the picture {name} of the corpus is damaged: {error}") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels
