"""Backbones against PyTorch, layer by layer, with random weights and random statistics of the normalisations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.errors import UsageError
from semiosis.nets import backbones, published, resnet

WIDTH, CLASSES = 8, 10


def random_weights(width=WIDTH, classes=CLASSES, seed=0):
    """A ResNet-34's arrays: weights as He et al. (2015) draw them, scales and variances between 1/2 and 3/2, the rest normal."""
    rng = np.random.default_rng(seed)

    def draw(name, shape):
        if len(shape) > 1:
            return rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        return rng.uniform(0.5, 1.5, shape) if name.endswith(("var", "weight")) else rng.normal(size=shape)

    return {name: draw(name, shape).astype(np.float32) for name, shape in backbones.resnet34_shapes(width, classes).items()}


def images(n, side, seed=1):
    return np.random.default_rng(seed).normal(size=(n, side, side, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="compares with an independent ResNet-34 in PyTorch")


@pytest.fixture(scope="module")
def reference(torch):
    """ResNet-34 once more, in PyTorch: a function from arrays and images to the output of each block before its last ReLU, and the ends."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            other = stride > 1 or inputs != outputs
            self.downsample = (
                nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if other else nn.Identity()
            )

        def forward(self, x):
            return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + self.downsample(x)

    class Net(nn.Module):
        def __init__(self, width, classes):
            super().__init__()
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            inputs = width
            for s, blocks in enumerate((3, 4, 6, 3)):
                stage = nn.ModuleList()
                for b in range(blocks):
                    stage.append(Block(inputs, width * 2**s, 2 if s and not b else 1))
                    inputs = width * 2**s
                setattr(self, f"layer{s + 1}", stage)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(inputs, classes)

        def forward(self, x):
            seen = {}
            x = self.maxpool(self.bn1(self.conv1(x)).relu())
            for s in (1, 2, 3, 4):
                for b, block in enumerate(getattr(self, f"layer{s}")):
                    seen[f"layer{s}_{b}"] = x = block(x)
                    x = x.relu()
            x = self.avgpool(x).flatten(1)
            return {**seen, f"avgpool_{x.shape[1]}": x, "fc": self.fc(x)}

    def run(weights, x):
        net = Net(len(weights["conv1.weight"]), len(weights["fc.weight"])).eval()
        left = net.load_state_dict({name: torch.tensor(array) for name, array in weights.items()}, strict=False)
        assert not left.unexpected_keys
        assert all(name.endswith("num_batches_tracked") for name in left.missing_keys)
        with torch.no_grad():
            seen = net(torch.tensor(x).permute(0, 3, 1, 2))
        return {name: np.moveaxis(array.numpy(), 1, -1) for name, array in seen.items()}

    return run


def test_every_layer_is_pytorchs(reference):
    """float32 sums in another order: 1e-4 of a layer's greatest number."""
    weights, x = random_weights(), images(2, 64)
    expected = reference(weights, x)
    found = eqx.filter_jit(backbones.resnet34(weights))(x)
    assert sorted(found) == sorted(expected)
    assert [name for name in found if not name.startswith("layer")] == ["avgpool_64", "fc"]
    for name, array in expected.items():
        assert array.std() > 0.01, name
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-4 * np.abs(array).max(), err_msg=name)
    assert found["layer4_2"].min() < 0  # before the last ReLU
    np.testing.assert_allclose(found["avgpool_64"], jax.nn.relu(found["layer4_2"]).mean((1, 2)), rtol=1e-5, atol=1e-5)


def test_odd_sides_are_pytorchs(reference):
    """227 px, the published side: 114, 57, 57, 29, 15, 8; all 64 places of the last map count."""
    weights, x = random_weights(4, 3), images(1, 227)
    expected = reference(weights, x)
    found = eqx.filter_jit(backbones.resnet34(weights))(x)
    assert [found[f"layer{s}_0"].shape[1:3] for s in (1, 2, 3, 4)] == [(57, 57), (29, 29), (15, 15), (8, 8)]
    for name in ("layer4_2", "avgpool_32", "fc"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-4 * np.abs(expected[name]).max(), err_msg=name)


def test_the_published_one():
    """21,797,672 parameters, as published, beside 17,024 statistics of normalisations; and its activations' shapes."""
    sizes = {name: int(np.prod(shape)) for name, shape in backbones.resnet34_shapes().items()}
    statistics = sum(size for name, size in sizes.items() if "running" in name)
    assert (sum(sizes.values()) - statistics, statistics) == (21_797_672, 17_024)
    blank = {name: np.zeros(shape, np.float32) for name, shape in backbones.resnet34_shapes().items()}
    seen = eqx.filter_eval_shape(backbones.resnet34(blank), jax.ShapeDtypeStruct((5, 227, 227, 3), jnp.float32))
    assert [seen[name].shape for name in ("layer4_2", "avgpool_512", "fc")] == [(5, 8, 8, 512), (5, 512), (5, 1000)]


def test_normalisation_by_hand():
    """A 1 x 1 convolution by 3, then (y - 1) / sqrt(4) * 5 + 6 but for epsilon: 2 becomes 18.5."""
    weights = {"c.weight": np.full((1, 1, 1, 1), 3.0), "n.weight": np.array([5.0]), "n.bias": np.array([6.0])}
    weights |= {"n.running_mean": np.array([1.0]), "n.running_var": np.array([4.0 - published.EPSILON])}
    convolved = published.convolved(weights, "c", "n", 1)
    np.testing.assert_allclose(convolved(jnp.full((1, 1, 1, 1), 2.0)), 18.5, rtol=1e-6)


def test_the_greatest_of_three_by_three():
    x = -jnp.arange(1.0, 10).reshape(1, 3, 3, 1)  # all below 0, which padding must not beat
    np.testing.assert_array_equal(resnet.pooled(x)[0, :, :, 0], [[-1, -2], [-4, -5]])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"layer3.5.bn2.running_var": None}, "they lack layer3.5.bn2.running_var"),
        ({"conv1.weight": None}, "lack conv1.weight"),
        ({"fc.bias": None, "fc.weight": None}, "lack fc.weight and 1 more"),
        ({"layer3.6.conv1.weight": np.zeros((32, 32, 3, 3))}, "have, beside its arrays, layer3.6.conv1.weight"),
        (
            {"layer2.0.downsample.0.weight": np.zeros((16, 8, 3, 3))},
            "layer2.0.downsample.0.weight is [16, 8, 3, 3], expected [16, 8, 1, 1]",
        ),
        ({"fc.bias": np.zeros(())}, "fc.bias is [], expected [10]"),
        ({"conv1.weight": np.zeros(())}, "conv1.weight is [], expected [1, 3, 7, 7]"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, told):
    weights = {name: array for name, array in (random_weights() | change).items() if array is not None}
    with pytest.raises(UsageError) as error:
        backbones.resnet34(weights)
    assert told in str(error.value)
    assert "ResNet-34" in str(error.value)


def test_counts_of_batches_play_no_part():
    weights = random_weights()
    backbones.resnet34(weights | {"bn1.num_batches_tracked": np.array(3)})
