"""Words as CLIP counts them (Radford et al. 2021, section 2.4): lower case, split into the parts that its files of tokens list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from semiosis.errors import UsageError
from semiosis.extras import first_line

START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"  # what is split further: endings, words, single digits, runs of signs

Tokenize = Callable[[Sequence[str]], Int[np.ndarray, "n t"]]


def tokens(files: Sequence[Path], limit: int) -> Tokenize:
    """Texts to numbers [n t], t that of the longest: each begins with START and ends with END, which also fills up what is shorter.

    `files` are a `tokenizer.json`, or a `vocab.json` and a `merges.txt`; a text may have up to `limit` tokens.
    Raises UsageError: the library is missing, files that hold no tokens, a text that is too long.
    """
    library = _library()
    where = " and ".join(map(str, files))
    try:
        tokenizer = library.Tokenizer.from_file(str(files[0])) if len(files) == 1 else _built(library, *files)
    except Exception as error:  # the library's faults have no type of their own
        raise UsageError(f"cannot read the tokens of {where}: {first_line(error)}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    start, end = (tokenizer.token_to_id(word) for word in (START, END))
    if start is None or end is None:
        raise UsageError(f"{where} has no {START} and {END}: expected the tokens of CLIP")

    def tokenize(texts: Sequence[str]) -> Int[np.ndarray, "n t"]:
        rows = [[start, *tokenizer.encode(text, add_special_tokens=False).ids, end] for text in texts]
        longest = max(rows, key=len)
        if len(longest) > limit:
            text = texts[rows.index(longest)]
            raise UsageError(f"the text {text[:40]!r}... has {len(longest)} tokens: CLIP reads {limit}")
        return np.array([row + [end] * (len(longest) - len(row)) for row in rows], np.int32)

    return tokenize


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise UsageError("texts for CLIP need tokenizers, which is in the extra `clip`: pip install 'semiosis[clip]'") from error
    return tokenizers


def _built(library: Any, vocab: Path, merges: Path) -> Any:
    """CLIP's tokenizer from OpenAI's own pair of files: pairs of bytes merged within words, whose ends are marked."""
    model = library.models.BPE.from_file(str(vocab), str(merges), unk_token=END, end_of_word_suffix="</w>")
    tokenizer = library.Tokenizer(model)
    normal, split = library.normalizers, library.pre_tokenizers
    tokenizer.normalizer = normal.Sequence([normal.NFC(), normal.Replace(library.Regex(r"\s+"), " "), normal.Lowercase()])
    words = split.Split(library.Regex(WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = split.Sequence([words, split.ByteLevel(add_prefix_space=False, use_regex=False)])
    return tokenizer
