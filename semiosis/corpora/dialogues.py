"""Recorded conversations as a corpus: the HDF5 of Evtimova et al.'s code, and the Parquet of `semiosis dialogue-analysis`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semiosis.conversations import Conversations
from semiosis.corpora.types import NONE, Corpus, checked

AGENTS = ("sender", "receiver")


def read(path: Path) -> Corpus:
    """Read conversations in bits. Raises `UsageError` where the file holds none."""
    from semiosis.runs import conversations  # which plays games as well, and so brings JAX: only for who reads such a file

    return of(conversations.read(path))


def of(talk: Conversations) -> Corpus:
    """Conversations as a corpus: turns 0, 1, 2, ... of sender and receiver until the answer, which nobody replies to."""
    n, t, d = talk.sender.shape
    both = np.stack([talk.sender, talk.receiver], axis=2).reshape(n, 2 * t, d)
    turn = np.broadcast_to(np.arange(2 * t), (n, 2 * t))
    said = turn < 2 * talk.length[:, None] - 1
    example, back = np.nonzero(said)[0], turn[said] % 2 == 1
    guess = np.repeat(talk.scores.argmax(axis=2), 2, axis=1)[said]
    target = talk.target[example]
    return checked(
        Corpus(
            tokens=both[said].astype(np.int32),
            length=np.full(len(back), d),
            seed=np.zeros(len(back), int),
            speaker=back.astype(int),
            listener=1 - back.astype(int),
            example=example,
            turn=turn[said],
            guess=np.where(back, NONE, guess)[:, None],
            target=np.where(back, NONE, target)[:, None],
            correct=np.where(back, np.nan, guess == target),
            label=target,
            reference=talk.example[example],
            agents=AGENTS,
            about={
                "message": {"kind": "bits", "vocab_size": 2, "max_len": d, "end": "every message has this many bits"},
                "answer": "the class; after each message, what the answer would be",
                "classes": list(talk.classes),
            },
        )
    )
