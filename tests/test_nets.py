"""Speakers and listeners against plain NumPy loops in double precision, and what the published tables say of their size."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit as sigmoid

from semiosis import choices
from semiosis.nets.linear import MLP, Linear, truncated
from semiosis.nets.listeners import Namer, Painter, Pointer, Reader
from semiosis.nets.recurrent import CELLS, LSTM, ResetAfterGRU
from semiosis.nets.speakers import Speaker

N, T, V, D, H, E = 5, 4, 6, 7, 8, 3
SEEN = jax.random.normal(jax.random.key(50), (N, D))


def speaker(core="lstm", ends=False, q_head=False, torso=(), head=(), key=0):
    return Speaker(
        D, vocab_size=V, max_len=T, ends=ends, hidden=H, embed=E, core=core, torso=torso, head=head, q_head=q_head, key=jax.random.key(key)
    )


def reader(core="lstm", ends=False, key=1):
    return Reader(vocab_size=V, ends=ends, hidden=H, embed=E, core=core, key=jax.random.key(key))


def one_hot(tokens, size=V):
    return jnp.eye(size)[np.asarray(tokens)]


def double(net):
    return jax.tree.map(lambda x: np.asarray(x, np.float64), net)


def count(make):
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter_eval_shape(make, jax.random.key(0))))


# ------------------------------------------------------------------------------------------------- the same things, by hand


def mlp(net, x):
    for i, layer in enumerate(net.layers):
        x = (np.maximum(x, 0) if i else x) @ layer.weight + layer.bias
    return x


def lstm(cell, x, h, c):
    i, g, f, o = np.split(x @ cell.input + h @ cell.recurrent + cell.bias, 4, axis=1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(cell, x, h):
    hidden = h.shape[1]
    z = x @ cell.input + cell.bias
    u = sigmoid(z[:, :hidden] + h @ cell.recurrent[:, :hidden])
    r = sigmoid(z[:, hidden : 2 * hidden] + h @ cell.recurrent[:, hidden:])
    return ((1 - u) * h + u * np.tanh(z[:, 2 * hidden :] + (r * h) @ cell.candidate),)


def step(cell, x, state):
    return lstm(cell, x, *state) if isinstance(cell, LSTM) else gru(cell, x, *state)


def speak(net, seen, tokens):
    """States and logits of a speaker that says these tokens [n t]: the start symbol first, then what it has said."""
    net, seen = double(net), np.asarray(seen, np.float64)
    first = np.maximum(mlp(net.torso, seen), 0) if net.torso.layers else seen
    state = np.split(first @ net.adapter.weight + net.adapter.bias, 2 if isinstance(net.core, LSTM) else 1, axis=1)
    x, hidden = np.tile(net.embedding[-1], (len(seen), 1)), []
    for t in range(tokens.shape[1]):
        state = step(net.core, x, state)
        hidden.append(state[0])
        x = net.embedding[tokens[:, t]]
    hidden = np.stack(hidden, 1)
    return hidden, mlp(net.policy, hidden)


def read(net, tokens, end=None):
    """The state of a reader after these tokens [n t], each message by itself and only to its end."""
    net, out = double(net), []
    for message in tokens:
        state = [np.zeros((1, H))] * (2 if isinstance(net.core, LSTM) else 1)
        for token in message:
            if token == end:
                break
            state = step(net.core, net.embedding[token][None], state)
        out.append(state[0][0])
    return np.stack(out)


# ------------------------------------------------------------------------------------------------------------------- parts


def test_weights_are_normal_cut_at_two_deviations():
    weights = np.asarray(truncated(jax.random.key(0), (400, 400), 0.05))
    assert 0.0999 < np.abs(weights).max() <= 0.1
    # a standard normal cut at +-2 has the deviation sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)) = 0.87963; the estimate from 160,000
    # numbers is good to 0.87963 / sqrt(2 x 160,000) = 0.0016 at one sigma, 0.01 is six of them
    assert weights.std() / 0.05 == pytest.approx(0.87963, abs=0.01)
    layer = Linear(400, 3, key=jax.random.key(1))
    assert np.abs(layer.weight).max() <= 0.1  # two deviations of 1/sqrt(400)
    assert np.abs(layer.weight).max() > 0.08
    assert not layer.bias.any()


def test_an_mlp_has_relu_between_its_layers_and_none_at_its_end():
    net = MLP(3, (4, 2), key=jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (20, 3))
    np.testing.assert_allclose(net(x), mlp(double(net), np.asarray(x, float)), atol=1e-6)
    assert np.asarray(net(x)).min() < 0
    assert np.array_equal(MLP(3, (), key=jax.random.key(0))(x), x)


@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_cells_are_their_equations(core):
    cell = CELLS[core](E, H, key=jax.random.key(2))
    cell = eqx.tree_at(lambda c: c.bias, cell, jax.random.normal(jax.random.key(3), cell.bias.shape))  # zero would hide the order of gates
    x = jax.random.normal(jax.random.key(4), (N, E))
    state = tuple(jax.random.normal(jax.random.key(5 + i), (N, H)) for i in range(cell.states))
    by_hand = step(double(cell), np.asarray(x, float), [np.asarray(s, float) for s in state])
    for ours, theirs in zip(cell(cell.project(x), state), by_hand, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_no_state_is_the_zero_state(core):
    cell = CELLS[core](E, H, key=jax.random.key(2))
    z = jax.random.normal(jax.random.key(3), cell.bias[None].repeat(N, 0).shape)
    for none, zero in zip(cell(z, None), cell(z, (jnp.zeros((N, H)),) * cell.states), strict=True):
        np.testing.assert_allclose(none, zero, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------- speakers


@pytest.mark.parametrize(("q_head", "parameters"), [(True, 1_333_500), (False, 1_328_103)])
def test_a_speaker_of_the_published_size(q_head, parameters):
    assert count(lambda key: Speaker(2048, vocab_size=20, max_len=10, q_head=q_head, key=key)) == parameters


def test_a_listener_of_the_published_size():
    def make(key):
        return Reader(vocab_size=20, key=key), Pointer(2048, 512, key=key)

    assert count(make) == 1_727_176


@pytest.mark.parametrize("core", ["lstm", "gru"])
@pytest.mark.parametrize("widths", [(), (9,)])
def test_a_speaker_is_a_plain_loop(core, widths):
    net = speaker(core, torso=widths, head=widths)
    tokens = np.random.default_rng(0).integers(0, V, (N, T))
    hidden, logits = speak(net, SEEN, tokens)
    speech = jax.jit(lambda net, rows: net.replay(SEEN, rows))(net, one_hot(tokens))
    np.testing.assert_allclose(speech.hidden, hidden, atol=1e-5)
    np.testing.assert_allclose(speech.logits, logits, atol=1e-5)


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_a_replay_of_what_was_said_thinks_the_same(core, ends):
    net = speaker(core, ends=ends)
    said, again = jax.jit(lambda net: (said := net(SEEN, choices.sample, jax.random.key(7)), net.replay(SEEN, said.rows)))(net)
    tokens = np.argmax(said.rows, -1)
    assert len(np.unique(tokens)) > 2
    for ours, theirs in zip(again, said, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(said.logits, speak(net, SEEN, tokens)[1], atol=1e-5)


def test_a_greedy_speaker_says_its_likeliest_symbols_for_any_key():
    net = speaker()
    greedy, sample = (jax.jit(lambda key, choose=choose: net(SEEN, choose, key)) for choose in (choices.greedy, choices.sample))
    said = [greedy(jax.random.key(k)) for k in (1, 2)]
    assert np.array_equal(said[0].rows, said[1].rows)
    assert np.array_equal(np.argmax(said[0].rows, -1), np.argmax(said[0].logits, -1))
    sampled = [sample(jax.random.key(k)).rows for k in (1, 2)]
    assert not np.array_equal(sampled[0], sampled[1])


def test_the_symbols_of_a_message_are_drawn_with_keys_of_their_own():
    net = speaker()
    net = eqx.tree_at(lambda s: s.policy, net, jax.tree.map(jnp.zeros_like, net.policy))  # every symbol equally likely
    tokens = np.argmax(net(jnp.zeros((500, D)), choices.sample, jax.random.key(0)).rows, -1)
    # two places agree with probability 1/6: 83.3 of 500, deviation 8.3
    assert all(abs(np.sum(tokens[:, i] == tokens[:, i + 1]) - 500 / V) < 5 * 8.34 for i in range(T - 1))


@pytest.mark.parametrize("ends", [False, True])
def test_the_start_symbol_is_never_said(ends):
    net = speaker(ends=ends)
    assert net.embedding.shape[0] == V + ends + 1  # the start symbol is the last
    rows = np.asarray(
        jax.jit(lambda seen, key: net(seen, choices.sample, key))(jax.random.normal(jax.random.key(0), (300, D)), jax.random.key(1)).rows
    )
    assert rows.shape == (300, T, V + ends)
    assert np.array_equal(rows.sum(-1), np.ones((300, T)))
    assert set(rows.argmax(-1).ravel()) == set(range(V + ends))
    moved = eqx.tree_at(lambda s: s.embedding, net, net.embedding.at[-1].add(1.0))
    replay = jax.jit(lambda net, rows: net.replay(SEEN, rows))
    a, b = (replay(n, rows[:N]) for n in (net, moved))
    assert np.abs(a.logits[:, 0] - b.logits[:, 0]).max() > 1e-3  # yet it is what a message starts from


def test_after_its_end_a_message_is_padded_with_ends():
    net = speaker(ends=True)
    said = jax.jit(lambda seen, key: net(seen, choices.sample, key))(jax.random.normal(jax.random.key(2), (500, D)), jax.random.key(3))
    tokens = np.argmax(said.rows, -1)
    first = np.where((tokens == V).any(1), np.argmax(tokens == V, axis=1), T)
    assert set(first) == set(range(T + 1))  # ended at once, somewhere, never
    places = np.arange(T)
    assert np.array_equal(tokens == V, places >= first[:, None])
    assert np.array_equal(said.spoken, places <= first[:, None])  # the end itself is a choice
    assert np.asarray(speaker()(SEEN, choices.sample, jax.random.key(3)).spoken).min() == 1.0


def test_forced_ends_make_an_empty_message():
    said = speaker(ends=True)(SEEN, choices.forced(jnp.eye(V + 1)[V]), jax.random.key(0))
    assert np.argmax(said.rows, -1).tolist() == [[V] * T] * N
    assert np.asarray(said.spoken).tolist() == [[1, 0, 0, 0]] * N


@pytest.mark.parametrize(("learning", "ends"), [("gumbel", True), ("straight-through", False), ("sample", True)])
def test_a_gradient_comes_back_through_relaxed_symbols_alone(learning, ends):
    choose = {"gumbel": choices.gumbel(1.0), "straight-through": choices.straight_through, "sample": choices.sample}[learning]
    net, ear = speaker(ends=ends), reader(ends=ends)
    grad = jax.jit(jax.grad(lambda net: ear(net(SEEN, choose, jax.random.key(3)).rows).sum()))(net)
    reached = [np.abs(leaf).max() for leaf in (grad.policy.layers[0].weight, grad.adapter.weight, grad.core.recurrent)]
    assert np.isfinite(reached).all()
    assert min(reached) > 1e-6 if learning != "sample" else max(reached) == 0.0


def test_a_relaxed_message_with_an_end_has_rows_of_probabilities():
    said = speaker(ends=True)(SEEN, choices.gumbel(1.0), jax.random.key(4))
    np.testing.assert_allclose(said.rows.sum(-1), 1.0, atol=1e-6)
    assert np.all(np.diff(np.asarray(said.rows)[..., -1], axis=1) >= -1e-6)  # once ended, to the share that it was
    np.testing.assert_allclose(said.spoken[:, 1:], 1.0 - said.rows[:, :-1, -1], atol=1e-6)


def test_dueling_values_of_a_speaker():
    net = speaker(q_head=True, head=(9,))
    hidden = jax.random.normal(jax.random.key(5), (N, T, H))
    plain, h = double(net), np.asarray(hidden, np.float64)
    value, advantage = mlp(plain.q_value, h), mlp(plain.q_advantage, h)
    np.testing.assert_allclose(net.q(hidden), value + advantage - advantage.mean(-1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(net.q(hidden).mean(-1), value[..., 0], atol=1e-5)


# --------------------------------------------------------------------------------------------------------------- listeners


@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_a_reader_is_a_plain_loop(core):
    net, tokens = reader(core), np.random.default_rng(1).integers(0, V, (N, T))
    np.testing.assert_allclose(eqx.filter_jit(net)(one_hot(tokens)), read(net, tokens), atol=1e-5)
    np.testing.assert_allclose(eqx.filter_jit(net)(one_hot(tokens[:, :1])), read(net, tokens[:, :1]), atol=1e-5)  # a message of one symbol


PADDED = np.array([[0, 1, 2, 3], [V, V, V, V], [1, V, V, V], [2, 2, 2, V], [5, 4, V, V]])


@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_a_reader_stops_at_the_end(core):
    net = reader(core, ends=True)
    padded = eqx.filter_jit(net)(one_hot(PADDED, V + 1))
    np.testing.assert_allclose(padded, read(net, PADDED, end=V), atol=1e-5)
    assert not np.asarray(padded[1]).any()  # nothing said, nothing heard


def test_a_lost_symbol_moves_the_state_with_nothing_heard():
    net, tokens = reader(), np.array([[0, 1, 2]])
    rows = one_hot(tokens).at[:, 1].set(0.0)
    plain = double(net)
    state = [np.zeros((1, H))] * 2
    for x in (plain.embedding[[0]], np.zeros((1, E)), plain.embedding[[2]]):
        state = lstm(plain.core, x, *state)
    np.testing.assert_allclose(net(rows), state[0], atol=1e-5)


def test_a_pointer_projects_candidates_through_its_torso():
    x = jax.random.normal(jax.random.key(6), (N, D))
    for torso in ((), (9, 4)):
        net = Pointer(D, H, torso=torso, sizes=(11, 5), key=jax.random.key(7))
        plain, seen = double(net), np.asarray(x, np.float64)
        seen = np.maximum(mlp(plain.torso, seen), 0) if torso else seen
        np.testing.assert_allclose(net.look(x), mlp(plain.candidate, seen), atol=1e-5)
        assert net.message.weight.shape == (H, 5)


def test_a_namer_has_a_head_for_each_label():
    net = Namer(H, (3, 2, 5), sizes=(9,), key=jax.random.key(8))
    state = jax.random.normal(jax.random.key(9), (N, H))
    names = net(state)
    assert [x.shape for x in names] == [(N, 3), (N, 2), (N, 5)]
    for logits, head in zip(names, net.heads, strict=True):
        np.testing.assert_allclose(logits, mlp(double(head), np.asarray(state, float)), atol=1e-5)


@pytest.mark.parametrize("colours", [1, 3])
def test_a_painter_paints_images_of_32_in_its_range(colours):
    net = Painter(H, colours, key=jax.random.key(10))
    painted = np.asarray(jax.jit(lambda net, x: net(x))(net, 100.0 * jax.random.normal(jax.random.key(11), (2, H))))
    assert painted.shape == (2, 32, 32, colours)
    assert np.abs(painted).max() <= 1.0
    assert painted.std() > 0.1
    assert not np.array_equal(painted[0], painted[1])
    assert [kernel.shape for kernel in net.kernels] == [
        (3, 3, 128, 64),
        (3, 3, 64, 32),
        (3, 3, 32, 16),
        (3, 3, 16, 16),
        (3, 3, 16, colours),
    ]


def test_a_gru_with_its_reset_behind_the_product_by_hand():
    cell = ResetAfterGRU(1, 1, key=jax.random.key(0))
    parts = (jnp.array([[0.5, -1.0, 2.0]]), jnp.array([0.1, 0.2, 0.3]))
    cell = eqx.tree_at(lambda c: (c.recurrent, c.recurrent_bias), cell, parts)
    r, u = sigmoid(0.4 + 0.7 * 0.5 + 0.1), sigmoid(-0.3 - 0.7 + 0.2)
    n = np.tanh(1.5 + r * (0.7 * 2.0 + 0.3))
    found = cell(jnp.array([[0.4, -0.3, 1.5]]), (jnp.array([[0.7]]),))[0]
    assert float(found[0, 0]) == pytest.approx((1 - u) * n + u * 0.7, abs=1e-6)
