"""Which symbol means what? Context independence, best matches, adjusted information, and normalised pointwise information.

A concept is one value of one attribute. Symbols and concepts are counted together once a message, however often the symbol stands in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float, Integer
from scipy.optimize import linear_sum_assignment

from semiosis.errors import UsageError, unknown
from semiosis.metrics.information import entropy, shared_bits
from semiosis.metrics.meanings import checked_attributes, concept_rows, concepts, meaning_ids
from semiosis.metrics.messages import checked, message_ids, ngrams
from semiosis.metrics.nulls import judged, judged_together
from semiosis.metrics.value import Value, undefined

_CONSTANT = "constant language: all messages are equal"
_NO_CONCEPT = "no attribute varies"
READINGS = ("concept-given-symbol", "symbol-given-concept")
COUNTS = ("messages", "symbols")


class Word(NamedTuple):
    """A symbol, or a run of symbols, that stands for one value of one attribute.

    `together`: messages that hold `form` and are about the concept; `said`, `meant`: those that hold it, and those about it.
    """

    form: tuple[int, ...]
    attribute: int
    value: int
    together: int
    said: int
    meant: int
    weight: float


class _Table(NamedTuple):
    """Forms in messages [n f], concepts in meanings [n c], and what they are: rows of the one may meet rows of the other."""

    forms: scipy.sparse.csr_array | np.ndarray
    about: np.ndarray
    runs: list[tuple[int, ...]]
    pairs: np.ndarray

    def together(self, said: np.ndarray, meant: np.ndarray) -> np.ndarray:
        """How often each form meets each concept [f c]."""
        return np.asarray(self.forms[said].T @ self.about[meant], float)

    def word(self, form: np.integer, concept: np.integer, together: np.ndarray, weight: float) -> Word:
        attribute, value = self.pairs[concept].tolist()
        said, meant = int(self.forms[:, [form]].sum()), int(self.about[:, concept].sum())
        return Word(self.runs[int(form)], attribute, value, int(together[form, concept]), said, meant, float(weight))


def _table(tokens: np.ndarray, counts: np.ndarray, attributes: np.ndarray, *, longest: int = 1, once: bool = True) -> _Table:
    forms, runs = ngrams(tokens, counts, longest)
    if once:
        forms.sum_duplicates()
        forms.data[:] = 1.0
    codes, pairs = concepts(attributes)
    # in small tables looking up what is there takes longer than multiplying by zero
    small = len(tokens) * len(runs) <= 1 << 20
    return _Table(forms.toarray() if small else forms, concept_rows(codes, len(pairs)).astype(np.float32), runs, pairs)


def _varying(attributes: np.ndarray) -> np.ndarray:
    """The attributes that have several values; one that never varies can be told by nothing."""
    return attributes[:, [len(set(column.tolist())) > 1 for column in attributes.T]]


def _flaw(tokens: np.ndarray, counts: np.ndarray, attributes: np.ndarray, how: str) -> Value | None:
    """Why nothing can be said of this language, if so."""
    n = len(tokens)
    if n == 0:
        return undefined("no messages", 0, how)
    if message_ids(tokens, counts).max() == 0:
        return undefined(_CONSTANT, n, how)
    return None if attributes.shape[1] else undefined(_NO_CONCEPT, n, how)


def context_independence(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    reading: str = "concept-given-symbol",
    count: str = "messages",
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """The mean over concepts c of p(v | c) p(c | v), v being the symbol that c goes with, in [0, 1] (Bogin et al. 2018).

    `reading`: v is the symbol with the greatest p(c | v), as published, or with `symbol-given-concept` the one with the greatest p(v | c),
    as some programs have it; of symbols that tie, the one for which the other factor is greater. `count`: shares of `messages` (p(v | c) is
    the share of messages about c that hold v: a code of one symbol a concept has 1), or of `symbols` (p(v | c) is the share of v among all
    symbols said of c, p(c | v) the share of c among all concepts that v was said of: the same code has 1 / k^2). The end is no symbol;
    attributes that never vary are left out. Undefined for a constant language. Raises `UsageError` for another reading or count.
    """
    if reading not in READINGS:
        raise unknown("reading", reading, READINGS)
    if count not in COUNTS:
        raise unknown("count", count, COUNTS)
    known, counts = checked(tokens, lengths)
    meant = _varying(checked_attributes(attributes, len(known)))
    pick = "p(concept | symbol)" if reading == READINGS[0] else "p(symbol | concept)"
    how = f"plug-in, shares of {count}; symbol by {pick}; end not counted"
    if flaw := _flaw(known, counts, meant, how):
        return flaw
    table = _table(known, counts, meant, once=count == "messages")

    def independence(said: np.ndarray, about: np.ndarray) -> float:
        together = table.together(said, about)
        if count == "messages":
            by_symbol, by_concept = np.asarray(table.forms[said].sum(axis=0), float), table.about[about].sum(axis=0, dtype=float)
        else:
            by_symbol, by_concept = together.sum(axis=1), together.sum(axis=0)
        symbol_given = together / np.maximum(by_concept, 1)
        concept_given = together / np.maximum(by_symbol, 1)[:, None]
        lead, other = (concept_given, symbol_given) if reading == READINGS[0] else (symbol_given, concept_given)
        best = lead == lead.max(axis=0)
        products = lead.max(axis=0) * np.where(best, other, 0.0).max(axis=0)
        # a resample may lack a concept
        return float(products[by_concept > 0].mean())

    return judged(
        independence,
        len(known),
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason=_CONSTANT,
        bounds=(0.0, 1.0),
    )


class Matching(NamedTuple):
    """How well symbols match concepts one to one, and the pairs that do, the commonest first."""

    score: Value
    lexicon: tuple[Word, ...]


def concept_matching(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Matching:
    """Concept best matching: the one-to-one match of symbols to concepts that explains most, over what there was to explain, in [0, 1].

    A pair weighs as many messages as hold the symbol and are about the concept; the sum of the weights that match best (Kuhn 1955) is
    divided by the sum over messages of the greater of its length and the number of attributes (Carmeli et al. 2024). The end is no symbol.
    Undefined for a constant language. A word's `weight` is its share of that sum.
    """
    known, counts = checked(tokens, lengths)
    meant = checked_attributes(attributes, len(known))
    how = "Hungarian; weight: messages with both; end not counted"
    if flaw := _flaw(known, counts, meant, how):
        return Matching(flaw, ())
    table, longer = _table(known, counts, meant), np.maximum(counts, meant.shape[1])

    def score(said: np.ndarray, about: np.ndarray) -> float:
        together = table.together(said, about)
        return float(together[linear_sum_assignment(together, maximize=True)].sum() / longer[said].sum())

    everyone = np.arange(len(known))
    together = table.together(everyone, everyone)
    matches = zip(*linear_sum_assignment(together, maximize=True), strict=True)
    words = [table.word(form, concept, together, together[form, concept] / longer.sum()) for form, concept in matches]
    lexicon = tuple(sorted((word for word in words if word.together), key=lambda word: (-word.together, word)))
    value = judged(
        score,
        len(known),
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason=_CONSTANT,
        bounds=(0.0, 1.0),
    )
    return Matching(value, lexicon)


def adjusted_mutual_information(
    tokens: Integer[np.ndarray, "n t"],
    labels: Integer[np.ndarray, "n *k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """What whole messages tell of labels beyond chance, (I - E[I]) / (mean of both entropies - E[I]), at most 1 (Vinh et al. 2010).

    E[I] is the mean over all permutations. `labels` [n], or attributes [n k] whose combinations are the labels. Undefined where messages or
    labels are all equal, or where each occurs once, so that chance explains all there is. scikit-learn's, as Mu & Goodman (2021) use it.
    """
    ids, known = message_ids(tokens, lengths), np.asarray(labels)
    n, how = len(ids), "scikit-learn, arithmetic mean of entropies; whole messages, end not counted"
    if known.ndim not in (1, 2) or len(known) != n or known.dtype.kind not in "iu":
        raise UsageError(f"labels of shape {known.shape} and type {known.dtype}: expected {n} integers, or integers [{n}, k]")
    if n == 0:
        return undefined("no messages", 0, how)
    names = meaning_ids(known if known.ndim == 2 else known[:, None])
    if ids.max() == 0 or names.max() == 0:
        return undefined(_CONSTANT if ids.max() == 0 else "all labels are equal", n, how)
    expected, most = _expected_bits(ids, names), (entropy(ids) + entropy(names)) / 2
    room = most - expected

    def resampled(rows: np.ndarray) -> float | None:
        from sklearn.metrics import adjusted_mutual_info_score

        some, other = ids[rows], names[rows]
        flat = (some == some[0]).all() or (other == other[0]).all()
        return None if flat else float(adjusted_mutual_info_score(other, some))

    return judged(
        lambda said, meant: (shared_bits(ids[said], names[meant]) - expected) / room if room > 1e-9 else None,
        n,
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason="each message or each label occurs once: chance explains all",
        bounds=(-np.inf, 1.0),
        resampled=resampled,
    )


def _expected_bits(ids: np.ndarray, names: np.ndarray) -> float:
    """The mean of I(M; X) over all permutations, in bits: it depends on how often each occurs, and on nothing else."""
    from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

    return float(expected_mutual_information(contingency_matrix(names, ids, sparse=True).astype(np.int64), len(ids)) / np.log(2))


class Associations(NamedTuple):
    """Normalised pointwise mutual information of forms and concepts.

    `best`: the mean over concepts of the form that goes with it best; `bijective`: the same when no form may serve two concepts;
    `lexicon`: the one-to-one pairs, the strongest first, `weight` being their association.
    """

    best: Value
    bijective: Value
    lexicon: tuple[Word, ...]


def associations(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    longest: int = 1,
    whole: bool = False,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Associations:
    """Normalised pointwise mutual information of forms f and concepts c: ln[p(f, c) / (p(f) p(c))] / -ln p(f, c) (Lipinski et al. 2024).

    It is 1 where they always go together, 0 where they are independent, and -1, its limit, where they never meet. Forms are runs of 1 to
    `longest` symbols, anywhere in a message; with `whole` they are whole messages, and concepts whole combinations of attributes (the
    non-compositional reading). p are shares of messages. `bijective` takes the one-to-one match with the greatest sum, a pair below
    independence and a concept left without a form both counting 0: our reading of a bijective lexicon, in [0, 1]. Attributes that never
    vary are left out. Undefined for a constant language.
    """
    known, counts = checked(tokens, lengths)
    meant = _varying(checked_attributes(attributes, len(known)))
    forms = "whole messages" if whole else f"runs of 1 to {longest} symbols" if longest > 1 else "symbols"
    how = f"plug-in, shares of messages; {forms}; end not counted"
    if flaw := _flaw(known, counts, meant, how):
        return Associations(flaw, flaw, ())
    if whole:
        known, counts, meant = message_ids(known, counts)[:, None], np.ones(len(known), np.int64), meaning_ids(meant)[:, None]
    table, n, everyone = _table(known, counts, meant, longest=longest), len(known), np.arange(len(known))

    def strength(said: np.ndarray, about: np.ndarray) -> np.ndarray:
        return _npmi(table.together(said, about), table.forms[said].sum(axis=0), table.about[about].sum(axis=0), n)

    def both(said: np.ndarray, about: np.ndarray) -> tuple[float, float]:
        found = strength(said, about)
        there = table.about[about].any(axis=0)
        found = found[:, there]
        fair = np.maximum(found, 0.0)
        return float(found.max(axis=0).mean()), float(fair[linear_sum_assignment(fair, maximize=True)].sum() / found.shape[1])

    best, bijective = judged_together(
        both,
        n,
        [how, how + "; one-to-one"],
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reasons=[_CONSTANT, _CONSTANT],
        bounds=[(-1.0, 1.0), (0.0, 1.0)],
    )
    found, together = strength(everyone, everyone), table.together(everyone, everyone)
    matches = zip(*linear_sum_assignment(np.maximum(found, 0.0), maximize=True), strict=True)
    words = [table.word(form, concept, together, float(found[form, concept])) for form, concept in matches if found[form, concept] > 0]
    return Associations(best, bijective, tuple(sorted(words, key=lambda word: (-word.weight, word))))


def _npmi(together: Float[np.ndarray, "f c"], said: np.ndarray, meant: np.ndarray, n: int) -> Float[np.ndarray, "f c"]:
    """The association of every form with every concept; 0 where both are in every message, and -1 where they never meet."""
    some = together > 0
    joint = np.where(some, together, 1.0) / n
    apart = np.asarray(said, float)[:, None] * np.asarray(meant, float) / n**2
    bits = -np.log(joint)
    ratio = np.divide(np.log(joint / np.where(some, apart, 1.0)), bits, out=np.zeros(joint.shape), where=bits > 0)
    return np.where(some, ratio, -1.0)
