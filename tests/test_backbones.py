"""Backbones against PyTorch, layer by layer, with random weights and random statistics of the normalisations."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from semiosis.errors import UsageError
from semiosis.nets import backbones, hub, pools, published, resnet

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


@pytest.mark.parametrize(("k", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (5, 2, 2), (3, 3, 0)])
@pytest.mark.parametrize("sides", [(6, 7), (9, 8)])
def test_pools_are_jaxs_and_their_gradients_place_by_place(k, stride, padding, sides):
    """Integers, which tie often; the gradient by a loop over windows, to the first of the greatest."""
    x = np.random.default_rng(0).integers(-3, 0, size=(2, *sides, 3)).astype(np.float32)
    y, back = eqx.filter_jit(lambda x: jax.vjp(lambda x: pools.greatest(x, k, stride, padding), x))(x)
    edges = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    np.testing.assert_array_equal(y, jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, k, k, 1), (1, stride, stride, 1), edges))
    g = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    padded = np.pad(x, edges, constant_values=-np.inf)
    expected = np.zeros_like(padded)
    for i, a, b, c in np.ndindex(*y.shape):
        window = padded[i, stride * a : stride * a + k, stride * b : stride * b + k, c]
        down, across = np.unravel_index(window.argmax(), window.shape)
        expected[i, stride * a + down, stride * b + across, c] += g[i, a, b, c]
    h, w = sides
    np.testing.assert_allclose(jax.jit(back)(g)[0], expected[:, padding : padding + h, padding : padding + w], rtol=1e-5, atol=1e-6)


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


# ------------------------------------------------------------------------------------------------------- trunks of 34 and 50


COUNTS = (3, 4, 6, 3)


def random_50(width=4, seed=0):
    """A ResNet-50's arrays without `fc`."""
    rng = np.random.default_rng(seed)

    def draw(name, shape):
        if len(shape) > 1:
            return rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        return rng.uniform(0.5, 1.5, shape) * (0.3 if "bn3" in name else 1) if name.endswith(("var", "weight")) else rng.normal(size=shape)

    return {name: draw(name, shape).astype(np.float32) for name, shape in resnet.resnet_shapes(width, COUNTS, bottleneck=True).items()}


class Loops:
    """Layers of [n c h w] by sums over the taps of a kernel, in float64."""

    array = staticmethod(lambda x: np.asarray(x, np.float64))
    relu = staticmethod(lambda x: np.maximum(x, 0))

    @staticmethod
    def taps(x, k, stride, fill):
        edge = k // 2
        h, w = ((side - 1) // stride + 1 for side in x.shape[2:])
        x = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)), constant_values=fill)
        for a in range(k):
            for b in range(k):
                yield a, b, x[:, :, a : a + stride * (h - 1) + 1 : stride, b : b + stride * (w - 1) + 1 : stride]

    @classmethod
    def conv(cls, x, weight, stride):
        k = weight.shape[2]
        return sum(np.einsum("nihw,oi->nohw", seen, weight[:, :, a, b]) for a, b, seen in cls.taps(x, k, stride, 0))

    @staticmethod
    def norm(x, scale, shift, mean, variance):
        scale, shift, mean, variance = (v[:, None, None] for v in (scale, shift, mean, variance))
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + shift

    @classmethod
    def pool(cls, x):
        return np.max([seen for _, _, seen in cls.taps(x, 3, 2, -np.inf)], 0)


def of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch's layers")
    functional = torch.nn.functional

    class Functional:
        array = staticmethod(lambda x: torch.as_tensor(x))
        relu = staticmethod(torch.relu)
        conv = staticmethod(lambda x, weight, stride: functional.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2))
        norm = staticmethod(lambda x, scale, shift, mean, variance: functional.batch_norm(x, mean, variance, scale, shift))
        pool = staticmethod(lambda x: functional.max_pool2d(x, 3, 2, 1))

    return Functional


