"""The published dialogue step written plainly in PyTorch, for a comparison on one core: adaptive, sum fusion, no attention.

As in a plain implementation, the exchanges are a Python loop, the receiver scores every (conversation, class) pair from [state; text],
the sender projects its image anew in each exchange, and the losses index the conversations that are still open.

python benchmarks/dialogue_torch.py            CPU seconds a step of both cases of `semiosis bench dialogue`, on one thread
"""

import os
import time
from dataclasses import dataclass
from typing import NamedTuple

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import torch
from torch import nn

torch.set_num_threads(1)


@dataclass(frozen=True)
class Sizes:
    """What a step is about, and how large the agents are."""

    classes: int
    exchanges: int
    bits: int
    features: int
    text: int
    sender: int
    receiver: int
    lr: float
    value: int = 500
    batch: int = 64
    sender_entropy: float = 0.01
    receiver_entropy: float = 0.01
    stop_entropy: float = 0.08


CASES = {
    "16 classes, 5 exchanges of 16 bits": Sizes(16, 5, 16, features=64, text=32, sender=64, receiver=32, lr=1e-3),
    "30 classes, 10 exchanges of 32 bits": Sizes(30, 10, 32, features=512, text=100, sender=256, receiver=64, lr=1e-4),
}


class Sender(nn.Module):
    """Sees an image and nothing else; what it answers before it has read anything is learned."""

    def __init__(self, sizes):
        super().__init__()
        self.see, self.read = nn.Linear(sizes.features, sizes.sender), nn.Linear(sizes.bits, sizes.sender)
        self.say, self.first = nn.Linear(sizes.sender, sizes.bits), nn.Parameter(torch.randn(sizes.bits))

    def forward(self, image, received):
        """Probabilities of its bits [n d], and its view of the image [n h]; `received` is None in the first exchange."""
        view = self.see(image)
        code = torch.sigmoid(self.first) if received is None else received
        return torch.sigmoid(self.say(torch.tanh(view + self.read(code)))), view


class Receiver(nn.Module):
    """Reads a text about each class and nothing else."""

    def __init__(self, sizes):
        super().__init__()
        h = sizes.receiver
        self.hear = nn.GRUCell(sizes.bits, h)
        self.score = nn.Sequential(nn.Linear(h + sizes.text, h), nn.ReLU(), nn.Linear(h, 1))
        self.mind, self.query = nn.Linear(h, h), nn.Linear(sizes.text, h, bias=False)
        self.say, self.on = nn.Linear(h, sizes.bits), nn.Linear(h, 1)

    def forward(self, heard, state, texts):
        """Its state [n h], the scores of the classes [n c], and the probabilities of its bits [n d] and of going on [n 1]."""
        state = self.hear(heard, state)
        n, c = len(state), len(texts)
        pairs = torch.cat([state[:, None].expand(n, c, -1), texts[None].expand(n, c, -1)], dim=2)
        scores = self.score(pairs)[..., 0]
        query = torch.softmax(scores.detach(), dim=1) @ texts
        said = self.say(torch.tanh(self.mind(state) + self.query(query)))
        return state, scores, torch.sigmoid(said), torch.sigmoid(self.on(state))


