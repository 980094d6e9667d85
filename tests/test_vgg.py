"""VGG16 against the same network told once more, on NumPy and on PyTorch; its gradient, its files, how it begins."""

import struct
import zipfile

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from semiosis.errors import UsageError
from semiosis.nets import backbones, vgg

WIDTHS = (4, 5, 6, 7, 8)
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
FULL = vgg.vgg16_shapes()


def random_weights(widths=WIDTHS, seed=0, classes=10):
    """The arrays of a small VGG16, as He et al. (2015) draw them, with biases; and of what classifies."""
    rng = np.random.default_rng(seed)
    names, inputs = {}, 3
    for first, size, width in zip((0, 5, 10, 17, 24), (2, 2, 3, 3, 3), widths, strict=True):
        for number in range(first, first + 2 * size, 2):
            names[f"features.{number}.weight"] = rng.normal(size=(width, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
            names[f"features.{number}.bias"] = rng.normal(size=width) * 0.1
            inputs = width
    names |= {"classifier.0.weight": np.zeros((classes, 49 * inputs)), "classifier.0.bias": np.zeros(classes)}
    return {name: array.astype(np.float32) for name, array in names.items()}


def images(n, side, seed=1):
    return np.random.default_rng(seed).normal(size=(n, side, side, 3)).astype(np.float32)


class Loops:
    """Convolutions and pools of [n c h w] by sums over the taps of a kernel."""

    @staticmethod
    def conv(x, weight, bias):
        x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
        h, w = x.shape[2] - 2, x.shape[3] - 2
        taps = (np.einsum("nihw,oi->nohw", x[:, :, a : a + h, b : b + w], weight[:, :, a, b]) for a in range(3) for b in range(3))
        return sum(taps) + bias[:, None, None]

    @staticmethod
    def relu(x):
        return np.maximum(x, 0)

    @staticmethod
    def pool(x):
        n, c, h, w = x.shape
        return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch's convolutions")

    class Functional:
        @staticmethod
        def conv(x, weight, bias):
            return torch.nn.functional.conv2d(torch.as_tensor(x), torch.tensor(weight), torch.tensor(bias), padding=1)

        relu = staticmethod(torch.nn.functional.relu)

        @staticmethod
        def pool(x):
            return torch.nn.functional.max_pool2d(x, 2)

    return Functional


MEANS = pytest.mark.parametrize("means", [lambda: Loops, of_torch], ids=["numpy", "torch"])


def reference(F, weights, x):
    """torchvision's modules one by one: the map before each pool, [n c h w]."""
    seen = {}
    for module, kind in enumerate("crcrpcrcrpcrcrcrpcrcrcrpcrcrcr"):
        if kind == "p":
            seen[LAYERS[len(seen)]] = x
            x = F.pool(x)
        else:
            x = F.relu(x) if kind == "r" else F.conv(x, weights[f"features.{module}.weight"], weights[f"features.{module}.bias"])
    return {**seen, "relu5_3": x}


@pytest.fixture(scope="module")
def found():
    """A side of 35 px: 35, 17, 8, 4, 2."""
    return eqx.filter_jit(vgg.vgg16(random_weights(), "relu5_3"))(images(2, 35))


@MEANS
def test_every_layer(means, found):
    expected = reference(means(), random_weights(), images(2, 35).transpose(0, 3, 1, 2))
    assert tuple(found) == tuple(expected) == LAYERS
    for name, array in expected.items():
        array = np.asarray(array).transpose(0, 2, 3, 1)
        assert array.std() > 0.01, name
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-5 * array.max(), err_msg=name)
    assert [found[name].shape[1:] for name in LAYERS] == [(35, 35, 4), (17, 17, 5), (8, 8, 6), (4, 4, 7), (2, 2, 8)]


def test_the_gradient_towards_the_image_is_pytorchs():
    """Of a sum over all maps; images of 0 and 1 make ties, and 21 px odd sides."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch's gradient")
    weights, x = random_weights(), np.round(np.random.default_rng(2).uniform(size=(2, 21, 21, 3))).astype(np.float32)
    net = vgg.vgg16(weights, "relu5_3")
    found = eqx.filter_jit(lambda net, x: jax.grad(lambda x: sum((y * y).sum() for y in net(x).values()))(x))(net, x)
    there = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    sum((y * y).sum() for y in reference(of_torch(), weights, there).values()).backward()
    expected = there.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_pools_gradient_goes_to_the_first_of_the_greatest():
    """Windows of the upper rows: a tie of all, a tie of the right column; the last row and column are in none."""
    x = jnp.array([[[3, 3, 1, 2, 9], [3, 3, 0, 2, 9], [1, 2, 5, 4, 9], [4, 3, 2, 1, 9], [9, 9, 9, 9, 9.0]]])[..., None]
    y, back = eqx.filter_jit(lambda x: jax.vjp(vgg.halved, x))(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[3, 2], [4, 5]])
    expected = [[10, 0, 0, 20, 0], [0, 0, 0, 0, 0], [0, 0, 40, 0, 0], [30, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(jax.jit(back)(jnp.array([[10.0, 20], [30, 40]])[None, ..., None])[0][0, :, :, 0], expected)


@pytest.mark.parametrize(("side", "sides"), [(28, [28, 14, 7, 3, 1]), (96, [96, 48, 24, 12, 6]), (224, [224, 112, 56, 28, 14])])
def test_the_published_one(side, sides):
    """14,714,688 parameters up to relu5_3; maps at any side from 16 px on."""
    net = eqx.filter_eval_shape(vgg.random_vgg16, jax.random.key(0), "relu5_3")
    assert sum(leaf.size for leaf in jax.tree.leaves(net)) == sum(int(np.prod(shape)) for shape in FULL.values()) == 14_714_688
    seen = eqx.filter_eval_shape(lambda net, x: net(x), net, jax.ShapeDtypeStruct((5, side, side, 3), jnp.float32))
    assert {name: y.shape for name, y in seen.items()} == {
        name: (5, side, side, width) for name, side, width in zip(LAYERS, sides, (64, 128, 256, 512, 512), strict=True)
    }


@pytest.mark.parametrize("layer", LAYERS)
def test_a_cut_ends_with_its_layer(layer, found):
    seen = eqx.filter_jit(vgg.vgg16(random_weights(), layer))(images(2, 35))
    assert tuple(seen) == LAYERS[: LAYERS.index(layer) + 1]
    np.testing.assert_allclose(seen[layer], found[layer], rtol=1e-5, atol=1e-6)


def test_a_network_of_few_bits_stays_one(found):
    net = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), vgg.vgg16(random_weights(), "relu5_3"))
    x = jnp.asarray(images(2, 35), jnp.bfloat16)
    seen = eqx.filter_jit(net)(x)
    assert {y.dtype for y in seen.values()} == {jnp.bfloat16.dtype}
    np.testing.assert_allclose(seen["relu5_3"].astype(np.float32), found["relu5_3"], rtol=0, atol=0.05 * float(found["relu5_3"].max()))
    assert eqx.filter_eval_shape(jax.grad(lambda x: net(x)["relu5_3"].astype(jnp.float32).sum()), x).dtype == jnp.bfloat16


def test_how_it_begins():
    """Kaiming's normal by what goes out: sqrt(2 / (9 64)) for both convolutions of the first block; no biases; a network a key."""
    first, second = vgg.random_vgg16(jax.random.key(3), "relu1_2").blocks[0]
    for layer in (first, second):
        assert not layer.bias.any()
        np.testing.assert_allclose(layer.weight.std(), np.sqrt(2 / 576), rtol=0.05)
    assert abs(np.corrcoef(second.weight.ravel()[: first.weight.size], first.weight.ravel())[0, 1]) < 0.1
    many = eqx.filter_vmap(lambda key: vgg.random_vgg16(key, "relu1_2"))(jax.random.split(jax.random.key(3), 2))
    assert not np.array_equal(*many.blocks[0][1].weight)


# ------------------------------------------------------------------------------------------------------------------- files


def torch_zip(path, arrays, around=None):
    """PyTorch's zip archive of a dictionary of float32 tensors, or one around it, instruction by instruction."""

    def text(value):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()

    def tuples(numbers):
        return b"(" + b"".join(b"J" + struct.pack("<i", n) for n in numbers) + b"t"

    def tensor(key, array):
        strides = [stride // 4 for stride in array.strides]
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + tuples([array.size])[1:-1] + b"tQ"
        rest = tuples([0])[1:-1] + tuples(array.shape) + tuples(strides) + b"\x89ccollections\nOrderedDict\n)R"
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR"

    body = b"}" + b"".join(text(name) + tensor(str(key), array) + b"s" for key, (name, array) in enumerate(arrays.items()))
    body = b"}" + text(around) + body + b"s" if around else body
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("vgg/data.pkl", b"\x80\x02" + body + b".")
        for key, array in enumerate(arrays.values()):
            file.writestr(f"vgg/data/{key}", array.tobytes())


def stylised(weights):
    """Names as those of Geirhos et al. (2019)."""
    return {name.replace("features.", "features.module."): array for name, array in weights.items()}


def bare(weights):
    return {name: array for name, array in weights.items() if not name.startswith("classifier")}


def head_of_timm(weights):
    return {name.replace("classifier.0", "pre_logits.fc1"): array for name, array in weights.items()}


@pytest.mark.parametrize("names", [dict, stylised, bare, head_of_timm])
@pytest.mark.parametrize("kind", ["safetensors", "zip"])
def test_files(tmp_path, names, kind):
    weights = random_weights((2, 2, 2, 2, 2))
    if kind == "zip":
        torch_zip(tmp_path / "w.pth", names(weights), "state_dict" if names is stylised else None)
    else:
        save_file(names(weights), tmp_path / "w.pth")  # its first bytes tell, not its name
    net = backbones.load_backbone("vgg16", "relu5_3", str(tmp_path / "w.pth"))
    assert eqx.tree_equal(net, vgg.vgg16(weights, "relu5_3"))


def test_a_file_that_pytorch_writes(tmp_path):
    torch = pytest.importorskip("torch", reason="reads what PyTorch itself writes")
    weights = random_weights((2, 2, 2, 2, 2))
    torch.save({"epoch": 60, "state_dict": {name: torch.tensor(a) for name, a in stylised(weights).items()}}, tmp_path / "w.pth.tar")
    net = backbones.load_backbone("vgg16", "relu3_3", str(tmp_path / "w.pth.tar"))
    assert eqx.tree_equal(net, vgg.vgg16(weights, "relu3_3"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"features.28.bias": None}, "they lack features.28.bias"),  # even of what is cut away: it is another network's file
        ({"features.1.weight": np.zeros(4)}, "have, beside its arrays, features.1.weight"),  # as with normalisations
        ({"features.5.weight": np.zeros((5, 3, 3, 3))}, "features.5.weight is [5, 3, 3, 3], expected [5, 4, 3, 3]"),
        ({"features.0.weight": np.zeros(())}, "features.0.weight is [], expected [1, 3, 3, 3]"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, told):
    weights = {name: array for name, array in (random_weights() | change).items() if array is not None}
    with pytest.raises(UsageError) as error:
        vgg.vgg16(weights, "relu1_2")
    assert told in str(error.value)
    assert "VGG16" in str(error.value)
