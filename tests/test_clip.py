"""CLIP's towers against the same networks told once more, on NumPy and on PyTorch; both names of arrays; images among prompts."""

import json
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from semiosis.errors import UsageError
from semiosis.nets import backbones, clip, clip_images, tokens, transformer

DEPTH, PATCH, WIDTH, GRID, OUT = 3, 4, 128, 3, 6  # two heads
COUNTS, STEM, CHANNELS = (2, 1, 1, 2), 4, 5  # one head of 128 and, in the widest below, two
LETTERS = "abcdefghijklmnopqrstuvwxyz."


def random_arrays(shapes, seed=0):
    """Weights that keep numbers at their size, normalisations that do something."""
    rng = np.random.default_rng(seed)

    def draw(name, shape):
        if len(shape) > 1:
            fan = shape[0] if name.endswith(("proj", "text_projection")) else np.prod(shape[1:])
            return rng.normal(size=shape) / np.sqrt(1 if "embedding" in name else fan)
        return rng.uniform(0.5, 1.5, shape) if name.endswith((".weight", "var")) else rng.normal(size=shape) * 0.3

    return {name: np.asarray(draw(name, shape), np.float32) for name, shape in shapes.items()}


def images(n, side, seed=1):
    return np.random.default_rng(seed).normal(size=(n, side, side, 3)).astype(np.float32)


class Loops:
    """What the towers are made of, in NumPy and float64; maps are [n c h w], weights PyTorch's."""

    array = staticmethod(lambda x: np.asarray(x, np.float64))
    cat = staticmethod(np.concatenate)
    relu = staticmethod(lambda x: np.maximum(x, 0))
    sigmoid = staticmethod(lambda x: 1 / (1 + np.exp(-x)))

    @staticmethod
    def conv(x, weight, stride, padding):
        k = weight.shape[2]
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        h, w = ((side - k) // stride + 1 for side in x.shape[2:])
        found = 0
        for a in range(k):
            for b in range(k):
                seen = x[:, :, a : a + stride * h : stride, b : b + stride * w : stride][:, :, :h, :w]
                found = found + np.einsum("nihw,oi->nohw", seen, weight[:, :, a, b])
        return found

    @staticmethod
    def mean_pool(x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))

    @staticmethod
    def batch_norm(x, scale, shift, mean, variance):
        scale, shift, mean, variance = (v[:, None, None] for v in (scale, shift, mean, variance))
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + shift

    @staticmethod
    def layer_norm(x, scale, shift):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + shift

    @staticmethod
    def attention(asks, x, weight, bias, out_weight, out_bias, heads, causal=False):
        """Head by head and image by image."""
        w = x.shape[-1]
        size, found = w // heads, []
        for one, all_ in zip(asks, x, strict=True):
            q = one @ weight[:w].T + bias[:w]
            k, v = (all_ @ weight[w * p : w * p + w].T + bias[w * p : w * p + w] for p in (1, 2))
            parts = []
            for h in range(heads):
                part = slice(h * size, h * size + size)
                logits = q[:, part] @ k[:, part].T / np.sqrt(size)
                if causal:
                    logits = np.where(np.tri(len(logits), dtype=bool), logits, -np.inf)
                share = np.exp(logits - logits.max(1, keepdims=True))
                parts.append(share / share.sum(1, keepdims=True) @ v[:, part])
            found.append(np.concatenate(parts, 1) @ out_weight.T + out_bias)
        return np.stack(found)


def of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch's layers")
    functional = torch.nn.functional

    class Functional:
        array = staticmethod(lambda x: torch.tensor(np.asarray(x)))
        cat = staticmethod(torch.cat)
        relu = staticmethod(torch.relu)
        sigmoid = staticmethod(torch.sigmoid)
        mean_pool = staticmethod(lambda x: functional.avg_pool2d(x, 2))

        @staticmethod
        def conv(x, weight, stride, padding):
            return functional.conv2d(x, weight, stride=stride, padding=padding)

        @staticmethod
        def batch_norm(x, scale, shift, mean, variance):
            return functional.batch_norm(x, mean, variance, scale, shift)

        @staticmethod
        def layer_norm(x, scale, shift):
            return functional.layer_norm(x, x.shape[-1:], scale, shift)

        @staticmethod
        def attention(asks, x, weight, bias, out_weight, out_bias, heads, causal=False):
            mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1) if causal else None
            found, _ = functional.multi_head_attention_forward(
                *(y.swapaxes(0, 1) for y in (asks, x, x)), x.shape[-1], heads, weight, bias, None, None, False, 0.0, out_weight, out_bias,
                training=False, need_weights=False, attn_mask=mask,
            )  # fmt: skip
            return found.swapaxes(0, 1)

    return Functional