def value_net(inputs, hidden):
    """What an agent expects of a conversation: [n inputs] -> [n]."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Flatten(0))


def networks(sizes):
    """The four networks, in the order of their updates; matrices of the agents are Xavier-normal, their biases 0."""
    receiver, sender = Receiver(sizes), Sender(sizes)
    for name, parameter in (*receiver.named_parameters(), *sender.named_parameters()):
        if parameter.ndim == 2:
            nn.init.xavier_normal_(parameter)
        elif name != "first":
            nn.init.zeros_(parameter)
    values = value_net(sizes.bits + sizes.receiver, sizes.value), value_net(sizes.sender + sizes.bits, sizes.value)
    return {"receiver": receiver, "sender": sender, "receiver value": values[0], "sender value": values[1]}


def optimisers(nets, sizes):
    """An optimiser of each network."""
    return {name: torch.optim.RMSprop(net.parameters(), sizes.lr) for name, net in nets.items()}


class Exchange(NamedTuple):
    """What happened in an exchange: bits, their probabilities, the two values [n] and the scores of the classes [n c].

    `open` [n] is true where the conversation had not ended when the exchange began.
    """

    open: torch.Tensor
    said: torch.Tensor
    sender: torch.Tensor
    back: torch.Tensor
    receiver: torch.Tensor
    go: torch.Tensor
    on: torch.Tensor
    sender_value: torch.Tensor
    receiver_value: torch.Tensor
    scores: torch.Tensor


def converse(nets, sizes, image, texts):
    """Talk until every receiver of the batch has stopped, at most for so many exchanges."""
    n = len(image)
    received, blank = None, torch.zeros(n, sizes.bits)
    state, going, talk = torch.zeros(n, sizes.receiver), torch.ones(n, dtype=torch.bool), []
    for _ in range(sizes.exchanges):
        sender, view = nets["sender"](image, received)
        said = torch.bernoulli(sender.detach())
        read = blank if received is None else received
        sender_value = nets["sender value"](torch.cat([view.detach(), read], dim=1))
        state, scores, receiver, on = nets["receiver"](said, state, texts)
        receiver_value = nets["receiver value"](torch.cat([said, state.detach()], dim=1))
        back, go = torch.bernoulli(receiver.detach()), torch.bernoulli(on.detach())
        talk.append(Exchange(going, said, sender, back, receiver, go, on, sender_value, receiver_value, scores))
        received, going = back, going & (go[:, 0] > 0)
        if not going.any():
            break
    return talk


def answer(talk):
    """The scores [n c] of the exchange in which each receiver stopped, at the latest of the last."""
    after = [exchange.open for exchange in talk[1:]] + [torch.zeros_like(talk[0].open)]
    return sum((exchange.open & ~later).float()[:, None] * exchange.scores for exchange, later in zip(talk, after, strict=True))


def reinforce(bits, p, value, reward, entropy):
    """The loss of the bits [n d] of one exchange: -A log p - entropy H, averaged over the conversations; value and reward are [n]."""
    log_on, log_off = torch.log(p + 1e-8), torch.log(1 - p + 1e-8)
    chosen = (bits * log_on + (1 - bits) * log_off).sum(1)
    advantage = reward - value.detach()
    if len(reward) > 1:
        advantage = advantage / advantage.std().clamp(min=1.0)
    return -(advantage * chosen).mean() + entropy * (p * log_on + (1 - p) * log_off).sum(1).mean()


def among(losses, masks):
    """The mean of the losses of the exchanges, each weighted by its conversations; 0 of none."""
    counts = [float(mask.sum()) for mask in masks]
    return sum(count * loss for count, loss in zip(counts, losses, strict=True)) / sum(counts) if counts else torch.zeros(())


def losses(talk, target, sizes):
    """The loss of each network: the answer by its cross-entropy, bits and going on by REINFORCE, the values by their squared error."""
    logp = torch.log_softmax(answer(talk), dim=1)[torch.arange(len(target)), target]
    reward, open_ = logp.detach(), [exchange.open for exchange in talk]

    def policy(bits, p, value, mask, entropy):
        return reinforce(bits[mask], p[mask], value[mask], reward[mask], entropy)

    said = [policy(e.said, e.sender, e.sender_value, e.open, sizes.sender_entropy) for e in talk]
    back = [  # what is read: not the message beside the answer
        policy(e.back, e.receiver, e.receiver_value, mask, sizes.receiver_entropy) for e, mask in zip(talk, open_[1:], strict=False)
    ]
    choices = talk[: sizes.exchanges - 1]  # in the last exchange the receiver must answer
    go = [policy(e.go, e.on, e.receiver_value, e.open, sizes.stop_entropy) for e in choices]
    return {
        "receiver": -logp.mean() + among(back, open_[1:]) + among(go, open_[: len(choices)]),
        "sender": among(said, open_),
        "receiver value": among([nn.functional.mse_loss(e.receiver_value[e.open], reward[e.open]) for e in talk], open_),
        "sender value": among([nn.functional.mse_loss(e.sender_value[e.open], reward[e.open]) for e in talk], open_),
    }


def step(nets, rules, sizes, image, texts, target):
    """One update of all four networks; the conversation that taught it."""
    talk = converse(nets, sizes, image, texts)
    for name, loss in losses(talk, target, sizes).items():
        rules[name].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(nets[name].parameters(), 1.0)
        rules[name].step()
    return talk


def seconds(sizes, steps, patient=False):
    """CPU seconds of a step about noise, and the exchanges that a step ran to; `patient` receivers hardly ever stop by themselves."""
    nets = networks(sizes)
    rules = optimisers(nets, sizes)
    if patient:
        nn.init.constant_(nets["receiver"].on.bias, 8.0)
    images, labels = torch.randn(100 * sizes.classes, sizes.features), torch.arange(100 * sizes.classes) % sizes.classes
    texts = torch.randn(sizes.classes, sizes.text)

    def turn():
        chosen = torch.randint(len(images), (sizes.batch,))
        return len(step(nets, rules, sizes, images[chosen], texts, labels[chosen]))

    for _ in range(5):
        turn()
    best, ran = float("inf"), 0
    for _ in range(3):
        start = time.process_time()
        ran += sum(turn() for _ in range(steps))
        best = min(best, (time.process_time() - start) / steps)
    return best, ran / (3 * steps)


if __name__ == "__main__":
    for name, sizes in CASES.items():
        for way, patient in (("all exchanges", True), ("until all of the batch have stopped", False)):
            least, ran = seconds(sizes, 30, patient)
            print(f"{name}, {way} ({ran:.1f}): {least:.4f} CPU s a step", flush=True)
