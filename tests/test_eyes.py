"""Eyes: what they are said to be, layer by layer, against plain NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from semiosis.errors import UsageError
from semiosis.nets import eyes

IMAGES = jax.random.uniform(jax.random.key(0), (2, 16, 16, 1))


def make(name, side=16, width=2, seed=0):
    """An eye with weights of our own, normal: to compile how it is born takes longer than all that it then does."""
    shapes = eqx.filter_eval_shape(lambda key: eyes.eye(name, side, 1, width=width, key=key), jax.random.key(0))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) * np.prod(leaf.shape[:-1]) ** -0.5, leaf.dtype), shapes)


@eqx.filter_jit
def look(net, images=IMAGES):
    return net(images)


def shapes(name, side, channels, width=None):
    def act(key):
        return eyes.eye(name, side, channels, width=width, key=key)(jnp.zeros((1, side, side, channels)))

    return {layer: seen.shape[1:] for layer, seen in jax.eval_shape(act, jax.random.key(0)).items()}


def convolution(layer, x):
    """Cross-correlation with zero padding, plane by plane, and bias."""
    edge, stride = layer.padding, layer.stride
    x = np.pad(np.asarray(x, np.float64), ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    weight, out = np.asarray(layer.weight, np.float64), []
    for image in x:
        planes = [
            sum(signal.correlate(image[..., i], weight[..., i, o], mode="valid") for i in range(weight.shape[2]))
            for o in range(weight.shape[3])
        ]
        out.append(np.stack(planes, -1)[::stride, ::stride])
    return np.stack(out) + np.asarray(layer.bias)


PUBLISHED = {
    "mlp": {"hidden": (64,)},
    "cnn": {"conv1": (24, 24, 120), "conv2": (8, 8, 300), "pool": (4, 4, 300)},
    "bettercnn": {**{f"conv{i}": (28, 28, 64) for i in range(1, 5)}, "pool": (8, 8, 64)},
    "conv2d": {"conv1": (14, 14, 32), "conv2": (7, 7, 64)},
    "small": {"conv1": (14, 14, 32), "conv2": (7, 7, 64), "conv3": (4, 4, 128)},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_activations_of_images_of_28(name):
    assert shapes(name, 28, 1) == PUBLISHED[name]
    assert eyes.layers(name) == tuple(PUBLISHED[name])


def test_the_eye_of_strokes_halves_images_five_times():
    channels = (16, 32, 64, 128, 256)
    want = {f"block{i}": (256 >> (i - 1), 256 >> (i - 1), channels[i - 1]) for i in range(1, 6)}
    assert shapes("strokenet", 256, 1) == {**want, "pool": (8, 8, 256)}  # 16,384 numbers, as published
    assert eyes.layers("strokenet") == (*want, "pool")
    assert shapes("strokenet", 28, 3, 2)["pool"] == (1, 1, 32)  # 28, 14, 7, 3, 1, and then no more


@pytest.mark.parametrize("name", eyes.EYES)
def test_every_eye_is_jitted_learns_and_takes_a_crowd(name):
    net = make(name)

    @eqx.filter_jit
    @eqx.filter_grad
    def slope(both):
        return sum(jnp.square(seen).sum() for seen in both[0](both[1]).values())

    slopes, to_images = slope((net, IMAGES))
    for found in (*jax.tree.leaves(slopes), to_images):
        assert np.isfinite(found).all()
        assert np.abs(found).max() > 0
    seen = look(net)
    assert tuple(seen) == eyes.layers(name)
    crowd = jax.tree.map(lambda *x: jnp.stack(x), net, make(name, seed=1))
    together = eqx.filter_jit(eqx.filter_vmap(lambda net: net(IMAGES)))(crowd)
    for layer, alone in seen.items():
        assert alone.dtype == jnp.float32
        np.testing.assert_allclose(together[layer][0], alone, atol=1e-5)


def test_the_hidden_layer_by_hand():
    net = make("mlp", width=5)
    by_hand = np.asarray(IMAGES, float).reshape(2, -1) @ np.asarray(net.weight, float) + np.asarray(net.bias, float)
    np.testing.assert_allclose(look(net)["hidden"], np.maximum(by_hand, 0), atol=1e-5)
    assert by_hand.min() < 0


def test_small_and_conv2d_are_convolutions_of_stride_two_with_relu():
    for name, depth in (("small", 3), ("conv2d", 2)):
        net = make(name, side=7)
        seen, x = look(net, IMAGES[:, :7, :7]), np.asarray(IMAGES[:, :7, :7])
        for number, (layer,) in enumerate(net.blocks, 1):
            x = np.maximum(convolution(layer, x), 0)
            np.testing.assert_allclose(seen[f"conv{number}"], x, atol=1e-5)
        assert len(seen) == depth


def test_cnn_takes_the_greatest_of_four():
    net = make("cnn")
    seen = look(net)
    np.testing.assert_allclose(seen["conv1"], np.maximum(convolution(net.blocks[0][0], IMAGES), 0), atol=1e-5)
    assert seen["conv1"].shape == (2, 12, 12, 2)
    pooled = np.asarray(seen["conv1"]).reshape(2, 6, 2, 6, 2, 2).max((2, 4))
    np.testing.assert_allclose(seen["conv2"], np.maximum(convolution(net.blocks[1][0], pooled), 0), atol=1e-5)
    np.testing.assert_allclose(seen["pool"], np.asarray(seen["conv2"]).max((1, 2), keepdims=True), atol=1e-6)
    assert seen["pool"].shape == (2, 1, 1, 5)  # 2.5 times the width


def test_strokenet_has_a_leak_of_a_fifth_and_means():
    net = make("strokenet")
    x, seen = np.asarray(IMAGES), look(net)
    for number, block in enumerate(net.blocks[:2], 1):
        for layer in block:
            x = convolution(layer, x)
            x = np.where(x > 0, x, 0.2 * x)
        np.testing.assert_allclose(seen[f"block{number}"], x, atol=1e-5)
        n, h, w, c = x.shape
        x = x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
    assert len(net.blocks) == 5
    assert all(len(block) == 2 for block in net.blocks)


def test_bettercnn_normalises_each_image_by_itself():
    net = make("bettercnn")
    x = convolution(net.blocks[0][0], IMAGES)  # two channels: two groups
    x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-3)
    x = x * np.asarray(net.blocks[0][0].scale.gain) + np.asarray(net.blocks[0][0].scale.shift)
    seen = look(net)
    np.testing.assert_allclose(seen["conv1"], np.maximum(x, 0), atol=1e-4)
    np.testing.assert_allclose(seen["pool"], np.asarray(seen["conv4"]).reshape(2, 8, 2, 8, 2, 2).mean((2, 4)), atol=1e-5)
    alone = look(net, IMAGES[:1])
    np.testing.assert_allclose(alone["pool"], seen["pool"][:1], atol=1e-5)


@pytest.mark.parametrize("length", [3, 8, 12, 28])
def test_any_image_comes_to_a_grid_of_means(length):
    x = np.random.default_rng(0).normal(size=(1, length, length + 1, 2)).astype(np.float32)
    got = eqx.filter_jit(lambda x: eyes.gridded(x, 8))(x)
    for i, j in np.ndindex(8, 8):
        rows = slice(int(np.floor(i * length / 8)), int(np.ceil((i + 1) * length / 8)))
        columns = slice(int(np.floor(j * (length + 1) / 8)), int(np.ceil((j + 1) * (length + 1) / 8)))
        np.testing.assert_allclose(got[0, i, j], x[0, rows, columns].mean((0, 1)), atol=1e-5)


def test_a_last_odd_row_is_left_out_of_means():
    x = jnp.arange(15.0).reshape(1, 3, 5, 1)
    assert eyes.meaned(x).ravel().tolist() == [3, 5]  # 0, 1, 5, 6 and 2, 3, 7, 8


def test_weights_begin_with_the_variance_of_he():
    net = eqx.filter_jit(lambda key: eyes.eye("small", 28, 3, key=key))(jax.random.key(0))
    weight = np.asarray(net.blocks[1][0].weight)
    assert not any(layer.bias.any() for (layer,) in net.blocks)
    bound = (6 / (9 * 32)) ** 0.5
    assert 0.99 * bound < np.abs(weight).max() <= bound
    assert weight.var() == pytest.approx(2 / (9 * 32), rel=0.05)  # 18,432 numbers: the error of a uniform's variance is 0.7 %


@pytest.mark.parametrize(
    ("name", "side", "width", "says"),
    [
        ("resnet", 28, None, "unknown eye 'resnet': known are mlp, cnn, bettercnn, conv2d, strokenet, small"),
        ("cnn", 13, None, "images have 13 pixels a side: too few for the eye cnn"),
        ("small", 28, 0, "width is 0: expected 1 or more"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(name, side, width, says):
    with pytest.raises(UsageError) as caught:
        eyes.eye(name, side, 1, width=width, key=jax.random.key(0))
    assert str(caught.value) == says
