"""The profile of a language: every metric that fits what is known of it, each with its null and its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from semiosis.errors import UsageError, unknown
from semiosis.metrics.compose import approximation, conflict_count, tree_reconstruction_error
from semiosis.metrics.compositionality import attribute_distances, topsim
from semiosis.metrics.consistency import entropy_gap, semantic_consistency
from semiosis.metrics.disentanglement import bosdis, posdis
from semiosis.metrics.form import abbreviation, bigram_entropy, redundancy, zipf
from semiosis.metrics.information import (
    active_symbols,
    ambiguity,
    determinism,
    distinct,
    distinct_ratio,
    mean_length,
    message_entropy,
    mutual_information,
    symbol_perplexity,
)
from semiosis.metrics.inventory import inventory
from semiosis.metrics.lexical import adjusted_mutual_information, associations, concept_matching, context_independence
from semiosis.metrics.messages import checked, message_ids
from semiosis.metrics.naming import adjusted_rand, kappa, normalised_information
from semiosis.metrics.populations import agreement, divergence, edit_distance, synchrony
from semiosis.metrics.segments import articulation
from semiosis.metrics.value import Value, undefined
from semiosis.metrics.variation import variation


class _Language(NamedTuple):
    """What one speaker said, and all that is known of what it said it of."""

    tokens: np.ndarray
    lengths: np.ndarray
    labels: Any
    attributes: Any
    meanings: Any
    vocab_size: int | None
    judging: dict[str, Any]  # null, permutations, bootstrap, seed
    drawing: dict[str, Any]  # bootstrap, seed

    @property
    def said(self) -> tuple[np.ndarray, np.ndarray]:
        return self.tokens, self.lengths

    @property
    def of_labels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.tokens, self.labels, self.lengths

    @property
    def of_attributes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.tokens, self.attributes, self.lengths


class _Battery(NamedTuple):
    """Metrics that are computed together, what they need, whether they look at all pairs of messages, and whether only if asked for."""

    names: tuple[str, ...]
    needs: tuple[str, ...]
    pairs: bool
    find: Callable[[_Language], Sequence[Value]]
    asked: bool = False


def _topsim(spoken: _Language, meanings: object, end: bool) -> list[Value]:
    # the second view goes without an interval, which would cost as much as all the rest
    judging: dict[str, Any] = spoken.judging | {"bootstrap": 0} if end else spoken.judging
    return [topsim(spoken.tokens, np.asarray(meanings), spoken.lengths, end=end, **judging)]


def _abbreviation(spoken: _Language) -> list[Value]:
    found = abbreviation(*spoken.said, vocab_size=spoken.vocab_size, permutations=1000, **spoken.drawing)
    correlation = found.correlation
    if found.p is not None:
        correlation = correlation._replace(how=f"{correlation.how}; permutation p {found.p:.3g}")
    return [correlation, found.efficiency, found.optimal, found.random]


def _mandelbrot(spoken: _Language) -> list[Value]:
    found = zipf(*spoken.said, mandelbrot=True, **spoken.judging)
    return [found.exponent, found.shift, found.distance]


def _zipf(spoken: _Language) -> list[Value]:
    found = zipf(*spoken.said, **spoken.judging)
    return [found.exponent, found.distance]


def _associations(spoken: _Language) -> list[Value]:
    found = associations(*spoken.of_attributes, **spoken.judging)
    return [found.best, found.bijective]


def _ami(spoken: _Language, labels: object) -> list[Value]:
    # without an interval: resamples repeat examples, which is just what it takes for information
    judging: dict[str, Any] = spoken.judging | {"bootstrap": 0}
    return [adjusted_mutual_information(spoken.tokens, np.asarray(labels), spoken.lengths, **judging)]


def _morphemes(spoken: _Language) -> list[Value]:
    return list(inventory(*spoken.of_attributes)[:5])


def _words(spoken: _Language) -> list[Value]:
    found = articulation(spoken.tokens, attribute_distances(spoken.attributes), spoken.lengths, draws=10, seed=spoken.drawing["seed"])
    return [found.boundaries, found.vocabulary, found.word_length, found.words, found.random]


def _approximation(spoken: _Language) -> list[Value]:
    found = approximation(*spoken.of_attributes, **spoken.drawing)
    return [found.symbols, found.beyond, found.messages]


# the order is that of a table: how much is said, how, of what
BATTERIES = (
    _Battery(("messages",), (), False, lambda x: [distinct(*x.said)]),
    _Battery(("distinct_ratio",), (), False, lambda x: [distinct_ratio(*x.said)]),
    _Battery(("message_entropy",), (), False, lambda x: [message_entropy(*x.said, **x.drawing)]),
    _Battery(("message_entropy_corrected",), (), False, lambda x: [message_entropy(*x.said, estimator="chao-shen", **x.drawing)]),
    _Battery(("active_symbols",), (), False, lambda x: [active_symbols(*x.said)]),
    _Battery(("symbol_perplexity",), (), False, lambda x: [symbol_perplexity(*x.said, **x.drawing)]),
    _Battery(("symbol_perplexity_with_end",), ("ends",), False, lambda x: [symbol_perplexity(*x.said, end=True, **x.drawing)]),
    _Battery(("length",), (), False, lambda x: [mean_length(*x.said, **x.drawing)]),
    _Battery(("redundancy",), (), False, lambda x: [redundancy(*x.said, vocab_size=x.vocab_size, **x.drawing)]),
    _Battery(("redundancy_with_end",), ("ends",), False, lambda x: [redundancy(*x.said, vocab_size=x.vocab_size, end=True, **x.drawing)]),
    _Battery(("bigram_entropy",), (), False, lambda x: [bigram_entropy(*x.said, **x.judging)]),
    _Battery(("bigram_entropy_with_end",), ("ends",), False, lambda x: [bigram_entropy(*x.said, end=True, **x.judging)]),
    _Battery(("zipf_exponent", "zipf_distance"), (), False, _zipf),
    _Battery(("mandelbrot_exponent", "mandelbrot_shift", "mandelbrot_distance"), (), False, _mandelbrot),
    _Battery(("zla", "zla_efficiency", "length_optimal", "length_random"), ("ends",), False, _abbreviation),
    _Battery(("label_bits",), ("labels",), False, lambda x: [mutual_information(*x.of_labels, **x.judging)]),
    _Battery(("label_bits_corrected",), ("labels",), False, lambda x: [mutual_information(*x.of_labels, estimator="nsb", **x.drawing)]),
    _Battery(("determinism",), ("labels",), False, lambda x: [determinism(*x.of_labels, **x.judging)]),
    _Battery(("ambiguity",), ("labels",), False, lambda x: [ambiguity(*x.of_labels, **x.judging)]),
    _Battery(("entropy_gap",), ("labels",), False, lambda x: [entropy_gap(*x.of_labels, **x.drawing)]),
    _Battery(("ami",), ("labels",), False, lambda x: _ami(x, x.labels)),
    _Battery(("topsim",), ("meanings",), True, lambda x: _topsim(x, x.meanings, False)),
    _Battery(("topsim_with_end",), ("meanings", "ends"), True, lambda x: _topsim(x, x.meanings, True)),
    _Battery(
        ("semantic_consistency",),
        ("meanings",),
        False,
        lambda x: [semantic_consistency(x.tokens, np.asarray(x.meanings, float), x.lengths, **x.judging)],
    ),
    _Battery(("topsim_attributes",), ("attributes",), True, lambda x: _topsim(x, attribute_distances(x.attributes), False)),
    _Battery(("topsim_attributes_with_end",), ("attributes", "ends"), True, lambda x: _topsim(x, attribute_distances(x.attributes), True)),
    _Battery(("posdis",), ("attributes",), False, lambda x: [posdis(*x.of_attributes, **x.judging)]),
    _Battery(("posdis_without_end",), ("attributes", "ends"), False, lambda x: [posdis(*x.of_attributes, end=False, **x.judging)]),
    _Battery(("bosdis",), ("attributes",), False, lambda x: [bosdis(*x.of_attributes, **x.judging)]),
    _Battery(("bosdis_with_end",), ("attributes", "ends"), False, lambda x: [bosdis(*x.of_attributes, end=True, **x.judging)]),
    _Battery(("context_independence",), ("attributes",), False, lambda x: [context_independence(*x.of_attributes, **x.judging)]),
    _Battery(("cbm",), ("attributes",), False, lambda x: [concept_matching(*x.of_attributes, **x.judging).score]),
    _Battery(("npmi", "bijectivity"), ("attributes",), False, _associations),
    _Battery(("tre",), ("attributes",), False, lambda x: [tree_reconstruction_error(*x.of_attributes, **x.judging)]),
    _Battery(("conflict_count",), ("attributes",), False, lambda x: [conflict_count(*x.of_attributes, **x.judging)]),
    _Battery(("ami_attributes",), ("attributes",), False, lambda x: _ami(x, x.attributes)),
    _Battery(
        ("synonymy", "homonymy", "word_order_freedom", "entanglement"),
        ("attributes",),
        False,
        lambda x: list(variation(*x.of_attributes, **x.judging)),
    ),
    _Battery(
        ("morphemes", "morpheme_synonymy", "morpheme_polysemy", "morpheme_length", "morpheme_coverage"),
        ("attributes",),
        False,
        _morphemes,
        asked=True,
    ),
    _Battery(("word_boundaries", "words", "word_length", "topsim_words", "topsim_random_words"), ("attributes",), True, _words, asked=True),
    _Battery(("acre_symbols", "acre_beyond", "acre_messages"), ("attributes",), False, _approximation, asked=True),
)
NAMES = tuple(name for battery in BATTERIES for name in battery.names)
_MISSING = {"ends": "all messages are equally long", "labels": "no labels", "attributes": "no attributes", "meanings": "no meanings"}


def profile(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    labels: Integer[np.ndarray, " n"] | None = None,
    attributes: Integer[np.ndarray, "n k"] | None = None,
    meanings: Float[np.ndarray, "n d"] | None = None,
    vocab_size: int | None = None,
    null: bool = True,
    permutations: int = 100,
    bootstrap: int = 100,
    seed: int = 0,
    most: int = 2000,
    only: Iterable[str] | None = None,
) -> dict[str, Value]:
    """All metrics that fit what is known of one speaker's language, by name, in the order of `NAMES`.

    `labels`, `attributes` and the vectors `meanings` say what each message is about; `vocab_size` counts usable symbols (those seen if it
    is not given). `null`, `permutations`, `bootstrap` and `seed` as in the metrics themselves. Metrics of all pairs take `most` messages
    drawn by `seed`, and say so. Where messages differ in length, what depends on the end is told with it and without. `only`: the names
    that are wanted; what is wanted but cannot be is undefined. Morphemes, words and the compositional approximation, which find structure
    before they measure it and have no null here, are computed only if they are named. Raises `UsageError` for arrays that do not fit and
    names that do not exist.
    """
    known, counts = checked(tokens, lengths)
    if known.ndim != 2:
        raise UsageError(f"tokens of shape {known.shape}: expected [n, t], one speaker's messages")
    wanted = None if only is None else list(only)
    for name in wanted or ():
        if name not in NAMES:
            raise unknown("metric", name, NAMES)
    if most < 3:
        raise UsageError(f"most is {most}: expected 3 or more")
    n = len(known)
    given = {"labels": labels, "attributes": attributes, "meanings": meanings}
    about = {name: None if array is None else np.asarray(array) for name, array in given.items()}
    for name, array in about.items():
        if array is not None and len(array) != n:
            raise UsageError(f"{name} of shape {array.shape}: expected {n} rows, one for each message")
    drawing = {"bootstrap": bootstrap, "seed": seed}
    judging = {"null": null, "permutations": permutations, **drawing}
    language = _Language(known, counts, **about, vocab_size=vocab_size, judging=judging, drawing=drawing)
    few = _fewer(language, most, seed)
    there = {name for name, array in about.items() if array is not None} | ({"ends"} if len(set(counts.tolist())) > 1 else set())
    found: dict[str, Value] = {}
    for battery in BATTERIES:
        if wanted is not None and not set(wanted) & set(battery.names):
            continue
        lacking = [need for need in battery.needs if need not in there]
        if wanted is None and (lacking or battery.asked):
            continue
        values = [undefined(_MISSING[lacking[0]], n)] * len(battery.names) if lacking else battery.find(few if battery.pairs else language)
        if battery.pairs and n > most:
            values = [value._replace(how=f"{value.how}; {most:,} of {n:,} messages, seed {seed}") for value in values]
        found |= {name: value for name, value in zip(battery.names, values, strict=True) if wanted is None or name in wanted}
    return found


def _fewer(language: _Language, most: int, seed: int) -> _Language:
    """At most so many messages, in their order."""
    if len(language.tokens) <= most:
        return language
    rows = np.sort(np.random.default_rng(seed).choice(len(language.tokens), most, replace=False))

    def of(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array[rows]

    return language._replace(
        tokens=language.tokens[rows],
        lengths=language.lengths[rows],
        labels=of(language.labels),
        attributes=of(language.attributes),
        meanings=of(language.meanings),
    )


def community(
    tokens: Integer[np.ndarray, "a n t"],
    lengths: Integer[np.ndarray, "a n"] | None = None,
    *,
    labels: Integer[np.ndarray, " n"] | None = None,
    null: bool = True,
    permutations: int = 100,
    bootstrap: int = 100,
    seed: int = 0,
    most: int = 2000,
) -> dict[str, Value]:
    """How alike several speakers of the same inputs speak: `synchrony`, `agreement`, `edit_distance`, `divergence`, and `kappa`, of whole
    messages; with `labels` also how well each speaker's messages sort the inputs as they do, `ari` and `nmi`, means over speakers.

    `most` inputs are looked at, drawn by `seed`. Undefined for one speaker, but for `ari` and `nmi`. Raises `UsageError` for arrays that do
    not fit.
    """
    known, counts = checked(tokens, lengths)
    if known.ndim != 3:
        raise UsageError(f"tokens of shape {known.shape}: expected [speakers, n, t]")
    speakers, n = counts.shape
    if labels is not None and np.shape(labels) != (n,):
        raise UsageError(f"labels of shape {np.shape(labels)}: expected {n} integers")
    classes, note = None if labels is None else np.asarray(labels), ""
    if n > most:
        rows = np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
        known, counts, classes = known[:, rows], counts[:, rows], None if classes is None else classes[rows]
        note = f"; {most:,} of {n:,} inputs, seed {seed}"
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    alike = {"synchrony": synchrony, "agreement": agreement, "edit_distance": edit_distance, "divergence": divergence}
    found = {name: metric(known, counts, **options) for name, metric in alike.items()}
    ids = message_ids(known.reshape(counts.size, known.shape[2]), counts.reshape(-1)).reshape(counts.shape)
    pairs = {f"{i} {j}": kappa(ids[i], ids[j], **options) for i, j in combinations(range(speakers), 2)}
    found["kappa"] = _mean(pairs, "whole messages; mean over pairs of speakers")
    for name, index in (("ari", adjusted_rand), ("nmi", normalised_information)):
        if classes is not None:
            found[name] = _mean({str(i): index(row, classes, **options) for i, row in enumerate(ids)}, "whole messages; mean over speakers")
    return {name: value._replace(how=value.how + note) for name, value in found.items()}


def _mean(values: dict[str, Value], how: str) -> Value:
    """The mean of what is defined; its interval is that of the one value, where there is only one."""
    known = [value for value in values.values() if value.value is not None]
    if not known:
        return next(iter(values.values()), undefined("needs 2 speakers or more"))._replace(how=how)
    if len(known) == 1:
        return known[0]._replace(how=how)
    nulls = [value.null for value in known if value.null is not None]
    mean = float(np.mean([value.value for value in known if value.value is not None]))
    return Value(mean, null=float(np.mean(nulls)) if nulls else None, n=known[0].n, how=how)