def reference_50(F, weights, x):
    """ResNet-50 once more: stages after their ReLU, [n c h w], and the mean of places."""
    arrays = {name: F.array(a) for name, a in weights.items()}

    def layer(x, conv, norm, stride=1):
        parts = (arrays[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
        return F.norm(F.conv(x, arrays[f"{conv}.weight"], stride), *parts)

    seen, x = {}, F.pool(F.relu(layer(F.array(x), "conv1", "bn1", 2)))
    for s, count in enumerate(COUNTS, 1):
        for b in range(count):
            name, stride = f"layer{s}.{b}", 2 if s > 1 and b == 0 else 1
            y = F.relu(layer(x, f"{name}.conv1", f"{name}.bn1"))
            y = layer(F.relu(layer(y, f"{name}.conv2", f"{name}.bn2", stride)), f"{name}.conv3", f"{name}.bn3")
            x = F.relu(y + (x if b else layer(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)))
        seen[f"layer{s}"] = x
    return {**seen, "pooled": x.mean((2, 3))}


@pytest.fixture(scope="module")
def seen_50():
    """A side of 35 px: 18, 9, 9, 5, 3, 2."""
    return eqx.filter_jit(resnet.resnet50_trunk(random_50(), "pooled"))(images(2, 35))


@pytest.mark.parametrize("means", [lambda: Loops, of_torch], ids=["numpy", "torch"])
def test_every_stage_of_bottlenecks(means, seen_50):
    expected = reference_50(means(), random_50(), images(2, 35).transpose(0, 3, 1, 2))
    assert tuple(seen_50) == tuple(expected) == resnet.LAYERS
    for name, array in expected.items():
        array = np.moveaxis(np.asarray(array), 1, -1)
        assert array.std() > 0.01, name
        np.testing.assert_allclose(seen_50[name], array, rtol=0, atol=1e-4 * np.abs(array).max(), err_msg=name)


def test_the_gradient_towards_the_image_is_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch's gradient")
    weights, x = random_50(), images(1, 21)
    net = resnet.resnet50_trunk(weights, "layer2")
    found = eqx.filter_jit(lambda net, x: jax.grad(lambda x: (net(x)["layer2"] ** 2).sum())(x))(net, x)
    there = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    (reference_50(of_torch(), weights, there)["layer2"] ** 2).sum().backward()
    expected = there.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_a_trunk_is_the_network_that_features_come_from():
    """layer2's last map is that of block 3 after its ReLU; the mean is `avgpool`; `fc` may be in the file."""
    weights, x = random_weights(), images(1, 35)
    whole = eqx.filter_jit(backbones.resnet34(weights))(x)
    seen = eqx.filter_jit(resnet.resnet34_trunk(weights, "pooled"))(x)
    np.testing.assert_allclose(seen["layer2"], jax.nn.relu(whole["layer2_3"]), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen["pooled"], whole["avgpool_64"], rtol=1e-5, atol=1e-5)
    part = eqx.filter_jit(resnet.resnet34_trunk({name: a for name, a in weights.items() if name[:3] != "fc."}, "layer1"))(x)
    assert list(part) == ["layer1"]


def test_the_published_fifty():
    """25,557,032 parameters with `fc`, as published; of a normalisation a shift is left."""
    sizes = {name: int(np.prod(shape)) for name, shape in resnet.resnet_shapes(64, COUNTS, bottleneck=True).items()}
    assert sum(size for name, size in sizes.items() if "running" not in name) + 2048 * 1000 + 1000 == 25_557_032
    net = eqx.filter_eval_shape(resnet.random_resnet50, jax.random.key(0), "pooled")
    assert sum(leaf.size for leaf in jax.tree.leaves(net)) == sum(s for n, s in sizes.items() if "running" not in n) - 26_560
    seen = eqx.filter_eval_shape(lambda net, x: net(x), net, jax.ShapeDtypeStruct((5, 96, 96, 3), jnp.float32))
    assert [y.shape for y in seen.values()] == [(5, 24, 24, 256), (5, 12, 12, 512), (5, 6, 6, 1024), (5, 3, 3, 2048), (5, 2048)]


def test_how_a_trunk_begins():
    """Kaiming's normal by what goes out, under normalisations that have seen nothing."""
    net = resnet.random_resnet34(jax.random.key(0), "layer1")
    np.testing.assert_allclose(net.stages[0][2].second.weight.std(), np.sqrt(2 / 576) / np.sqrt(1 + 1e-5), rtol=0.02)
    np.testing.assert_allclose(net.stem.weight.std(), np.sqrt(2 / (49 * 64)), rtol=0.05)
    assert not net.stem.bias.any()
    assert len(net.stages) == 1


def test_bottlenecks_are_not_plain_blocks():
    with pytest.raises(UsageError, match=r"ResNet-34: they have, beside its arrays, layer1\.0\.conv3\.weight"):
        resnet.resnet34_trunk(random_50(), "layer1")
    with pytest.raises(UsageError, match=r"ResNet-50: they lack layer1\.0\.conv3\.weight"):
        resnet.resnet50_trunk(random_weights(), "layer1")


# ----------------------------------------------------------------------------------------------------------------- by name


def test_every_backbone_says_where_it_can_be_cut():
    """Each layer that it lists is the last of what it gives when cut there, and the default is one."""
    for name, backbone in backbones.BACKBONES.items():
        assert backbone.default in backbone.layers, name
        assert backbone.files, name
        side = backbone.side or 32
        for layer in (backbone.layers[0], backbone.layers[-2]):
            net = eqx.filter_eval_shape(backbone.random, jax.random.key(0), layer)
            seen = eqx.filter_eval_shape(lambda net, x: net(x), net, jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32))
            assert tuple(seen) == backbone.layers[: backbone.layers.index(layer) + 1], name
        for make in (lambda layer, one=backbone: one.make({}, layer), lambda layer, one=backbone: one.random(jax.random.key(0), layer)):
            with pytest.raises(UsageError, match="unknown layer 'fc9': known are "):
                make("fc9")


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (("vgg", "relu5_3", "w.pth"), "unknown backbone 'vgg': known are vgg16, resnet34, resnet50, clip-vit-b32"),
        (("vgg16", "layer4", "w.pth"), "unknown layer of vgg16 'layer4': known are relu1_2, relu2_2, relu3_3, relu4_3, relu5_3"),
        (("vgg16", "relu5_3", "/nowhere/w.pth"), "cannot read the weights /nowhere/w.pth"),
        (("vgg16", "relu5_3", "hub:timm"), "'hub:timm' does not name weights on the Hub: expected hub:OWNER/NAME or hub:OWNER/NAME/FILE"),
        (("vgg16", "relu5_3", "hub:a/b/"), "does not name weights on the Hub"),
    ],
)
def test_what_cannot_be_loaded_is_said(ask, told):
    with pytest.raises(UsageError) as error:
        backbones.load_backbone(*ask)
    assert told in str(error.value)


