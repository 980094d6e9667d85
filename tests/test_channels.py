"""What happens to a message on its way: laws at rates 0 and 1, frequencies between (chi-square, margin as in test_choices)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from semiosis import channels

V = 6
END = V - 1


def messages(n=4000, t=5, key=0):
    """Random one-hot messages [n t v]; every symbol, the last included, about n t / 6 times."""
    return jax.nn.one_hot(jax.random.randint(jax.random.key(key), (n, t), 0, V), V)


def assert_share(happened, rate):
    """A share of independent events lies within 5 standard deviations of its rate: by the normal law, a right program misses 6e-7 times."""
    n = happened.size
    assert abs(happened.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / n)


def assert_uniform(counts):
    counts = np.asarray(counts, float)
    expected = counts.sum() / counts.size
    assert expected >= 100
    assert ((counts - expected) ** 2 / expected).sum() < stats.chi2.isf(1e-6, counts.size - 1)


@pytest.mark.parametrize("end", [None, END])
@pytest.mark.parametrize("channel", [channels.erase, channels.flip])
def test_at_rate_zero_nothing_changes(channel, end):
    said = messages(50)
    assert np.array_equal(channel(0.0, end=end)(said, jax.random.key(1)), said)
    assert np.array_equal(channels.clear(said, jax.random.key(1)), said)


def test_at_rate_one_every_symbol_is_lost_but_the_end():
    said = messages(50)
    assert not channels.erase(1.0)(said, jax.random.key(1)).any()
    heard = np.asarray(channels.erase(1.0, end=END)(said, jax.random.key(1)))
    assert np.array_equal(heard[..., END], said[..., END])
    assert not heard[..., :END].any()


def test_symbols_are_lost_at_the_rate_and_one_by_one():
    said = messages()
    heard = np.asarray(channels.erase(0.3)(said, jax.random.key(2)))
    lost = heard.sum(-1) == 0
    assert np.array_equal(heard[~lost], np.asarray(said)[~lost])  # what arrives arrives unchanged
    assert_share(lost, 0.3)
    assert_share(lost[:, 0] & lost[:, 1], 0.09)  # neighbours in a message
    assert_share(lost[:-1] & lost[1:], 0.09)  # neighbours in a batch


def test_a_flip_makes_every_other_symbol_equally_likely():
    said = messages(10_000)
    heard = np.asarray(channels.flip(1.0)(said, jax.random.key(3)))
    before, after = np.argmax(said, -1).ravel(), heard.argmax(-1).ravel()
    assert np.array_equal(np.sort(heard, -1), np.sort(said, -1))  # still one-hot
    counts = np.zeros((V, V))
    np.add.at(counts, (before, after), 1)
    assert not np.diag(counts).any()
    for symbol in range(V):
        assert_uniform(np.delete(counts[symbol], symbol))


def test_flips_come_at_the_rate():
    said = messages()
    changed = np.asarray((channels.flip(0.3)(said, jax.random.key(4)) != said).any(-1))
    assert_share(changed, 0.3)
    assert_share(changed[:, 0] & changed[:, 1], 0.09)


def test_a_flip_neither_changes_nor_makes_an_end():
    said = messages(10_000)
    heard = np.asarray(channels.flip(1.0, end=END)(said, jax.random.key(5)))
    assert np.array_equal(heard[..., END], said[..., END])
    before, after = np.argmax(said, -1).ravel(), heard.argmax(-1).ravel()
    counts = np.zeros((V, V))
    np.add.at(counts, (before, after), 1)
    assert not np.diag(counts)[:END].any()
    for symbol in range(END):
        assert_uniform(np.delete(counts[symbol, :END], symbol))


def test_a_flip_moves_the_weights_of_a_relaxed_row_and_leaves_a_lost_one_lost():
    soft = jax.nn.softmax(jax.random.normal(jax.random.key(6), (40, 3, V)))
    heard = channels.flip(1.0)(soft, jax.random.key(7))
    np.testing.assert_array_equal(np.sort(heard, -1), np.sort(soft, -1))
    assert not channels.flip(1.0)(jnp.zeros((4, 3, V)), jax.random.key(7)).any()


def test_composed_channels_act_in_order_each_with_a_key_of_its_own():
    said, key = messages(), jax.random.key(8)
    lost = np.asarray(channels.compose(channels.erase(0.5), channels.erase(0.5))(said, key)).sum(-1) == 0
    assert_share(lost, 0.75)  # 0.5 if both had the same key
    keys = []
    channels.compose(*[lambda x, k: (keys.append(jax.random.key_data(k).tolist()), x)[1]] * 3)(said, key)
    assert len({tuple(k) for k in [*keys, jax.random.key_data(key).tolist()]}) == 4
    add, double = (lambda x, k: x + 1.0), (lambda x, k: 2.0 * x)
    assert channels.compose(add, double)(jnp.ones(()), key) == 4.0
    assert channels.compose()(said, key) is said


def test_shuffling_permutes_whole_messages():
    said = messages(100)
    heard = np.asarray(channels.shuffle(said, jax.random.key(9)))
    rows = lambda x: [tuple(row) for row in np.argmax(x, -1)]  # noqa: E731
    assert sorted(rows(heard)) == sorted(rows(said))
    assert rows(heard) != rows(said)
    assert rows(channels.shuffle(said, jax.random.key(10))) != rows(heard)


def test_a_shuffle_gives_nobody_their_own_and_is_uniform():
    heard = np.asarray(jax.vmap(lambda key: channels.shuffle(jnp.arange(4), key))(jax.random.split(jax.random.key(11), 6000)))
    assert (heard != np.arange(4)).all()
    _, counts = np.unique(heard @ [64, 16, 4, 1], return_counts=True)
    assert counts.size == 6  # the circles through four: 3!
    assert_uniform(counts)


# ------------------------------------------------------------------------------------------------------------- tampering


def rows(*messages, symbols=V):
    """One-hot messages from lists of symbols."""
    return jax.nn.one_hot(jnp.array(messages), symbols)


def told(heard):
    """Symbols of rows, -1 for a row of zeros."""
    heard = np.asarray(heard)
    return np.where(heard.any(-1), heard.argmax(-1), -1).tolist()


def test_half_of_a_message_is_its_first_symbols():
    said = rows([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])
    assert told(channels.truncate()(said, jax.random.key(0))) == [[0, 1, -1, -1, -1], [4, 3, -1, -1, -1]]
    ended = rows([0, 1, 2, END, END], [4, END, END, END, END], [0, 1, 2, 3, 4], [END] * 5)
    half = channels.truncate(END)(ended, jax.random.key(0))
    assert told(half) == [[0, END, END, END, END], [END] * 5, [0, 1, END, END, END], [END] * 5]
    assert told(channels.empty(END)(ended, jax.random.key(0))) == [[END] * 5] * 4


@pytest.mark.parametrize("end", [None, END])
def test_one_place_is_replaced_by_another_symbol(end):
    said = messages(4000, t=3)
    heard = np.asarray(channels.replace(1, end=end)(said, jax.random.key(1)))
    assert np.array_equal(heard[:, ::2], said[:, ::2])
    before, after = np.argmax(said, -1)[:, 1], heard.argmax(-1)[:, 1]
    assert ((before == after) == (before == end)).all()
    assert_uniform(np.bincount((after - before)[before == 0], minlength=V)[1 : end or V])


def test_pixels_change_at_the_rate_and_half_a_picture_is_its_upper_rows():
    said = jnp.full((40, 5, 8, 3), 2.0)  # a colour that no noise has
    heard = np.asarray(channels.static(0.1)(said, jax.random.key(2)))
    changed = (heard != 2.0).any(-1)
    assert_share(changed, 0.1)
    assert (changed == (heard != 2.0).all(-1)).all()
    assert stats.kstest(heard[changed].ravel(), "uniform").pvalue > 1e-6
    half = np.asarray(channels.upper_half(1.0)(said, jax.random.key(2)))
    assert (half[:, :2] == 2.0).all()
    assert (half[:, 2:] == 1.0).all()
    assert (np.asarray(channels.paper(1.0)(said, jax.random.key(2))) == 1.0).all()


def test_one_message_reaches_all():
    said = messages(50)
    heard = [np.asarray(channels.constant(said, jax.random.key(k))) for k in range(3)]
    for one in heard:
        assert (one == one[0]).all()
        assert (one[0] == np.asarray(said)).all((1, 2)).any()
    assert len({one.tobytes() for one in heard}) > 1


def test_a_circle_brings_each_the_messages_of_all_others():
    said = jnp.arange(6.0)[:, None]
    heard = np.stack([np.asarray(channels.shuffle(said, jax.random.key(3), steps))[:, 0] for steps in range(6)])
    assert np.array_equal(heard[0], np.arange(6))
    assert np.array_equal(np.sort(heard, 0), np.tile(np.arange(6)[:, None], 6))
    assert np.array_equal(np.sort(heard, 1), np.tile(np.arange(6), (6, 1)))


def test_one_program_does_all_that_may_be_done():
    what = channels.symbols(END)._replace(
        ways={**channels.symbols(END).ways, "deaf": {"back": channels.silence}, "swapped": {"back": channels.shuffle}}
    )
    names = channels.kinds(what)
    assert names == ("clear", "shuffled", "constant", "replaced", "deaf", "noise", "silent", "swapped", "truncated")
    said, keys = messages(9, t=4), jax.random.split(jax.random.key(4), 3)

    @eqx.filter_jit
    def heard(what, number, place, key):
        compiled.append(number)
        channel = channels.tampered(what, number, place, keys[0])
        return channel(said, key), channels.on(channel, "back")(said, key)

    compiled = []
    found = {name: heard(what, jnp.int32(i), jnp.int32(1), keys[1]) for i, name in enumerate(names)}
    again = {name: heard(what, jnp.int32(i), jnp.int32(1), keys[2]) for i, name in enumerate(names)}
    assert len(compiled) == 1
    crossing = {"shuffled": channels.shuffle(said, keys[0]), "constant": channels.constant(said, keys[0])}
    own = {"silent": channels.empty(END), "noise": channels.flip(0.1, end=END), "truncated": channels.truncate(END)}
    own |= {"replaced": channels.replace(1, end=END)}
    for name, (there, back) in found.items():
        expected = crossing[name] if name in crossing else own.get(name, channels.clear)(said, keys[1])
        assert np.array_equal(there, expected), name
        assert np.array_equal(back, {"deaf": 0 * said, "swapped": channels.shuffle(said, keys[0])}.get(name, said)), name
        if name in (*crossing, "swapped"):  # the messages of one other example, whatever key each of them has
            assert np.array_equal(there, again[name][0])
            assert np.array_equal(back, again[name][1])
    assert channels.on(channels.clear, "back") is channels.clear
    assert told(channels.tampered(what, jnp.int32(0), jnp.int32(1), keys[0])(said, keys[1])) == told(said)


def test_bits_are_inverted_one_by_one_and_cut():
    what = channels.bits(5)
    said = jnp.array([[1.0, 0.0, 1.0, 1.0, 0.0]])
    assert np.array_equal(what.ways["truncated"](said, jax.random.key(0)), [[1, 0, 0, 0, 0]])
    assert what.replace is not None
    assert np.array_equal(what.replace(jnp.int32(3))(said, jax.random.key(0)), [[1, 0, 1, 0, 0]])
    assert not what.ways["silent"](said, jax.random.key(0)).any()
