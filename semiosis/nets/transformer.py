"""The transformer of CLIP (Radford et al. 2021), which reads texts and, over patches, sees images."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from semiosis.nets.published import EPSILON, Arrays, Law, Shapes, single

HEAD = 64  # numbers of a head of attention


class Dense(eqx.Module):
    """y = x W + b."""

    weight: Float[Array, "i o"]
    bias: Float[Array, " o"]

    def __call__(self, x: Float[Array, "*n i"]) -> Float[Array, "*n o"]:
        return x @ self.weight + self.bias


class LayerNorm(eqx.Module):
    """Mean 0 and deviation 1 along the last axis, then a scale and a shift; the mean and deviation are taken in float32."""

    weight: Float[Array, " w"]
    bias: Float[Array, " w"]

    def __call__(self, x: Float[Array, "*n w"]) -> Float[Array, "*n w"]:
        y = x.astype(jnp.float32)
        y = y - y.mean(-1, keepdims=True)
        y = y * lax.rsqrt((y * y).mean(-1, keepdims=True) + EPSILON)
        return y.astype(x.dtype) * self.weight + self.bias


class Block(eqx.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), with the quick GELU x sigmoid(1.702 x); `causal`: nobody looks at who comes later."""

    first_norm: LayerNorm
    inwards: Dense
    outwards: Dense
    second_norm: LayerNorm
    wide: Dense
    narrow: Dense
    causal: bool = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n t w"]) -> Float[Array, "n t w"]:
        query, key, value = jnp.split(self.inwards(self.first_norm(x)), 3, -1)
        x = x + self.outwards(attention(query, key, value, causal=self.causal))
        inner = self.wide(self.second_norm(x))
        return x + self.narrow(inner * jax.nn.sigmoid(1.702 * inner))


def attention(
    query: Float[Array, "n q w"], key: Float[Array, "n t w"], value: Float[Array, "n t w"], *, causal: bool = False
) -> Float[Array, "n q w"]:
    """Scaled products of heads of 64 numbers, or one head of fewer."""
    heads = max(1, query.shape[-1] // HEAD)
    query, key, value = (x.reshape(*x.shape[:2], heads, -1) for x in (query, key, value))
    seen = jax.nn.dot_product_attention(query, key, value, is_causal=causal)
    return seen.reshape(*seen.shape[:2], -1)


def blocks(arrays: Arrays, prefix: str, depth: int, *, causal: bool) -> tuple[Block, ...]:
    """So many blocks from arrays named as OpenAI's, from `prefix` + "0." on."""
    return tuple(_block(arrays, f"{prefix}{number}.", causal=causal) for number in range(depth))


def _block(arrays: Arrays, name: str, *, causal: bool) -> Block:
    inwards = Dense(single(arrays[f"{name}attn.in_proj_weight"].T), single(arrays[f"{name}attn.in_proj_bias"]))
    outwards, wide, narrow = (dense(arrays, f"{name}{part}") for part in ("attn.out_proj", "mlp.c_fc", "mlp.c_proj"))
    return Block(norm(arrays, f"{name}ln_1"), inwards, outwards, norm(arrays, f"{name}ln_2"), wide, narrow, causal)


def dense(arrays: Arrays, name: str) -> Dense:
    """A linear layer from PyTorch's weight [o i] and bias."""
    return Dense(single(arrays[f"{name}.weight"].T), single(arrays[f"{name}.bias"]))


def norm(arrays: Arrays, name: str) -> LayerNorm:
    """A normalisation from PyTorch's weight and bias."""
    return LayerNorm(single(arrays[f"{name}.weight"]), single(arrays[f"{name}.bias"]))


def block_shapes(prefix: str, depth: int, width: int) -> Shapes:
    """Names and shapes of the arrays that `blocks` reads, in the order of OpenAI's files."""
    parts = {
        "attn.in_proj_weight": (3 * width, width), "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width), "attn.out_proj.bias": (width,),
        "ln_1.weight": (width,), "ln_1.bias": (width,),
        "mlp.c_fc.weight": (4 * width, width), "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (width, 4 * width), "mlp.c_proj.bias": (width,),
        "ln_2.weight": (width,), "ln_2.bias": (width,),
    }  # fmt: skip
    return {f"{prefix}{number}.{part}": shape for number in range(depth) for part, shape in parts.items()}


def block_law(name: str, width: int) -> Law:
    """How an array of a block of this width begins: as PyTorch's attention, linear layers and normalisations do."""
    if ".ln_" in name:
        return Law("constant", float(name.endswith("weight")))
    if name.endswith("in_proj_weight"):
        return Law("uniform", (6 / (4 * width)) ** 0.5)  # Glorot and Bengio 2010, for all three at once
    if ".attn." in name and name.endswith("bias"):
        return Law("constant", 0.0)
    return Law("uniform", (4 * width if ".c_proj." in name else width) ** -0.5)