class Hub:
    """A Hub with one repository, as its library shows it."""

    class errors:
        class EntryNotFoundError(Exception):
            pass

        class LocalEntryNotFoundError(Exception):
            pass

    def __init__(self, files):
        self.files, self.asked = files, []

    def hf_hub_download(self, repository, file, local_files_only):
        self.asked.append((repository, file, local_files_only))
        if repository != "me/net":
            raise ValueError("401: the repository\nis not there, or gated")
        if file not in self.files:
            raise self.errors.LocalEntryNotFoundError("cache") if local_files_only else self.errors.EntryNotFoundError("404: no such file")
        return str(self.files[file])


@pytest.mark.parametrize("online", [True, False])
def test_weights_of_the_hub(tmp_path, monkeypatch, online):
    for name in ("model.safetensors", "part/w.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_file(random_weights(2, 3), tmp_path / name)
    there = Hub({"pytorch_model.bin": tmp_path / "model.safetensors", "part/w.safetensors": tmp_path / "part/w.safetensors"})
    monkeypatch.setitem(sys.modules, "huggingface_hub", there)
    monkeypatch.setattr(hub, "online", lambda: online)
    expected = resnet.resnet34_trunk(random_weights(2, 3), "layer2")
    for place in ("hub:me/net", "hub:me/net/part/w.safetensors"):
        assert eqx.tree_equal(backbones.load_backbone("resnet34", "layer2", place), expected)
    files = ("model.safetensors", "pytorch_model.bin", "part/w.safetensors")
    assert there.asked == [("me/net", file, not online) for file in files]
    with pytest.raises(UsageError) as error:
        hub.local("hub:me/net/other.pt")
    reason = "404: no such file" if online else "this machine is offline, and its cache does not have it"
    assert str(error.value) == f"cannot get other.pt of 'me/net' from the Hugging Face Hub: {reason}"
    with pytest.raises(UsageError, match="of 'you/net' from the Hugging Face Hub: 401: the repository is not there, or gated"):
        hub.local("hub:you/net")


def test_the_hubs_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="needs huggingface_hub, which is in the extra `data`"):
        hub.local("hub:me/net")