MEANS = pytest.mark.parametrize("means", [lambda: Loops, of_torch], ids=["numpy", "torch"])


def run_blocks(F, arrays, x, prefix, depth, causal):
    """The output of each block."""
    for number in range(depth):
        part = {name.removeprefix(f"{prefix}{number}."): a for name, a in arrays.items() if name.startswith(f"{prefix}{number}.")}
        y = F.layer_norm(x, part["ln_1.weight"], part["ln_1.bias"])
        weights = [part[f"attn.{name}"] for name in ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")]
        x = x + F.attention(y, y, *weights, max(1, x.shape[-1] // 64), causal)
        y = F.layer_norm(x, part["ln_2.weight"], part["ln_2.bias"])
        y = y @ part["mlp.c_fc.weight"].T + part["mlp.c_fc.bias"]
        x = x + (y * F.sigmoid(1.702 * y)) @ part["mlp.c_proj.weight"].T + part["mlp.c_proj.bias"]
        yield x


def vit_reference(F, weights, x, depth=DEPTH):
    arrays = {name.removeprefix("visual."): F.array(a) for name, a in weights.items()}
    x = F.array(x.transpose(0, 3, 1, 2))
    x = F.conv(x, arrays["conv1.weight"], arrays["conv1.weight"].shape[2], 0)
    x = x.reshape(*x.shape[:2], -1).swapaxes(1, 2)
    first = arrays["class_embedding"] + 0 * x[:, :1]
    x = F.layer_norm(F.cat([first, x], 1) + arrays["positional_embedding"], arrays["ln_pre.weight"], arrays["ln_pre.bias"])
    seen = {f"block_{number}": y for number, y in enumerate(run_blocks(F, arrays, x, "transformer.resblocks.", depth, False), 1)}
    last = F.layer_norm(seen[f"block_{depth}"][:, 0], arrays["ln_post.weight"], arrays["ln_post.bias"])
    return {**seen, "embedding": last @ arrays["proj"]}


def resnet_reference(F, weights, x, counts=COUNTS):
    arrays = {name.removeprefix("visual."): F.array(a) for name, a in weights.items()}
    norm = ("weight", "bias", "running_mean", "running_var")

    def layer(x, conv, bn, stride=1):
        weight = arrays[f"{conv}.weight"]
        return F.batch_norm(F.conv(x, weight, stride, weight.shape[2] // 2), *(arrays[f"{bn}.{part}"] for part in norm))

    x = F.array(x.transpose(0, 3, 1, 2))
    for c in (1, 2, 3):
        x = F.relu(layer(x, f"conv{c}", f"bn{c}", 2 if c == 1 else 1))
    x, seen = F.mean_pool(x), {}
    for s, count in enumerate(counts, 1):
        for b in range(count):
            name, pool = f"layer{s}.{b}", F.mean_pool if s > 1 and b == 0 else lambda x: x
            y = F.relu(layer(x, f"{name}.conv1", f"{name}.bn1"))
            y = layer(pool(F.relu(layer(y, f"{name}.conv2", f"{name}.bn2"))), f"{name}.conv3", f"{name}.bn3")
            x = F.relu(y + (layer(pool(x), f"{name}.downsample.0", f"{name}.downsample.1") if b == 0 else x))
        seen[f"layer{s}"] = x.swapaxes(1, 2).swapaxes(2, 3)
    rows = x.reshape(*x.shape[:2], -1).swapaxes(1, 2)
    rows = F.cat([rows.mean(1)[:, None], rows], 1) + arrays["attnpool.positional_embedding"]
    kinds = {part: (arrays[f"attnpool.{part}_proj.weight"], arrays[f"attnpool.{part}_proj.bias"]) for part in "qkvc"}
    weight, bias = (F.cat([kinds[part][i] for part in "qkv"], 0) for i in (0, 1))
    heads = max(1, rows.shape[-1] // 64)
    return {**seen, "embedding": F.attention(rows[:, :1], rows, weight, bias, *kinds["c"], heads)[:, 0]}


def compare(found, expected, tolerance=2e-5):
    assert list(found) == list(expected)  # in order, though they come from a compiled program
    for name, array in expected.items():
        array = np.asarray(array)
        assert array.std() > 0.01, name
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance * np.abs(array).max(), err_msg=name)


VIT = clip_images.vit_shapes(DEPTH, PATCH, WIDTH, GRID * GRID + 1, OUT)
RESNET = clip_images.clip_resnet_shapes(COUNTS, STEM, 5, CHANNELS)
TEXT = clip.text_shapes(len(LETTERS) * 2 + 2, 16, 24, OUT)


def vit(weights, layer="embedding", depth=DEPTH):
    return clip_images.vit(weights, layer, depth=depth, patch=PATCH)


# ------------------------------------------------------------------------------------------------------------------- towers


@pytest.fixture(scope="module")
def tokens_seen():
    return eqx.filter_jit(vit(random_arrays(VIT)))(images(2, GRID * PATCH))


@pytest.fixture(scope="module")
def maps_seen():
    return eqx.filter_jit(clip_images.clip_resnet(random_arrays(RESNET), "embedding", counts=COUNTS))(images(2, 64))


@MEANS
def test_every_block_over_patches(means, tokens_seen):
    compare(tokens_seen, vit_reference(means(), random_arrays(VIT), images(2, GRID * PATCH)))


@MEANS
def test_every_stage_of_the_residual_network(means, maps_seen):
    compare(maps_seen, resnet_reference(means(), random_arrays(RESNET), images(2, 64)))
    assert [y.shape[1:] for y in maps_seen.values()] == [(16, 16, 16), (8, 8, 32), (4, 4, 64), (2, 2, 128), (CHANNELS,)]


@MEANS
def test_the_text_tower(means):
    """Texts that end at places 3 and 6: what is behind the end plays no part."""
    F, weights = means(), random_arrays(TEXT)
    end = len(LETTERS) * 2 + 1
    texts = np.array([[end - 1, 3, 7, end, 0, 0, 0], [end - 1, 3, 9, 9, 1, 30, end]], np.int32)
    found = eqx.filter_jit(clip.reader(weights))(texts)
    arrays = {name: F.array(a) for name, a in weights.items()}
    x = F.array(weights["token_embedding.weight"][texts] + weights["positional_embedding"][:7])
    *_, x = run_blocks(F, arrays, x, "transformer.resblocks.", 12, True)
    last = F.layer_norm(x, arrays["ln_final.weight"], arrays["ln_final.bias"])[[0, 1], [3, 6]]
    compare({"text": found}, {"text": last @ arrays["text_projection"]})
    np.testing.assert_allclose(eqx.filter_jit(clip.reader(weights))(texts[:1, :4]), found[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", ["block_1", "block_3"])
def test_a_cut_ends_with_its_block(layer, tokens_seen):
    net = vit(random_arrays(VIT), layer)
    seen = eqx.filter_jit(net)(images(2, GRID * PATCH))
    assert list(seen)[-1] == layer
    assert len(net.blocks) == len(seen) == int(layer[-1])
    np.testing.assert_allclose(seen[layer], tokens_seen[layer], rtol=1e-4, atol=1e-5)


def test_a_cut_ends_with_its_stage(maps_seen):
    seen = eqx.filter_jit(clip_images.clip_resnet(random_arrays(RESNET), "layer2", counts=COUNTS))(images(2, 64))
    assert list(seen) == ["layer1", "layer2"]
    np.testing.assert_allclose(seen["layer2"], maps_seen["layer2"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "size", "place", "out"),
    [
        ("clip-vit-b32", 87_849_216, (50, 768), 512),  # as OpenAI's
        ("clip-vit-b16", 86_192_640, (197, 768), 512),
        ("clip-vit-l14", 303_966_208, (257, 1024), 768),
        ("clip-rn50", 38_316_896 - 26_624, (7, 7, 2048), 1024),  # a normalisation's scale is in the weight before it
        ("clip-rn101", 56_259_936 - 52_736, (7, 7, 2048), 512),
        ("clip-rn50x4", 87_137_080 - 54_880, (9, 9, 2560), 640),
        ("clip-rn50x16", 167_328_912 - 96_960, (12, 12, 3072), 768),
    ],
)
def test_the_published_ones(name, size, place, out):
    backbone = backbones.BACKBONES[name]
    net = eqx.filter_eval_shape(backbone.random, jax.random.key(0), "embedding")
    seen = eqx.filter_eval_shape(lambda net, x: net(x), net, jax.ShapeDtypeStruct((2, backbone.side, backbone.side, 3), jnp.float32))
    assert tuple(seen) == backbone.layers
    assert [y.shape for y in seen.values()][-2:] == [(2, *place), (2, out)]
    assert sum(leaf.size for leaf in jax.tree.leaves(net)) == size


@pytest.mark.parametrize("tower", ["vit", "resnet"])
def test_a_network_of_few_bits_stays_one(tower, tokens_seen, maps_seen):
    net = vit(random_arrays(VIT)) if tower == "vit" else clip_images.clip_resnet(random_arrays(RESNET), "embedding", counts=COUNTS)
    net = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), net)
    seen = eqx.filter_jit(net)(jnp.asarray(images(2, GRID * PATCH if tower == "vit" else 64), jnp.bfloat16))
    assert {y.dtype for y in seen.values()} == {jnp.bfloat16.dtype}
    expected = (tokens_seen if tower == "vit" else maps_seen)["embedding"]
    np.testing.assert_allclose(seen["embedding"].astype(np.float32), expected, rtol=0, atol=0.1 * float(jnp.abs(expected).max()))


def test_how_the_transformer_begins():
    net = clip_images.random_vit(jax.random.key(0), "block_1", depth=2, patch=4, width=64, out=3)
    (block,) = net.blocks
    np.testing.assert_allclose(net.places.std(), 64**-0.5, rtol=0.05)
    np.testing.assert_allclose(block.inwards.weight.std(), np.sqrt(6 / 256 / 3), rtol=0.05)  # uniform: bound / sqrt(3)
    np.testing.assert_allclose(jnp.abs(block.narrow.weight).max(), 256**-0.5, rtol=0.01)
    assert not block.inwards.bias.any()
    assert not block.outwards.bias.any()
    assert block.wide.bias.any()
    assert (block.first_norm.weight == 1).all()
    assert not block.first_norm.bias.any()


def test_how_the_residual_network_begins():
    """Each block adds nothing to its shortcut yet; the bound of a convolution is 1 / sqrt(what goes in)."""
    net = clip_images.random_clip_resnet(jax.random.key(0), "layer1", counts=(2, 1, 1, 1), width=8, out=4, side=32)
    scale = (1 + 1e-5) ** -0.5
    for block in net.stages[0]:
        assert not block.third.weight.any()
        np.testing.assert_allclose(jnp.abs(block.second.weight).max(), scale * 72**-0.5, rtol=0.02)
    whole = clip_images.random_clip_resnet(jax.random.key(0), "embedding", counts=(1, 1, 1, 1), width=2, out=4, side=32)
    np.testing.assert_allclose(whole.pool.query.weight.std(), 1 / 8, rtol=0.05)


# -------------------------------------------------------------------------------------------------------------------- names


def hugging_face(weights):
    """The same arrays as `transformers` names and lays them out, told from its files."""
    found = {}
    for name, array in weights.items():
        tower = "vision_model" if name.startswith("visual.") else "text_model"
        name = name.removeprefix("visual.")
        if name == "logit_scale":
            found[name] = array
        elif name == "proj":
            found["visual_projection.weight"] = array.T
        elif name == "text_projection":
            found["text_projection.weight"] = array.T
        elif ".resblocks." in name:
            number, rest = name.removeprefix("transformer.resblocks.").split(".", 1)
            start = f"{tower}.encoder.layers.{number}."
            if "in_proj" in rest:
                for part, third in zip("qkv", np.split(array, 3), strict=True):
                    found[f"{start}self_attn.{part}_proj.{rest.split('_')[-1]}"] = third
            else:
                for ours, theirs in (("attn.", "self_attn."), ("ln_", "layer_norm"), ("c_fc", "fc1"), ("c_proj", "fc2")):
                    rest = rest.replace(ours, theirs)
                found[start + rest] = array
        else:
            ends = {"ln_pre": "pre_layrnorm", "ln_post": "post_layernorm", "ln_final": "final_layer_norm"}
            inner = {
                "conv1": "patch_embedding.weight", "class_embedding": "class_embedding", "token_embedding": "token_embedding.weight",
                "positional_embedding": "position_embedding.weight",
            }  # fmt: skip
            head, _, kind = name.partition(".")
            found[f"{tower}.{ends[head]}.{kind}" if head in ends else f"{tower}.embeddings.{inner[head]}"] = array
    return found


def both(seed=0):
    return random_arrays({**VIT, **TEXT}, seed)


def test_either_name_gives_the_same_network():
    weights = both()
    counts = {f"{tower}.embeddings.position_ids": np.arange(5)[None] for tower in ("vision_model", "text_model")}
    theirs = hugging_face(weights) | counts
    ours = weights | {"input_resolution": np.array(12), "context_length": np.array(24), "vocab_size": np.array(9)}
    assert eqx.tree_equal(vit(theirs), vit(ours), vit(random_arrays(VIT) | random_arrays(TEXT)))
    assert eqx.tree_equal(clip.reader(theirs), clip.reader(ours))
    assert eqx.tree_equal(clip.looker(theirs), clip.looker(ours), vit(ours))


def test_a_file_of_half_precision(tmp_path):
    """Twelve blocks on patches of 32 px, as the name says, at a width of 8."""
    weights = random_arrays(clip_images.vit_shapes(12, 32, 8, 5, 3))
    halves = {name: array.astype(np.float16) for name, array in weights.items()}
    save_file({name: np.array(array, order="C") for name, array in hugging_face(halves).items()}, tmp_path / "model.safetensors")
    net = backbones.load_backbone("clip-vit-b32", "block_5", str(tmp_path / "model.safetensors"))
    assert {leaf.dtype for leaf in jax.tree.leaves(net)} == {jnp.float32.dtype}
    assert len(net.blocks) == 5
    np.testing.assert_array_equal(net.blocks[4].wide.weight, halves["visual.transformer.resblocks.4.mlp.c_fc.weight"].T)


@pytest.mark.parametrize(
    ("names", "change", "told"),
    [
        (dict, {"visual.ln_post.bias": None}, "they lack visual.ln_post.bias"),
        (dict, {"visual.layer1.0.conv1.weight": np.zeros(3)}, "have, beside its arrays, visual.layer1.0.conv1.weight"),
        (dict, {"visual.conv1.weight": np.zeros((WIDTH, 3, 8, 8))}, "visual.conv1.weight is [128, 3, 8, 8], expected [128, 3, 4, 4]"),
        (hugging_face, {"visual_projection.weight": None}, "they lack visual_projection.weight"),
        (
            hugging_face,
            {"vision_model.encoder.layers.1.self_attn.k_proj.bias": np.zeros(3)},
            "vision_model.encoder.layers.1.self_attn.k_proj.bias is [3], expected [128]",
        ),
        (hugging_face, {"vision_model.encoder.layers.3.mlp.fc1.bias": np.zeros(3)}, "beside its arrays, vision_model.encoder.layers.3"),
    ],
)
def test_arrays_that_do_not_fit_are_named(names, change, told):
    weights = {name: array for name, array in (names(both()) | change).items() if array is not None}
    with pytest.raises(UsageError) as error:
        vit(weights)
    assert told in str(error.value)
    assert "CLIP ViT" in str(error.value)


def test_images_of_another_side_are_refused():
    for net, side in ((vit(random_arrays(VIT)), 16), (clip_images.clip_resnet(random_arrays(RESNET), "embedding", counts=COUNTS), 32)):
        with pytest.raises(UsageError, match=rf"images are {side} x {side}: this CLIP takes {net.side} x {net.side}"):
            net(jnp.zeros((1, side, side, 3)))


def test_one_head_where_the_width_is_small():
    assert transformer.attention(*(jnp.ones((1, 2, 8)),) * 3).shape == (1, 2, 8)


# ---------------------------------------------------------------------------------------------------------------- zero-shot


def write_tokens(folder):
    """Letters, letters that end a word, and the two ends; nothing is merged: CLIP's own pair of files, but small."""
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), tokens.START, tokens.END]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return words


@pytest.fixture
def small(tmp_path):
    pytest.importorskip("tokenizers", reason="reads texts with the extra `clip`")
    save_file({name: np.array(array, order="C") for name, array in hugging_face(both()).items()}, tmp_path / "model.safetensors")
    write_tokens(tmp_path)
    return tmp_path


def test_texts_as_tokens(small):
    """In lower case; the last letter of a word is another token; what is shorter is filled up with the end."""
    words = write_tokens(small)
    found = tokens.tokens((small / "vocab.json", small / "merges.txt"), 24)(["A  Cab.", "x"])
    assert [[words[number] for number in row] for row in found] == [
        [tokens.START, "a</w>", "c", "a", "b</w>", ".</w>", tokens.END],
        [tokens.START, "x</w>", *[tokens.END] * 5],
    ]


def test_merged_pairs_and_the_other_file(small):
    """`c a` then `ca b</w>` merge; a tokenizer.json made of the pair says the same, and more ends than ours it may add by itself."""
    library = pytest.importorskip("tokenizers", reason="reads texts with the extra `clip`")
    words = [*write_tokens(small), "ca", "cab</w>"]
    (small / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (small / "merges.txt").write_text("#version: 0.2\nc a\nca b</w>\n")
    pair = (small / "vocab.json", small / "merges.txt")
    found = tokens.tokens(pair, 24)(["cab cat"])
    assert [words[number] for number in found[0]] == [tokens.START, "cab</w>", "ca", "t</w>", tokens.END]
    tokenizer = tokens._built(library, *pair)
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(small / "tokenizer.json"))
    np.testing.assert_array_equal(tokens.tokens((small / "tokenizer.json",), 24)(["cab cat"]), found)


def test_images_among_prompts(small):
    judge = clip.zero_shot(str(small), ["cat", "dog", "ship"])
    assert judge.prompts[0] == "a photo of a cat."
    assert judge.prompts[5] == "a drawing of a ship."
    pixels = np.random.default_rng(0).uniform(size=(4, 12, 12, 3)).astype(np.float32)
    label, template, probabilities = judge(pixels)
    weights = both()
    mean, deviation = np.array(backbones.BACKBONES["clip-vit-b32"].statistics)
    seen = vit_reference(Loops, random_arrays(VIT) | {n: a for n, a in weights.items() if n in VIT}, (pixels - mean) / deviation)[
        "embedding"
    ]
    texts = np.asarray(eqx.filter_jit(clip.reader(weights))(tokens.tokens((small / "vocab.json", small / "merges.txt"), 24)(judge.prompts)))
    cosines = (seen / np.linalg.norm(seen, axis=1)[:, None]) @ (texts / np.linalg.norm(texts, axis=1)[:, None]).T
    shares = np.exp(np.exp(weights["logit_scale"]) * cosines)
    np.testing.assert_allclose(probabilities, shares / shares.sum(1, keepdims=True), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(3 * template + label, shares.argmax(1))
    file = clip.zero_shot(str(small / "model.safetensors"), ["cat", "dog", "ship"])
    np.testing.assert_array_equal(file.directions, judge.directions)


def test_images_of_any_side_are_fitted(small):
    """A plain image is plain at every side."""
    judge = clip.zero_shot(str(small), ["cat", "dog"])
    shade = np.array([0.2, 0.5, 0.9], np.float32)
    found = [judge(np.broadcast_to(shade, (1, side, side, 3))).probabilities for side in (12, 7, 30)]
    np.testing.assert_allclose(found[1:], [found[0]] * 2, atol=1e-4)


def test_a_residual_network_judges_too(small):
    (small / "model.safetensors").unlink()
    shapes = clip_images.clip_resnet_shapes(COUNTS, STEM, 5, OUT)
    save_file(random_arrays({**shapes, **TEXT}), small / "RN.safetensors")
    judge = clip.zero_shot(str(small), ["cat"])
    assert judge.side == 64
    assert judge(np.zeros((2, 64, 64, 3), np.float32)).probabilities.shape == (2, 2)


def test_what_is_missing_is_said(small, monkeypatch):
    def told(place, classes=("cat",)):
        with pytest.raises(UsageError) as error:
            clip.zero_shot(str(place), classes)
        return str(error.value)

    assert "no classes" in told(small, ())
    assert "has 30 tokens: CLIP reads 24" in told(small, ["cataclysmicevent"])
    (small / "vocab.json").write_text("{")
    assert f"cannot read the tokens of {small / 'vocab.json'}" in told(small)
    (small / "vocab.json").write_text('{"a": 0, "<|endoftext|>": 1}')
    assert "has no <|startoftext|>" in told(small)
    (small / "vocab.json").write_text(json.dumps({**dict.fromkeys(LETTERS, 1), tokens.START: 5, tokens.END: 1000}))
    assert "counts 1001 tokens or more" in told(small)
    (small / "merges.txt").unlink()
    assert "there are no tokens beside" in told(small)
    (small / "model.safetensors").unlink()
    assert "holds no weights" in told(small)


def test_the_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match=r"pip install 'semiosis\[clip\]'"):
        tokens.tokens((Path("tokenizer.json"),), 77)


def test_the_published_statistics():
    """CLIP's own, whose pixels were not ImageNet's."""
    for name, backbone in backbones.BACKBONES.items():
        assert backbone.statistics == (clip_images.STATISTICS if name.startswith("clip") else backbones.STATISTICS)
    np.testing.assert_allclose(clip_images.STATISTICS, [[0.4815, 0.4578, 0.4082], [0.2686, 0.2613, 0.2758]], atol=1e-4)
