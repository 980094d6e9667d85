"""The two who talk in bits: a sender that looks at an image, a receiver that reads texts, and the values that each expects to be paid.

Leading axes: `t` steps, where several are thought through at once, before `n` conversations; `d` bits of a message, `i` places of an image,
`c` classes, `w` words of a text. What does not change while they talk is computed once: `Sight` and `Notes`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from semiosis.nets.convolution import Affine, Conv
from semiosis.nets.linear import Linear, xavier
from semiosis.nets.recurrent import ResetAfterGRU

Fusion = Literal["sum", "product", "four-part"]


class Attention(eqx.Module):
    """How a sender weighs the places of an image: v tanh(A_w w + A_x x_i + A_g g) + b, g a view of the whole image where there is one."""

    query: Linear
    place: Linear
    context: Linear | None
    score: Linear

    def __init__(self, places: int, bits: int, context: int, size: int, *, key: PRNGKeyArray):
        keys = jax.random.split(key, 4)
        self.query, self.place = Linear(bits, size, key=keys[0], init=xavier), Linear(places, size, key=keys[1], init=xavier)
        self.context = Linear(context, size, key=keys[2], init=xavier) if context else None
        self.score = Linear(size, 1, key=keys[3], init=xavier)


class Sight(NamedTuple):
    """What a sender makes of an image before it talks: a projection `look` [n h]; with attention `places` [n i f] and `keys` [n i a]."""

    look: Float[Array, "n h"] | None
    places: Float[Array, "n i f"] | None
    keys: Float[Array, "n i a"] | None


class Sender(eqx.Module):
    """Sees an image, reads what the receiver said last, and says `bits` logits; it remembers nothing.

    Its first message answers a learned code of its own. With `attention` it looks at places of the image by what it has just read; `eye` is
    a stack of convolutions [side 3, every second place] before all else. `deaf`, it takes no notice of what it reads.
    """

    eye: tuple[Conv, ...]
    image: Linear
    code: Linear
    message: Linear
    opening: Float[Array, " d"]
    later: Float[Array, " d"] | None
    attention: Attention | None
    fusion: Fusion = eqx.field(static=True)
    deaf: bool = eqx.field(static=True)

    def __init__(
        self,
        shape: tuple[int, ...],
        bits: int,
        *,
        hidden: int = 256,
        fusion: Fusion = "sum",
        eye: tuple[int, ...] = (),
        attention: int = 0,
        context: int = 0,
        deaf: bool = False,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 7)
        *sides, channels = shape if len(shape) == 3 else (1, *shape)
        widths = (channels, *eye)
        eyes = [
            Conv(i, o, 3, stride=2, padding=1, key=k) for i, o, k in zip(widths, eye, jax.random.split(keys[0], len(eye) + 1), strict=False)
        ]
        sides = [-(-side // 2 ** len(eye)) for side in sides]
        features = widths[-1] if attention else widths[-1] * sides[0] * (sides[1] if len(sides) > 1 else 1)
        self.eye, self.fusion, self.deaf = tuple(eyes), fusion, deaf
        self.image, self.code = Linear(features, hidden, key=keys[1], init=xavier), Linear(bits, hidden, key=keys[2], init=xavier)
        self.message = Linear(hidden * (4 if fusion == "four-part" else 1), bits, key=keys[3], init=xavier)
        self.opening = jax.random.normal(keys[4], (bits,))
        self.later = jax.random.normal(keys[5], (bits,)) if deaf and fusion == "four-part" else None
        self.attention = Attention(features, bits, context, attention, key=keys[6]) if attention else None

    def see(self, x: Float[Array, "n ..."], context: Float[Array, "n g"] | None = None) -> Sight:
        """Look at images [n h w c] or vectors [n d], once for a conversation."""
        for layer in self.eye:
            x = jax.nn.relu(layer(x))
        if self.attention is None:
            return Sight(self.image(x.reshape(x.shape[0], -1)), None, None)
        x = x.reshape(x.shape[0], -1, x.shape[-1])
        keys = self.attention.place(x)
        if self.attention.context is not None:
            assert context is not None
            keys = keys + self.attention.context(context)[:, None]
        return Sight(None, x, keys)

    def attend(self, sight: Sight, received: Float[Array, "*t n d"], first: Bool[Array, "*t"]) -> Float[Array, "*t n i"] | None:
        """The weight of each place of the image: all alike at the first step, then by what was read; None without attention."""
        if self.attention is None:
            return None
        assert sight.keys is not None
        query = self.attention.query(jnp.zeros_like(received) if self.deaf else received)
        weight = jax.nn.softmax(self.attention.score(jnp.tanh(sight.keys + query[..., None, :]))[..., 0])
        return jnp.where(first[..., None, None], 1.0 / weight.shape[-1], weight)

    def look(self, sight: Sight, received: Float[Array, "*t n d"], first: Bool[Array, "*t"]) -> Float[Array, "*#t n h"]:
        """The projection u_x of what it sees of the image."""
        weight = self.attend(sight, received, first)
        if weight is None:
            assert sight.look is not None
            return sight.look
        return self.image(jnp.einsum("...ni,nif->...nf", weight, sight.places))

    def say(self, look: Float[Array, "*#t n h"], received: Float[Array, "*t n d"], first: Bool[Array, "*t"]) -> Float[Array, "*t n d"]:
        """The logits of a message, from u_x and the last message that was read, or, at the `first` step, the code of its own."""
        if self.deaf and self.later is None:
            return jnp.broadcast_to(self.message(jnp.tanh(look)), received.shape)
        code = jnp.broadcast_to(jax.nn.sigmoid(self.later), received.shape) if self.later is not None else received
        read = self.code(jnp.where(first[..., None, None], jax.nn.sigmoid(self.opening), code))
        if self.fusion != "four-part":
            return self.message(jnp.tanh(look + read if self.fusion == "sum" else look * read))
        parts = (look, read, look - read, look * read)  # a product for each, where one of them all together would lay them side by side
        return sum(jnp.tanh(x) @ w for x, w in zip(parts, jnp.split(self.message.weight, 4), strict=True)) + self.message.bias


class Texts(NamedTuple):
    """What is written of each class: the vectors of its `words` [c w k], where there are any [c w], and the `means` of them [c k]."""

    words: Float[Array, "c w k"]
    there: Bool[Array, "c w"]
    means: Float[Array, "c k"]


class WordAttention(eqx.Module):
    """How a receiver weighs the words of a text: a tanh(D_d v_j + D_h h) + b, a softmax over the words of each class."""

    word: Linear
    state: Linear
    score: Linear

    def __init__(self, words: int, hidden: int, size: int, *, key: PRNGKeyArray):
        keys = jax.random.split(key, 3)
        self.word, self.state = Linear(words, size, key=keys[0], init=xavier), Linear(hidden, size, key=keys[1], init=xavier)
        self.score = Linear(size, 1, key=keys[2], init=xavier)

    def __call__(self, keys: Float[Array, "c w a"], there: Bool[Array, "c w"], h: Float[Array, "*t n h"]) -> Float[Array, "*t n c w"]:
        """The weight of each word, zero where there is none."""
        score = self.score(jnp.tanh(keys + self.state(h)[..., None, None, :]))[..., 0]
        return jax.nn.softmax(jnp.where(there, score, -jnp.inf))


class Notes(NamedTuple):
    """What a receiver makes of the texts before it hears anything: each class (or word) as its score and its next message take it.

    `judged`, `asked` are [c h] of whole texts, [c w h] of words; `keys` [c w a] with attention.
    """

    judged: Float[Array, "... h"]
    asked: Float[Array, "... h"]
    keys: Float[Array, "c w a"] | None
    there: Bool[Array, "c w"]


class Thought(NamedTuple):
    """What a receiver thinks after a message: `scores` [t n c] of classes, logits of its own `message` [t n d] and of going `on` [t n]."""

    scores: Float[Array, "*t n c"]
    message: Float[Array, "*t n d"]
    on: Float[Array, "*t n"]


class Receiver(eqx.Module):
    """Hears a message, scores every class by its text, goes on or stops, and says `bits` logits back.

    y_c = W_2 relu(W_1 [h; e_c] + b_1) + b_2, with W_1 kept as its two parts, for h and for the text; the number of classes is free.
    """

    cell: ResetAfterGRU
    state: Float[Array, "h h2"]
    text: Float[Array, "k h2"]
    bias: Float[Array, " h2"]
    verdict: Linear
    thought: Linear
    asked: Float[Array, "k h2"]
    message: Linear
    on: Linear
    attention: WordAttention | None

    def __init__(self, words: int, bits: int, *, hidden: int = 64, attention: int = 0, key: PRNGKeyArray):
        keys = jax.random.split(key, 8)
        first = xavier(keys[0], (hidden + words, hidden))
        self.cell = ResetAfterGRU(bits, hidden, key=keys[1])
        self.state, self.text, self.bias = first[:hidden], first[hidden:], jnp.zeros(hidden)
        self.verdict, self.thought = Linear(hidden, 1, key=keys[2], init=xavier), Linear(hidden, hidden, key=keys[3], init=xavier)
        self.asked = xavier(keys[4], (words, hidden))
        self.message, self.on = Linear(hidden, bits, key=keys[5], init=xavier), Linear(hidden, 1, key=keys[6], init=xavier)
        self.attention = WordAttention(words, hidden, attention, key=keys[7]) if attention else None

    def study(self, texts: Texts) -> Notes:
        """Read the texts, once for a conversation."""
        if self.attention is None:
            return Notes(texts.means @ self.text + self.bias, texts.means @ self.asked, None, texts.there)
        return Notes(texts.words @ self.text, texts.words @ self.asked, self.attention.word(texts.words), texts.there)

    def begin(self, n: int) -> Float[Array, "n h"]:
        """The state before anything was heard."""
        return jnp.zeros((n, self.state.shape[0]))

    def hear(self, heard: Float[Array, "n d"], h: Float[Array, "n h"]) -> Float[Array, "n h"]:
        """The state after a message."""
        return self.cell(self.cell.project(heard), (h,))[0]

    def hear_all(self, heard: Float[Array, "t n d"]) -> Float[Array, "t n h"]:
        """The states after each message of a conversation."""

        def step(h: Array, z: Array) -> tuple[Array, Array]:
            h = self.cell(z, (h,))[0]
            return h, h

        return jax.lax.scan(step, self.begin(heard.shape[1]), self.cell.project(heard))[1]

    def think(self, notes: Notes, h: Float[Array, "*t n h"]) -> Thought:
        """Scores, next message and whether to go on, of one state or of many; no gradient passes from the message to the scores."""
        own = h @ self.state
        if self.attention is None:
            weight, judged = None, notes.judged
        else:
            assert notes.keys is not None
            weight = self.attention(notes.keys, notes.there, h)
            judged = jnp.einsum("...cw,cwh->...ch", weight, notes.judged) + self.bias
        scores = self.verdict(jax.nn.relu(own[..., None, :] + judged))[..., 0]
        likely = jax.lax.stop_gradient(jax.nn.softmax(scores))
        asked = likely @ notes.asked if weight is None else jnp.einsum("...cw,cwh->...h", likely[..., None] * weight, notes.asked)
        return Thought(scores, self.message(jnp.tanh(self.thought(h) + asked)), self.on(h)[..., 0])


class Value(eqx.Module):
    """The pay that an agent expects from what it has and what it has read: one hidden layer with ReLU over [a; b], begun as PyTorch's."""

    hidden: Affine
    out: Affine

    def __init__(self, first: int, second: int, hidden: int = 500, *, key: PRNGKeyArray):
        key_hidden, key_out = jax.random.split(key)
        self.hidden, self.out = Affine(first + second, hidden, key=key_hidden), Affine(hidden, 1, key=key_out)

    def __call__(self, a: Float[Array, "*#t n a"], b: Float[Array, "*t n b"]) -> Float[Array, "*t n"]:
        """The value; where `a` is the same at all steps, its part of the product is computed once."""
        if a.ndim < b.ndim:
            weight = self.hidden.weight
            hidden = a @ weight[: a.shape[-1]] + b @ weight[a.shape[-1] :] + self.hidden.bias
        else:  # side by side, one product: measured faster than two
            hidden = self.hidden(jnp.concatenate([a, b], axis=-1).reshape(-1, a.shape[-1] + b.shape[-1]))
        return self.out(jax.nn.relu(hidden))[..., 0].reshape(b.shape[:-1])
