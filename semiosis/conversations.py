"""Recorded conversations in bits: what was said, how likely it was, what was thought of it; and how one reads in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax

from semiosis.errors import UsageError
from semiosis.metrics.dialogue import answered_scores, target_rank

SPARKS = "▁▂▃▄▅▆▇█"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # of five bits each, as in RFC 4648: all can be printed


class Conversations(NamedTuple):
    """n conversations of t steps and d bits about c classes.

    `example` [n] are their names, all different; `target` [n] the place of the right one in `classes`. `sender` and `receiver` are what
    was said, bool [n t d], of probabilities `sender_p` and `receiver_p`, float32 [n t d]. `scores` are the receiver's logits after the
    sender's message, float32 [n t c]. `stop` is its bit after that, bool [n t], true to go on, and `stop_p` the probability of going on,
    float32 [n t]. `mask` is whether the conversation was open when a step began, bool [n t]; what stands where it was not is what would
    have been said.
    """

    example: np.ndarray
    target: np.ndarray
    classes: tuple[str, ...]
    sender: np.ndarray
    sender_p: np.ndarray
    receiver: np.ndarray
    receiver_p: np.ndarray
    scores: np.ndarray
    stop_p: np.ndarray
    stop: np.ndarray
    mask: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Steps until the answer [n], 1 or more."""
        return self.mask.sum(axis=1)

    @property
    def answer(self) -> np.ndarray:
        """The class that scored best at the last open step [n]."""
        return answered_scores(self.scores, self.mask).argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """Whether the answer is right [n]."""
        return self.answer == self.target

    @property
    def rank(self) -> np.ndarray:
        """The place of the right class among the scores of each step [n t], 1 for the best."""
        return target_rank(self.scores, self.target)


PARTS = ("code", "back", "sender", "receiver", "on", "go", "open", "steps")  # of an episode's info, from which conversations are made


def recorded(
    info: Mapping[str, np.ndarray], target: np.ndarray, example: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> Conversations:
    """Conversations from the `PARTS` of episodes: bits `code` and `back` [n t d] with their logits `sender` and `receiver`, and so on."""
    said = {
        "sender": info["code"] > 0.5,
        "sender_p": expit(info["sender"]),
        "receiver": info["back"] > 0.5,
        "receiver_p": expit(info["receiver"]),
    }
    went = {"stop_p": expit(info["on"]), "stop": info["go"] > 0.5, "mask": info["open"] > 0.5}
    return Conversations(np.asarray(example), np.asarray(target), tuple(classes), **said, scores=info["steps"], **went)


def check_rows(talk: Conversations, rows: Sequence[int]) -> None:
    """Refuse places where there is no conversation."""
    if not len(rows) or not all(0 <= i < len(talk.target) for i in rows):
        raise UsageError(f"conversations {list(rows)}: expected one or more from 0 to {len(talk.target) - 1}")


def printed(talk: Conversations, rows: Sequence[int], *, letters: bool = False) -> str:
    """Some conversations for the terminal: at each step what both said, how sure they were of their bits, and the best class.

    A bar is the probability of a bit. Behind the bits stands how many have changed since the agent's last message, the first from zeros.
    `letters` tells five bits by one letter (A to Z, 2 to 7; the first bit weighs most, the last letter is filled up with zeros).
    """
    check_rows(talk, rows)
    return "\n\n".join("\n".join(_told(talk, i, letters=letters)) for i in rows)


def _told(talk: Conversations, i: int, *, letters: bool) -> list[str]:
    """The lines of a conversation."""
    kind, answer = talk.classes[talk.target[i]], talk.classes[talk.answer[i]]
    number = int(talk.length[i])
    end = "right" if talk.correct[i] else f"wrong: {answer}"
    lines = [f"{talk.example[i]}  {kind}"]
    for t in range(number):
        p = softmax(talk.scores[i, t].astype(float))
        best = int(p.argmax())
        going = "over" if t + 1 == number and talk.stop[i, t] else "stops" if t + 1 == number else "goes on"
        said = [_message(vec, q, i, t, letters=letters) for vec, q in ((talk.sender, talk.sender_p), (talk.receiver, talk.receiver_p))]
        lines.append(f"{t + 1:>3} sender   {said[0]}")
        lines.append(f"    receiver {said[1]}  {talk.classes[best]} {p[best]:.2f}  {going} (on {talk.stop_p[i, t]:.2f})")
    return [*lines, f"    {end}, after {number} {'step' if number == 1 else 'steps'}"]


def _message(vec: np.ndarray, p: np.ndarray, i: int, t: int, *, letters: bool) -> str:
    """Bars of probabilities, the bits or their letters, and how many have changed."""
    now, before = vec[i, t], vec[i, t - 1] if t else np.zeros_like(vec[i, t])
    bars = "".join(SPARKS[min(int(one * len(SPARKS)), len(SPARKS) - 1)] for one in p[i, t])
    return f"{bars} {lettered(now) if letters else ''.join('01'[int(bit)] for bit in now)} {int((now != before).sum()):>3}"


def lettered(said: np.ndarray) -> str:
    """Bits [d] as letters of five bits each."""
    filled = np.pad(said.astype(int), (0, -len(said) % 5)).reshape(-1, 5)
    return "".join(LETTERS[value] for value in filled @ (16, 8, 4, 2, 1))
