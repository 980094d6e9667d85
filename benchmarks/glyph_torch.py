"""The published glyph step written plainly in PyTorch, for a comparison on one core: three updates, no channel, as at level 0.

python benchmarks/glyph_torch.py            CPU seconds a step of both published sizes, on one thread
"""

import os
import time
from itertools import pairwise

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import torch
from torch import nn

torch.set_num_threads(1)


class Scale(nn.Module):
    """A gain and a shift of each channel."""

    def __init__(self, channels):
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.ones(1, channels, 1, 1)), nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        return x * self.gain + self.shift


class Residual(nn.Module):
    """u + swish(scale(1x1(u)))."""

    def __init__(self, width):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(width, width, 1), Scale(width), nn.SiLU())

    def forward(self, u):
        return u + self.inner(u)


def drawer(symbols, doublings, filters, colours):
    """A one-hot message [n symbols 1 1] -> a glyph [n colours side side]."""
    widths = [filters * 2**r for r in range(doublings, -1, -1)]
    layers = [nn.Conv2d(symbols, widths[0], 1), Scale(widths[0]), nn.SiLU()]
    for i, o in pairwise(widths):
        layers += [nn.ConvTranspose2d(i, o, 3, 2, 1, 1), Scale(o), nn.SiLU(), Residual(o)]
    return nn.Sequential(*layers, nn.Conv2d(filters, colours, 3, 1, 1), Scale(colours), nn.Sigmoid())


def decoder(symbols, halvings, filters, colours):
    """An image [n colours side side] -> logits of the symbols and of nothing."""
    widths = [2 * filters, *(2 * filters * 2**r for r in range(halvings))]
    layers = [nn.Conv2d(colours, widths[0], 3, 1, 1), Scale(widths[0]), nn.SiLU()]
    for i, o in pairwise(widths):
        layers += [nn.Conv2d(i, o, 3, 2, 1), Scale(o), nn.SiLU(), Residual(o)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1], symbols + 1))


def seconds(symbols, doublings, filters, colours, batch, steps):
    """CPU seconds of a step: reader on glyphs, reader on images that say nothing, generator."""
    draw, read, untrained = (make(symbols, doublings, filters, colours) for make in (drawer, decoder, drawer))
    draws = torch.optim.Adam(draw.parameters(), 2.5e-4, (0.5, 0.999), 1e-7)
    reads = torch.optim.Adam(read.parameters(), 2.5e-4, (0.5, 0.999), 1e-7)
    side, lost = 2**doublings, nn.CrossEntropyLoss()

    def messages():
        label = torch.randint(symbols, (batch,))
        return nn.functional.one_hot(label, symbols).float()[:, :, None, None], label

    def update(optimiser, loss):
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def step(i):
        said, label = messages()
        with torch.no_grad():
            images = draw(said)
        update(reads, lost(read(images), label))
        with torch.no_grad():
            blank = untrained(messages()[0]) if i % 2 == 0 else torch.sigmoid(torch.randn(batch, colours, side, side))
        update(reads, lost(read(blank), torch.full((batch,), symbols)))
        for parameter in read.parameters():
            parameter.requires_grad_(False)
        said, label = messages()
        update(draws, lost(read(draw(said)), label))
        for parameter in read.parameters():
            parameter.requires_grad_(True)

    step(0)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for i in range(steps):
            step(i)
        best = min(best, (time.process_time() - start) / steps)
    return best


if __name__ == "__main__":
    print(f"26 grey glyphs of 16 px: {seconds(26, 4, 8, 1, 64, 50):.4f} CPU s a step")
    print(f"128 colour glyphs of 64 px: {seconds(128, 6, 16, 3, 128, 2):.3f} CPU s a step")
