"""The doctor: what ails a run, told from its figures in plain words, with the numbers and with what to try.

Each ailment is a function of `Facts`. What separates it from luck is stated where it stands: a share of right answers is compared with
what blind guesses reach by luck (binomial), and all looks at all seeds of a run together suspect a healthy one with probability ALARM. What
may also be a language in the making is worth a warning from the middle of the training on, where it costs HALF of what there is to gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtrc, entr, ndtri

from semiosis.runs import directory, files, records
from semiosis.runs.facts import HALF, Facts, Some, gain, in_training, listed, of_evaluation

ALARM = 0.01  # the probability that a healthy run is suspected of an ailment, at all looks at all its seeds together
LOOKS = 10  # a run looks at itself so often, unless told otherwise
LEVEL = 1 / 255  # the least difference that a picture of eight bits can show
GRAVITY = ("warning", "note", "ok")
TAMPERED = {
    "silent": "when nothing is heard",
    "constant": "when all hear the same message",
    "shuffled": "when each hears a message about something else",
}
EXPLORE = "Try more exploration (a larger entropy weight), a lower learning rate, or other seeds"
NO_NUMBER = ("not a number", "infinite", "minus infinite")  # as metrics.jsonl says it


class Word(NamedTuple):
    """What the doctor says: about which ailment, how grave ("warning", "note" or "ok"), and the sentence."""

    about: str
    severity: str
    says: str


Ailment = tuple[tuple[int, ...], Word]  # the seeds that have it, and the word


def diagnose(facts: Facts) -> list[Word]:
    """What ails a run, the gravest first; one word that all is well where it is."""
    return [word for _, word in examined(facts)]


def examined(facts: Facts) -> list[Ailment]:
    """The same, each word with the seeds that it is about."""
    found = _broken(facts) + _diverging(facts)
    ill = {seed for seeds, _ in found for seed in seeds}
    rest = facts.of([seed for seed in facts.seeds if seed not in ill])
    found += [ailment for look in LOOK for ailment in look(rest)]
    caused = {seed for seeds, word in found for seed in seeds if word.severity == "warning"}
    blind = _blind(facts.of([seed for seed in facts.seeds if seed not in caused]))
    if not blind and not any(word.severity == "warning" for _, word in found):
        found += _well(facts)
    return sorted(found + blind, key=lambda ailment: GRAVITY.index(ailment[1].severity))


# ------------------------------------------------------------------------------------------------------------ statistics


def lucky(n: int, chance: float, alpha: float) -> float:
    """The share of n answers that blind guesses pass with a probability of `alpha` at most."""
    return int(np.argmax(bdtrc(np.arange(n + 1), n, chance) <= alpha)) / n


def beyond(share: float | None, n: int, chance: float | None, alpha: float) -> bool:
    """Whether so many right answers are no luck: P(Binomial(n, chance) >= share n) <= alpha."""
    if share is None or chance is None or n == 0:
        return False
    right = math.floor(share * n + 1e-6)
    return right > 0 and bool(bdtrc(right - 1, n, chance) <= alpha)


def margin(share: float, other: float, n: int, alpha: float) -> float:
    """What two shares of n answers differ by through luck at most (normal, as if the answers were not of the same examples)."""
    variance = sum(max(x * (1 - x), 0.0) for x in (share, other))  # a mean of floats may be a little more than 1
    return -float(ndtri(alpha)) * math.sqrt(variance / max(n, 1))


def deviation(entropy: float) -> float:
    """The probability, at most, that a choice of so much entropy in nats falls otherwise than the likeliest; 1/2 from ln 2 on.

    Of all distributions with a likeliest outcome of 1 - p, the one with a single other outcome has the least entropy, h(p).
    """
    if entropy >= math.log(2):
        return 0.5
    found: Any = brentq(lambda p: float(entr(p) + entr(1 - p)) - max(entropy, 0.0), 0.0, 0.5)
    return float(found)


def _alpha(facts: Facts, ways: int = 1) -> float:
    """What each test may err by, of all seeds, all looks and so many ways to be ill."""
    return ALARM / (max(len(facts.seeds), 1) * LOOKS * ways)


def _rarely(alpha: float) -> str:
    """How often luck does it."""
    return f"once in {round(1 / alpha):,} times"


# -------------------------------------------------------------------------------------------------- a loss that is no loss


def _broken(facts: Facts) -> list[Ailment]:
    """A loss that is no number any more."""
    since: dict[int, int] = {}
    for row in facts.rows:
        names = [name for name in row if name == "loss" or name.endswith("_loss")]
        lost = any(row[name] is None and (row.get("reasons") or {}).get(name) in NO_NUMBER for name in names)
        if lost:
            since.setdefault(row["seed"], row["step"])
        elif row["split"] == "train":
            since.pop(row["seed"], None)
    if not (ill := facts.some(lambda place: facts.seeds[place] in since)):
        return []
    first = min(since[seed] for seed in ill.seeds)
    says = (
        f"the loss{ill} is no number any more since step {first:,}, and no later step can mend that: train anew with a lower learning rate"
    )
    return _word(ill, "loss", "warning", f"{says}, or with --clip where the game has it")


def _diverging(facts: Facts) -> list[Ailment]:
    """A loss ten times that of the beginning: a tenth of the lines of training, by their mean."""
    ends = [np.array_split(facts.curve("loss", seed), 10) for seed in facts.seeds]

    def diverges(place: int) -> bool:
        first, last = ends[place][0], ends[place][-1]
        return len(last) > 0 and not facts.harder and 0 < 10 * float(np.mean(first)) < float(np.mean(last))

    if not (ill := facts.some(diverges)):
        return []
    first, last = (float(np.mean([np.mean(ends[place][end]) for place in ill.places])) for end in (0, -1))
    return _word(ill, "loss", "warning", f"the loss{ill} has grown from {first:.3g} to {last:.3g}: try a lower learning rate")


# -------------------------------------------------------------------------------------------- what messages are good for


def _leak(facts: Facts) -> list[Ailment]:
    """Right answers without a message: what is said is not needed to find the target.

    Messages that are silent, constant or about something else tell nothing of the target; what is right with them is luck, which is
    binomial with the accuracy of the best blind guess (which knows how often each answer is right).
    """
    alpha = _alpha(facts, len(TAMPERED))
    guilty: dict[tuple[int, ...], list[str]] = {}
    for how in TAMPERED:
        name = f"accuracy_{how}"
        ill = facts.some(lambda place, name=name: beyond(facts.at(name, place), facts.examples(name), facts.chance, alpha))
        guilty.setdefault(ill.places, []).append(how)
    found: list[Ailment] = []
    for places, ways in guilty.items():
        if not places or facts.chance is None:
            continue
        ill, luck = Some(facts, places), max(lucky(facts.examples(f"accuracy_{how}"), facts.chance, alpha) for how in ways)
        shares = listed([f"{ill.mean(f'accuracy_{how}'):.3f} {TAMPERED[how]}" for how in ways])
        as_it_is = "" if math.isnan(own := ill.mean("accuracy")) else f" ({own:.3f} as it is)"
        says = (
            f"a leak: accuracy{ill} is {shares}{as_it_is}, and blind guesses, of which {facts.chance:.3g} are "
            f"right, pass {luck:.3f} {_rarely(alpha)}: the answer can be found without listening. Look for the target's place or label "
            "in what the listener sees, or for answers that are not equally common"
        )
        found += _word(ill, "leak", "warning", says)
    return found


def _ignored(facts: Facts) -> list[Ailment]:
    """Answers that are better than chance, and no better than with messages about something else."""
    if not (ill := facts.some(lambda place: _useless(facts, "accuracy_shuffled", place))):
        return []
    says = (
        f"the channel is ignored: accuracy{ill} is {ill.mean('accuracy'):.3f}, and {ill.mean('accuracy_shuffled'):.3f} when each hears a "
        "message about something else: what is said makes no difference to the answers. Take from the listener what it answers by instead"
    )
    return _word(ill, "ignored", "warning", says)


def _useless(facts: Facts, name: str, place: int) -> bool:
    """Whether accuracy is no luck, and neither is what is left of it where messages are tampered with: within 95 % as much."""
    own, other, n = facts.at("accuracy", place), facts.at(name, place), facts.examples(name)
    if own is None or other is None:
        return False
    return all(beyond(share, n, facts.chance, _alpha(facts)) for share in (own, other)) and own - other <= margin(own, other, n, 0.025)


def _blind(facts: Facts) -> list[Ailment]:
    """No better than blind guesses when half of the training is over: a warning, unless it has only just begun to learn."""

    def guesses(place: int) -> bool:
        accuracy = facts.at("accuracy", place)
        return accuracy is not None and facts.n > 0 and not beyond(accuracy, facts.n, facts.chance, ALARM)

    if facts.chance is None or not facts.half or not (ill := facts.some(guesses)):
        return []
    n = facts.n * facts.pairs * len(ill.places)
    if beyond(ill.mean("accuracy"), n, facts.chance, ALARM):  # each by itself may be luck, all together are not
        return []
    says = (
        f"no better than blind guesses after step {facts.step:,} of {facts.steps:,}: accuracy{ill} is {ill.mean('accuracy'):.3f}, and "
        f"guesses, of which {facts.chance:.3g} are right, pass {lucky(n, facts.chance, ALARM):.3f} {_rarely(ALARM)}"
    )
    if facts.brief:
        seen = facts.step * facts.config["batch_size"]
        return _word(ill, "brief", "note", f"{says}. It has seen {seen:,} examples, of {facts.things:,}: train longer")
    if _falls(facts, ill.seeds):
        return _word(ill, "brief", "note", f"{says}. The loss still falls: train longer")
    advice = "Try an easier game first (fewer candidates, more symbols), another learning rate, or a longer training"
    return _word(ill, "nothing", "warning", f"{says}, and the loss does not fall. {advice}")


def _falls(facts: Facts, seeds: Sequence[int]) -> bool:
    """Whether the loss of these seeds, all together, still falls in the second half of the lines (Kendall's tau, one-sided)."""
    from scipy.stats import kendalltau

    curves = [curve for seed in seeds if len(curve := facts.curve("loss", seed)) > 4]
    if not curves:
        return False
    curve = np.mean([curve[-min(map(len, curves)) :] for curve in curves], axis=0)
    found: Any = kendalltau(np.arange(len(curve) - len(curve) // 2), curve[len(curve) // 2 :], alternative="less")
    return bool(found.pvalue < ALARM)


# ------------------------------------------------------------------------------------------------------- what is there to say


def _collapse(facts: Facts) -> list[Ailment]:
    """Too few messages for what there is to say.

    With M different messages, M x chance of the answers can be right at most, however good the listener: each message brings one answer,
    or one choice among the candidates that share it, and that is right in a share of chance. Messages that are said unequally often
    count as the 2^H that would be.
    """
    settled = _settled(facts)
    if not (facts.late or settled) or facts.game == "naming" or facts.n < 2:
        return []
    same = facts.some(lambda place: facts.at("messages", place) == 1.0 and (facts.late or place in settled.places))
    found: list[Ailment] = []
    if same:
        says = f"collapse: the speaker{same} says the same about all {facts.n:,} things, so nothing can be understood. {EXPLORE}"
        found += _word(same, "collapse", "warning", says)

    def few(place: int) -> bool:
        count, bits = facts.at("messages", place), facts.at("message_entropy", place)
        if facts.chance is None or count is None or facts.good(place) or not (facts.late or place in settled.places):
            return False
        return count > 1 and gain(min(count, math.inf if bits is None else 2**bits) * facts.chance, facts.chance) < HALF

    if facts.chance is None or not (ill := facts.some(few)):
        return found
    count, bits, room = ill.mean("messages"), ill.mean("message_entropy"), _room(facts.config)
    told = "" if math.isnan(bits) else f", which say as much as {2**bits:.3g} that are equally common"
    says = (
        f"collapse: the speaker{ill} has {count:.3g} different messages for {facts.n:,} things{told}. Of so many equally common ones, "
        f"{min(1.0, (count if math.isnan(bits) else 2**bits) * facts.chance):.3f} of the answers could be right at most. "
    )
    full = room is not None and count >= room
    says += f"There are no more than {room:,} messages: raise --vocab-size or --max-len" if full else EXPLORE
    return found + _word(ill, "collapse", "warning", says)


def _room(config: Mapping[str, Any]) -> int | None:
    """How many messages of symbols there are, where the dials say it."""
    symbols, longest = config.get("vocab_size"), config.get("max_len", 1)
    if symbols is None:
        return None
    return sum(symbols**length for length in range(longest + 1)) if config.get("variable_length") else symbols**longest


class Choices(NamedTuple):
    """How many choices a message has, the entropy of one by seed and the most it can be, in nats, and how many messages a batch has."""

    number: int
    each: Callable[[int], float | None]
    most: float
    batch: int


def _choices(facts: Facts) -> Choices | None:
    """The choices of speakers that learn by trying; None where they learn otherwise, or the dials do not say."""
    config, batch = facts.config, facts.config.get("batch_size", 1)
    if "entropy" not in facts.figures:
        return None
    if "message_bits" in config:
        bits = config["message_bits"]
        each = lambda place: None if (x := facts.at("entropy", place)) is None else x / bits  # noqa: E731
        return Choices(bits * config.get("max_exchange", 1), each, math.log(2), batch) if config.get("channel") == "bits" else None
    if "vocab_size" not in config or config.get("learning") not in ("reinforce", "policy-gradient"):
        return None
    symbols = config["vocab_size"] + bool(config.get("variable_length"))
    return Choices(config.get("max_len", 1), lambda place: facts.at("entropy", place), math.log(max(symbols, 2)), batch)


def _settled(facts: Facts) -> Some:
    """Speakers that try nothing new and are not understood: fewer than one choice of a batch falls otherwise than the likeliest."""
    choices = _choices(facts)

    def settled(place: int) -> bool:
        if choices is None or (entropy := choices.each(place)) is None or facts.at("accuracy", place) is None:
            return False
        return not facts.good(place) and _tried(choices, entropy) < 1

    return facts.some(settled)


def _tried(choices: Choices, entropy: float) -> float:
    """How many choices of a batch fall otherwise than the likeliest, at most."""
    return choices.batch * choices.number * deviation(entropy)


def _entropy(facts: Facts) -> list[Ailment]:
    """A speaker that has ceased to explore before it was understood, or that still babbles when half of the training is over.

    What sampled messages tell of what was seen is at most what they could say less what is noise: choices x (most - entropy).
    """
    choices, found = _choices(facts), []
    if choices is None or facts.chance is None or not 0 < facts.chance < 1 or facts.step == 0:
        return found
    if ill := _settled(facts):
        entropy = float(np.mean([choices.each(place) or 0.0 for place in ill.places]))
        says = (
            f"the speaker's entropy{ill} has vanished ({entropy:.2g} of {choices.most:.3g} nats a choice) while accuracy is "
            f"{ill.mean('accuracy'):.3f}: of a batch, {_tried(choices, entropy):.2g} choices fall otherwise than the likeliest, so nothing "
            "new is tried. Try a larger entropy weight, or a lower learning rate of the speaker"
        )
        found += _word(ill, "entropy", "warning", says)
    need = -math.log(facts.chance)

    def babbles(place: int) -> bool:
        entropy = choices.each(place)
        return entropy is not None and not facts.good(place) and choices.number * (choices.most - entropy) < need

    if facts.late and (ill := facts.some(babbles)):
        entropy = float(np.mean([choices.each(place) or 0.0 for place in ill.places]))
        says = (
            f"the speaker{ill} still babbles: with an entropy of {entropy:.3g} of {choices.most:.3g} nats a choice, its messages tell "
            f"{max(0.0, choices.number * (choices.most - entropy)):.2g} nats at most, and the answer takes {need:.2g}. Train longer, or "
            "try a smaller entropy weight, or a higher learning rate of the speaker"
        )
        found += _word(ill, "entropy", "note", says)
    return found


def _pictures(facts: Facts) -> list[Ailment]:
    """Blank paper, or glyphs that are all alike: less than what eight bits can show."""

    def faint(name: str) -> Some:
        value = lambda place: facts.at(name, place)  # noqa: E731
        return facts.some(lambda place: (x := value(place)) is not None and min(x, 1 - x) < LEVEL)

    found: list[Ailment] = []
    if facts.late and (ill := faint("ink")):
        says = f"blank paper: what is drawn{ill} has {ill.mean('ink'):.2g} of the ink there could be, which no screen shows"
        found += _word(ill, "pictures", "warning", f"{says}: strokes may be too thin, too faint or off the canvas; try a larger --sigma2")
    if facts.late and (ill := faint("glyph_distance")):
        says = f"collapse: all glyphs{ill} look alike: they differ by {ill.mean('glyph_distance'):.2g}, which no screen shows"
        found += _word(ill, "collapse", "warning", f"{says}. Try a lower learning rate, or a channel with less noise")
    return found


# ---------------------------------------------------------------------------------------------------- single games, and seeds


def _agreement(facts: Facts) -> list[Ailment]:
    """Agents of a naming game that do not agree, or have one sign for everything."""
    if facts.game != "naming" or facts.n < 2 or not facts.late:
        return []
    config, found = facts.config, []
    if one := facts.some(lambda place: (bits := facts.at("message_entropy", place)) is not None and bits < 1):
        says = f"collapse: one sign{one} has swallowed nearly everything: signs say as much as {2 ** one.mean('message_entropy'):.3g}"
        advice = "Try --start k-means++, --anneal, or another --wishart-scale"
        found += _word(one, "collapse", "warning", f"{says} that are equally common, of {config.get('signs', 'more')}. {advice}")

    def apart(place: int) -> bool:
        kappa = facts.at("kappa", place)
        return kappa is not None and place not in one.places and kappa <= _luck_of_kappa(facts, place)

    ill = facts.some(apart)
    if not ill:
        return found
    most = max(_luck_of_kappa(facts, place) for place in ill.places)
    says = f"agents{ill} do not agree on signs: kappa is {ill.mean('kappa'):.3f}, and independent agents pass {most:.3f}"
    says += f" {_rarely(_alpha(facts))}"
    if config.get("mode") in ("no-communication", "gibbs") or config.get("acceptance") == "never":
        return found + _word(ill, "agreement", "note", f"{says}, as is to be expected where nobody listens")
    taken = ill.mean("accepted")
    if taken * facts.n < 1:
        why = "Listeners take none of the signs they are told: try --anneal, or --acceptance probability"
    elif (1 - taken) * facts.n < 1:
        why = "Listeners take every sign they are told, whatever they see: look at --acceptance and --mode"
    else:
        why = "Train longer, or try --anneal or --between warm"
    return found + _word(ill, "agreement", "warning", f"{says}. {why}")


def _luck_of_kappa(facts: Facts, place: int) -> float:
    """The kappa that independent agents pass by luck with a probability of `_alpha`.

    Their kappa has mean 0 and variance p / (n (1 - p)), where p, the agreement by chance, is 2^-H or more.
    """
    alike = 2.0 ** -(facts.at("message_entropy", place) or 0.0)
    return -float(ndtri(_alpha(facts))) * math.sqrt(alike / (max(facts.n, 1) * max(1 - alike, 1e-9)))


def _conversation(facts: Facts) -> list[Ailment]:
    """A receiver that always answers at once, or never by itself; a sender that makes nothing of what comes back."""
    most, found = facts.config.get("max_exchange", 0), []
    if most < 2 or not facts.late or facts.n == 0:
        return found

    def all_of(length: int) -> Some:
        return facts.some(lambda place: (x := facts.at("exchanges", place)) is not None and abs(x - length) * facts.n < 0.5)

    if facts.config.get("exchange") == "adaptive":
        if ill := all_of(1):
            says = f"the receiver{ill} answers at once: no conversation is longer than one exchange; try a larger --stop-entropy"
            found += _word(ill, "conversation", "note", says)
        if ill := all_of(most):
            says = f"the receiver{ill} never answers by itself: all conversations go on to the end of {most}; try a --step-cost"
            found += _word(ill, "conversation", "note", says)
    if ill := facts.some(lambda place: _useless(facts, "accuracy_deaf", place)):
        says = (
            f"the conversation{ill} goes one way: accuracy is {ill.mean('accuracy'):.3f}, and {ill.mean('accuracy_deaf'):.3f} when nothing "
            "that the receiver says is heard"
        )
        found += _word(ill, "conversation", "note", says)
    return found


def _disagreeing(facts: Facts) -> list[Ailment]:
    """Seeds that failed where another one learned: with less than HALF of its gain over chance, and not by luck."""
    name, chance = ("accuracy", facts.chance) if "accuracy" in facts.figures else ("kappa", 0.0)
    known = {place: x for place in range(len(facts.seeds)) if (x := facts.at(name, place)) is not None}
    if chance is None or len(known) < 2 or not facts.late:
        return []
    first = max(known, key=lambda place: known[place])
    best, alpha = known[first], _alpha(facts)
    if not (beyond(best, facts.n, chance, alpha) if name == "accuracy" else best > _luck_of_kappa(facts, first)):
        return []

    def failed(place: int) -> bool:
        share = known.get(place, best)
        luck = margin(share, best, facts.n, alpha) if name == "accuracy" else _luck_of_kappa(facts, place)
        return gain(share, chance) < HALF * gain(best, chance) and best - share > luck

    if not (ill := facts.some(failed)):
        return []
    others = [known[place] for place in known if place not in ill.places]
    reached = f"the others reach {min(others):.3f} to {max(others):.3f}" if len(others) > 1 else f"the other reaches {others[0]:.3f}"
    each = ", ".join(f"seed {facts.seeds[place]} {known[place]:.3f}" for place in ill.places)
    says = f"seeds disagree wildly: {name} of {each}, where {reached}. A mean over them hides two kinds of run: tell how many failed"
    return _word(ill, "seeds", "warning", says)


def _rising(facts: Facts) -> list[Ailment]:
    """Success that is greater in the last tenth of the lines of training than in the tenth two before it (Welch's t)."""
    from scipy.stats import ttest_ind

    name = "kappa" if facts.game == "naming" else "accuracy"
    curves = [np.array_split(facts.curve(name, seed), 10) for seed in facts.seeds]
    if facts.step < facts.steps or facts.harder or not curves or min(len(curve[-1]) for curve in curves) < 2:
        return []
    before, after = (np.concatenate([curve[part] for curve in curves]) for part in (-3, -1))
    first, last = float(np.mean(before)), float(np.mean(after))
    if last - first < 0.01 or np.var(before) + np.var(after) == 0:  # less than a point in a hundred is worth no further training
        return []
    found: Any = ttest_ind(after, before, equal_var=False, alternative="greater")
    if found.pvalue > ALARM:
        return []
    says = f"trained too briefly: {name} still rises at the end, from {first:.3f} to {last:.3f} in the last fifth of the steps"
    return _word(Some(facts, tuple(range(len(facts.seeds)))), "brief", "note", f"{says}; `semiosis resume` with more --steps goes on")


def _well(facts: Facts) -> list[Ailment]:
    """One word where messages are understood, or signs are agreed on, by all seeds together (a seed that fails is another word)."""
    whole = facts.some(lambda place: facts.at("accuracy", place) is not None)
    own, shuffled, alpha = whole.mean("accuracy"), whole.mean("accuracy_shuffled"), ALARM
    # seeds meet the same exam, and share what it favours: so many answers as one has
    heard = math.isnan(shuffled) or own - shuffled > margin(own, shuffled, facts.n, alpha)
    if len(whole.places) == len(facts.seeds) > 0 and heard and facts.chance is not None and beyond(own, facts.n, facts.chance, alpha):
        with_other = "" if math.isnan(shuffled) else f", and {shuffled:.3f} when each hears a message about something else"
        so = "are" if gain(own, facts.chance) >= HALF else "begin to be"
        says = f"messages {so} understood: accuracy is {own:.3f}, that of blind guesses {facts.chance:.3g}"
        return _word(whole, "all", "ok", says + with_other)
    whole = facts.some(lambda place: (facts.at("kappa", place) or 0) > 0)
    if facts.late and len(whole.places) == len(facts.seeds) > 0 and not _agreement(facts):
        return _word(whole, "all", "ok", f"agents agree on signs: kappa is {whole.mean('kappa'):.3f}, 0 by chance")
    return []


def _word(ill: Some, about: str, severity: str, says: str) -> list[Ailment]:
    """One ailment."""
    return [(ill.seeds, Word(about, severity, says))]


LOOK: tuple[Callable[[Facts], list[Ailment]], ...] = (
    _leak, _ignored, _collapse, _entropy, _pictures, _agreement, _conversation, _disagreeing, _rising,
)  # fmt: skip


# --------------------------------------------------------------------------------------------------------- whom it looks at


def attend(run: directory.Run, step: int, steps: int, checkups: Sequence[Mapping[str, float | None]]) -> list[Ailment]:
    """Look at a run in training, with the check-up of each seed, and keep what is found in its doctor.json.

    That is `{"step", "split", "n", "chance", "doctor": [{"about", "severity", "says"}, ...]}`. What was said of messages that are tampered
    with stands there until that is looked at again.
    """
    facts = in_training(run.record, records.read_metrics(run), step, steps, checkups)
    found, file = examined(facts), run.path / "doctor.json"
    words = [word._asdict() for _, word in found]
    if file.exists() and not any(f"accuracy_{how}" in facts.figures for how in TAMPERED):
        kept = [word for word in files.read_json(file)["doctor"] if word["about"] in ("leak", "ignored")]
        words = kept + [word for word in words if word["severity"] != "ok" or not kept]
    files.write_json(file, {"step": step, "split": "valid", "n": facts.n, "chance": facts.chance, "doctor": words})
    return found


def words_of(result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], record: Mapping[str, Any] | None = None) -> list[dict[str, str]]:
    """What the doctor says of an evaluation, as evaluation.json has it under "doctor".

    `result` is the object of evaluation.json, `rows` are those of metrics.jsonl, `record` is the object of config.json: without it, what
    depends on the dials of the game is left out.
    """
    return [word._asdict() for word in diagnose(of_evaluation(result, rows, record or {}))]


def of(path: Path | str) -> list[Word]:
    """What the doctor says of a run directory: by its evaluation.json, or else what it said in training, or else by its curves alone.

    Raises UsageError where the directory holds no run, or a file in it is damaged.
    """
    run = directory.open_run(path)
    rows = records.read_metrics(run)
    if (file := run.path / "evaluation.json").exists():
        return diagnose(of_evaluation(files.read_json(file), rows, run.record))
    if (file := run.path / "doctor.json").exists():
        return [Word(*(str(word[name]) for name in Word._fields)) for word in files.read_json(file)["doctor"]]
    last = max((row["step"] for row in rows), default=0)
    return diagnose(in_training(run.record, rows, last, max(last, run.record["config"].get("steps") or 0)))
