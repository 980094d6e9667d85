"""Sketchers: sizes that were published, curves that join, connections, one stroke after another, and gradients that reach everything."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit as sigmoid

from semiosis.errors import UsageError
from semiosis.nets.sketchers import KINDS, Corners, Knots, Links, Pieces, rounded, sketcher
from semiosis.raster import catmull_rom

N, Z = 3, 5
LATENT = jax.random.normal(jax.random.key(1), (N, Z))
SMALL = {"strokes": 4, "points": 5, "segments": 2, "hidden": (6, 7), "corners": 3}


def make(kind, **dials):
    """A sketcher with weights of our own, uniform within 0.7: to compile how it is born takes longer than all that it then does."""
    shapes = eqx.filter_eval_shape(lambda key: sketcher(kind, Z, key=key, **{**SMALL, **dials}), jax.random.key(0))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(-0.7, 0.7, leaf.shape), leaf.dtype), shapes)


def count(kind, latent_size, **dials):
    made = eqx.filter_eval_shape(lambda key: sketcher(kind, latent_size, key=key, **dials), jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(made))


@eqx.filter_jit
def drawn(net, latent=LATENT):
    return net(latent)


def double(net):
    return jax.tree.map(lambda x: np.asarray(x, np.float64), net)


def affine(layer, x):
    return np.asarray(x, np.float64) @ np.asarray(layer.weight, np.float64) + np.asarray(layer.bias, np.float64)


def test_twenty_lines_have_the_published_size():
    assert count("lines", 64, strokes=20) == 41_360
    # and a colour for each: three numbers, linear in the latent
    assert count("lines", 64, strokes=20, coloured=True) == 41_360 + 65 * 60
    # 16 points: 32 numbers instead of 80 from 256; a connection of each two and of each with itself
    assert count("connected", 64) == 41_360 - 257 * 48 + 65 * 136


def test_lines_are_a_plain_network():
    net = make("lines")
    first, second, third = net.hand.layers
    by_hand = np.tanh(affine(third, np.maximum(affine(second, np.maximum(affine(first, LATENT), 0)), 0))).reshape(N, 4, 2, 2)
    found = drawn(net)
    np.testing.assert_allclose(found.points, by_hand, atol=1e-5)
    assert found[1:] == (None, None, None)
    np.testing.assert_allclose(np.tanh(drawn(make("lines", squash=False)).points), by_hand, atol=1e-5)


def test_an_unlike_latent_is_drawn_unlike_and_by_itself():
    net = make("lines")
    both = drawn(net).points
    assert not np.allclose(both[0], both[1], atol=1e-3)
    np.testing.assert_allclose(drawn(net, LATENT[1:2]).points, both[1:2], atol=1e-6)


SHAPES = {  # strokes and their corners: two pieces or spans of three share one; connected are 5 x 6 / 2 pairs
    "lines": (4, 2),
    "polylines": (4, 5),
    "curves": (4, 5),
    "bezier": (4, 5),
    "points": (4, 1),
    "connected": (15, 2),
    "bezier-connected": (15, 3),
}


@pytest.mark.parametrize(("kind", "recurrent"), [*((kind, False) for kind in KINDS), ("bezier", True), ("connected", True)])
def test_every_kind_draws_and_every_weight_has_its_gradient(kind, recurrent):
    connected = kind.endswith("connected")
    net = make(kind, recurrent=recurrent, coloured=True, width=True, opacity=not connected, sigma2=0.01)
    target = np.random.default_rng(3).normal(size=(N, *SHAPES[kind], 2)).astype(np.float32)

    @eqx.filter_jit
    @eqx.filter_value_and_grad(has_aux=True)
    def loss(net):
        strokes = net(LATENT)
        aside = (strokes.opacity**2).sum() + (strokes.colour**2).sum() + 100 * strokes.sigma2.sum()
        return jnp.vdot(strokes.points, target) + aside, strokes

    (_, strokes), slopes = loss(net)
    assert strokes.points.shape == (N, *SHAPES[kind], 2)
    assert net.strokes == SHAPES[kind][0]
    assert strokes.opacity.shape == strokes.sigma2.shape == strokes.colour.shape[:2] == (N, net.strokes)
    assert 0 < strokes.colour.min() < strokes.colour.max() < 1
    assert 0 < strokes.opacity.min() < strokes.opacity.max() < 1
    assert 0.0025 < strokes.sigma2.min() < strokes.sigma2.max() < 0.04
    for slope in jax.tree.leaves(slopes):
        assert np.isfinite(slope).all()
        assert np.abs(slope).max() > 0


def test_widths_are_a_fourth_to_four_times_that_which_is_given():
    net = make("lines", width=True, sigma2=0.01)
    np.testing.assert_allclose(drawn(net).sigma2, 0.01 * 4 ** np.tanh(affine(net.heads.width, LATENT)), rtol=1e-5)
    far = drawn(net, 1e4 * LATENT).sigma2
    assert 0.0025 * (1 - 1e-5) <= far.min() < 0.0026
    assert 0.039 < far.max() <= 0.04 * (1 + 1e-5)


def test_colours_are_three_in_a_row_for_each_stroke():
    net = make("points", coloured=True)
    np.testing.assert_allclose(drawn(net).colour, sigmoid(affine(net.heads.colour, LATENT)).reshape(N, 4, 3), atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------- curves


def test_a_curve_goes_through_its_inner_knots():
    knots = jax.random.normal(jax.random.key(2), (N, 4, 5, 2))
    points = eqx.filter_jit(Knots(4, 5, 3, 0.5))(knots, LATENT).points
    np.testing.assert_allclose(points[:, :, ::2], knots[:, :, 1:4], atol=1e-6)  # three corners a span, the middle one between
    np.testing.assert_allclose(points, catmull_rom(knots, 3, 0.5), atol=1e-6)


def test_pieces_begin_where_the_last_one_ends():
    form = Pieces(1, 2, 3, False)
    places = jnp.arange(14.0).reshape(1, 1, 7, 2)
    assert form.places == 7
    control = np.asarray(form.control(places))[0, 0, :, :, 0] / 2  # which place each control point is
    assert control.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]
    # a cubic with its points evenly in a line is that line
    np.testing.assert_allclose(form(places, LATENT[:1]).points[0, 0, :, 0], [0, 3, 6, 9, 12], atol=1e-5)


def test_smooth_pieces_join_at_the_same_slope():
    form = Pieces(2, 3, 401, True)
    places = jax.random.uniform(jax.random.key(4), (1, 2, form.places, 2), minval=-1.0)
    assert form.places == 8
    control = np.asarray(form.control(places))
    for piece in (1, 2):
        before, after = control[:, :, piece - 1], control[:, :, piece]
        assert np.array_equal(before[:, :, 3], after[:, :, 0])
        np.testing.assert_allclose(after[:, :, 1] - after[:, :, 0], before[:, :, 3] - before[:, :, 2], atol=1e-6)
    points = np.asarray(eqx.filter_jit(form)(places, LATENT[:1]).points)
    assert points.shape == (1, 2, 1201, 2)
    speed = np.diff(points, axis=2) * 400
    # a step of 1/400 of the way changes the slope by at most 6 x |second differences| / 400 < 6 x 8 / 400
    assert np.abs(speed[:, :, 400] - speed[:, :, 399]).max() < 0.12
    rough = Pieces(2, 3, 401, False)
    points = np.asarray(eqx.filter_jit(rough)(jax.random.uniform(jax.random.key(4), (1, 2, 10, 2), minval=-1.0), LATENT[:1]).points)
    assert np.abs(np.diff(np.diff(points, axis=2), axis=2)[:, :, 399] * 400).max() > 1


# ----------------------------------------------------------------------------------------------------------------- connections


def test_connections_are_the_upper_triangle():
    net = make("connected", points=3)
    found = drawn(net)
    at = np.asarray(net.hand(LATENT))[:, :, 0]
    linked = sigmoid(affine(net.form.link, LATENT))
    for stroke, (a, b) in enumerate([(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]):
        np.testing.assert_allclose(found.points[:, stroke], np.stack([at[:, a], at[:, b]], 1), atol=1e-6)
        np.testing.assert_allclose(found.opacity[:, stroke], linked[:, stroke], atol=1e-6)
    assert found.opacity.shape == (N, 6)
    assert make("connected", points=3, allow_points=False).form.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_rounding_keeps_the_gradient():
    share = jnp.array([0.1, 0.5, 0.50001, 0.9])
    value, pull = jax.vjp(rounded, share)
    assert value.tolist() == [0, 0, 1, 1]
    assert pull(jnp.array([1.0, 2.0, 3.0, 4.0]))[0].tolist() == [1, 2, 3, 4]


def test_hard_connections_are_drawn_or_not_and_learn_as_soft_ones():
    soft, hard = make("connected"), make("connected", hard=True)
    assert np.array_equal(drawn(hard).opacity, drawn(soft).opacity > 0.5)
    assert set(np.unique(drawn(hard).opacity)) == {0, 1}
    slope = eqx.filter_jit(eqx.filter_grad(lambda net: (net(LATENT).opacity * jnp.arange(15.0)).sum()))
    np.testing.assert_allclose(slope(hard).form.link.weight, slope(soft).form.link.weight, atol=1e-6)


def test_bent_connections_without_a_bend_are_lines():
    net = make("bezier-connected", points=3, corners=4)
    straight = eqx.tree_at(lambda net: net.form.bend, net, jax.tree.map(jnp.zeros_like, net.form.bend))
    at = np.asarray(net.hand(LATENT))[:, :, 0]
    ends = at[:, net.form.pairs]
    want = ends[:, :, :1] + np.array([[0], [1 / 3], [2 / 3], [1]]) * (ends[:, :, 1:] - ends[:, :, :1])
    np.testing.assert_allclose(drawn(straight).points, want, atol=1e-6)
    bent = drawn(net).points
    np.testing.assert_allclose(bent[:, :, [0, -1]], ends, atol=1e-6)
    # at a third of the way a control point counts 4/9 and the other 2/9
    inner = np.tanh(affine(net.form.bend, LATENT)).reshape(N, 6, 2, 2)
    np.testing.assert_allclose(bent[:, :, 1] - want[:, :, 1], (4 * inner[:, :, 0] + 2 * inner[:, :, 1]) / 9, atol=1e-5)


# -------------------------------------------------------------------------------------------------------- one after the other


@pytest.mark.parametrize("squash", [True, False])
@pytest.mark.parametrize("hidden", [(6, 7), ()])
def test_strokes_one_by_one_are_a_plain_loop(hidden, squash):
    net = make("lines", recurrent=True, hidden=hidden, squash=squash)
    hand, x, states = double(net.hand), np.asarray(LATENT, float), []
    for number, layer in enumerate(hand.layers):
        x = affine(layer, np.maximum(x, 0) if number else x)
    h = np.tanh(x) if hidden else x
    last, width = np.zeros((N, 4)), h.shape[1]
    for _ in range(4):
        z = last @ hand.cell.input + hand.cell.bias
        gates = sigmoid(z[:, : 2 * width] + h @ hand.cell.recurrent)
        u, r = gates[:, :width], gates[:, width:]
        h = (1 - u) * h + u * np.tanh(z[:, 2 * width :] + (r * h) @ hand.cell.candidate)
        last = np.tanh(affine(hand.draw, h)) if squash else affine(hand.draw, h)
        states.append(last.reshape(N, 2, 2))
    np.testing.assert_allclose(drawn(net).points, np.stack(states, 1), atol=1e-5)


# ------------------------------------------------------------------------------------------------------------- agents together


def test_many_sketchers_draw_as_each_alone():
    keys = jax.random.split(jax.random.key(7), 2)
    crowd = eqx.filter_jit(eqx.filter_vmap(lambda key: sketcher("bezier", Z, smooth=True, recurrent=True, key=key, **SMALL)))(keys)
    together = eqx.filter_jit(eqx.filter_vmap(lambda net: net(LATENT)))(crowd)
    for number in range(2):
        alone = jax.tree.map(lambda leaf, number=number: leaf[number], crowd)
        np.testing.assert_allclose(together.points[number], drawn(alone).points, atol=1e-6)
    assert not np.allclose(together.points[0], together.points[1])
    weight = np.asarray(crowd.hand.layers[1].weight)  # [2 6 7], as PyTorch's linear layer of 6 inputs
    assert 0.9 * 6**-0.5 < np.abs(weight).max() <= 6**-0.5


@pytest.mark.parametrize(
    ("kind", "dials", "says"),
    [
        (
            "circles",
            {},
            "unknown kind of strokes 'circles': known are lines, polylines, curves, bezier, points, connected, bezier-connected",
        ),
        ("curves", {"points": 3}, "points is 3: expected 4 or more for curves"),
        ("connected", {"points": 1}, "points is 1: expected 2 or more for connected"),
        ("lines", {"strokes": 0}, "strokes is 0: expected 1 or more"),
        ("bezier", {"segments": 0}, "segments is 0: expected 1 or more"),
        ("bezier", {"corners": 1}, "corners is 1: expected 2 or more"),
        ("connected", {"opacity": True}, "opacity is True: the strokes of connected have their connections for it"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(kind, dials, says):
    with pytest.raises(UsageError) as caught:
        sketcher(kind, Z, key=jax.random.key(0), **{**SMALL, **dials})
    assert str(caught.value) == says


def test_dials_that_a_kind_does_not_have_are_passed_over():
    assert isinstance(make("lines", points=1).form, Corners)
    assert isinstance(make("connected", strokes=1).form, Links)
