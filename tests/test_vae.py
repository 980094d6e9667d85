"""The autoencoders' sizes as published, their shapes for any image, and the terms of their bound by hand."""

from math import exp, log

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.errors import UsageError
from semiosis.nets import vae


def count(make):
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter_eval_shape(make, jax.random.key(0))))


def shapes(net, x):
    """Of the mean, the log-variance and the reconstruction, without running anything."""
    return [a.shape for a in jax.eval_shape(lambda x: (*net.encode(x), net.decode(net.encode(x)[0])), x)]


def test_the_published_size():
    assert count(lambda key: vae.published(key=key)) == 14_756_185
    # colours add taps to the first and last kernel (4 x 4 x 64 and 4 x 4 x 128 each) and a bias to the last
    assert count(lambda key: vae.published((28, 28, 3), key=key)) == 14_756_185 + 2 * (1024 + 2048 + 1)


def test_the_light_size():
    by_hand = (16 * 32 + 32) + (512 * 64 + 64) + (3136 * 256 + 256) + 2 * (256 * 12 + 12)
    by_hand += (12 * 256 + 256) + (256 * 3136 + 3136) + (64 * 512 + 32) + (32 * 16 + 1)
    assert count(lambda key: vae.light((28, 28, 1), 12, key=key)) == by_hand == 1_685_209


def test_the_published_network_takes_one_size():
    with pytest.raises(UsageError, match=r"32 x 28: it expects 28 x 28; the network 'light' takes"):
        vae.published((32, 28, 1), key=jax.random.key(0))


def test_the_light_network_has_a_smallest_size():
    with pytest.raises(UsageError, match="28 x 3: it expects sides of 4 or more"):
        vae.light((28, 3, 1), 2, key=jax.random.key(0))


@pytest.mark.parametrize("shape", [(4, 4, 1), (5, 7, 3), (28, 28, 1), (30, 33, 2)], ids=str)
def test_the_light_network_paints_what_it_saw_in_size(shape):
    net = vae.light(shape, 6, key=jax.random.key(0))
    assert shapes(net, jnp.zeros((2, *shape))) == [(2, 6), (2, 6), (2, *shape)]
    assert net.images


@pytest.mark.parametrize("colours", [1, 3])
def test_the_published_network_paints_what_it_saw_in_size(colours):
    net = eqx.filter_eval_shape(lambda key: vae.published((28, 28, colours), key=key), jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, 28, 28, colours), jnp.float32)
    outs = eqx.filter_eval_shape(lambda net, x: (*net.encode(x), net.decode(net.encode(x)[0])), net, x)
    assert [a.shape for a in outs] == [(2, 12), (2, 12), (2, 28, 28, colours)]


def test_a_dense_network_by_hand():
    net = vae.dense((3,), 2, (5, 4), key=jax.random.key(0))
    assert count(lambda key: vae.dense((3,), 2, (5, 4), key=key)) == (20 + 24 + 2 * 10) + (12 + 25 + 18)
    assert not net.images
    x = np.array([[1.0, -2.0, 0.5]])
    h = x
    for layer in (net.encoder[1], net.encoder[3]):
        h = np.maximum(h @ np.asarray(layer.weight) + layer.bias, 0)
    mean, log_variance = net.encode(jnp.asarray(x))
    np.testing.assert_allclose(mean, h @ np.asarray(net.mean.weight) + net.mean.bias, atol=1e-6)
    np.testing.assert_allclose(log_variance, h @ np.asarray(net.log_variance.weight) + net.log_variance.bias, atol=1e-6)
    h = np.asarray(mean)
    for layer in (net.decoder[0], net.decoder[2]):
        h = np.maximum(h @ np.asarray(layer.weight) + layer.bias, 0)
    np.testing.assert_allclose(net.decode(mean), h @ np.asarray(net.decoder[4].weight) + net.decoder[4].bias, atol=1e-6)


def test_a_step_down_the_bound_improves_it():
    """Every weight has a gradient, and a small step against it lowers the loss."""
    net = vae.light((8, 8, 1), 3, key=jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (4, 8, 8, 1))

    @jax.jit
    @jax.value_and_grad
    def loss(net):
        mean, log_variance = net.encode(x)
        z = mean + jnp.exp(0.5 * log_variance)
        return (vae.bernoulli(net.decode(z), x) + vae.divergence(mean, log_variance, jnp.zeros(3), jnp.ones(3))).sum()

    before, slope = loss(net)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(slope))
    after, _ = loss(jax.tree.map(lambda w, g: w - 1e-5 * g, net, slope))
    assert after < before


# --------------------------------------------------------------------------------------------------------- the bound's terms


def test_cross_entropy_by_hand():
    # sigmoid(ln 3) = 3/4: -ln(3/4) where the pixel is 1, -ln(1/4) where it is 0; a grey pixel of 1/2 at logit 0 costs ln 2
    logits = jnp.array([[log(3.0), log(3.0)], [0.0, 0.0]]).reshape(2, 1, 2, 1)
    x = jnp.array([[1.0, 0.0], [0.5, 1.0]]).reshape(2, 1, 2, 1)
    np.testing.assert_allclose(vae.bernoulli(logits, x), [log(4 / 3) + log(4), 2 * log(2)], rtol=1e-6)


def test_cross_entropy_is_stable_far_out():
    # where sigmoid rounds to 0 or 1: a right answer costs nothing, a wrong one its logit; the gradient is sigmoid - x
    logits, x = jnp.array([[1000.0, -1000.0, 1000.0]]), jnp.array([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(vae.bernoulli(logits, x), [1000.0])
    np.testing.assert_allclose(jax.grad(lambda l: vae.bernoulli(l, x).sum())(logits), [[0.0, 0.0, 1.0]])


def test_squared_error_by_hand():
    np.testing.assert_allclose(vae.gaussian(jnp.array([[1.0, 2.0]]), jnp.array([[4.0, -2.0]])), [12.5])  # (9 + 16) / 2


def test_divergence_by_hand():
    zero, one = jnp.zeros((1, 2)), jnp.ones((1, 2))
    np.testing.assert_allclose(vae.divergence(zero, zero, zero, one), [0.0])
    # m = (1, 0), s^2 = (4, 1) from N((3, 0), (2, 1)): 1/2 (4/2 + 4/2 + ln(2/4) - 1) = 1/2 (3 - ln 2)
    value = vae.divergence(jnp.array([[1.0, 0.0]]), jnp.array([[log(4.0), 0.0]]), jnp.array([[3.0, 0.0]]), jnp.array([[2.0, 1.0]]))
    np.testing.assert_allclose(value, [0.5 * (3 - log(2))], rtol=1e-6)
    # from the standard normal, one prior for all rows: 1/2 (s^2 + m^2 - ln s^2 - 1) summed
    mean, log_variance = jnp.array([[1.0, -2.0], [0.0, 0.5]]), jnp.array([[0.3, -1.0], [0.0, 2.0]])
    by_hand = [0.5 * (exp(0.3) + 1 - 0.3 - 1 + exp(-1) + 4 + 1 - 1), 0.5 * (1 - 1 + exp(2) + 0.25 - 2 - 1)]
    np.testing.assert_allclose(vae.divergence(mean, log_variance, jnp.zeros(2), jnp.ones(2)), by_hand, rtol=1e-6)
    np.testing.assert_allclose(vae.divergence(mean, log_variance), by_hand, rtol=1e-6)
