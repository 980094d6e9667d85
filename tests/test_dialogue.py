"""The dialogue: hand values of its losses and masks, who learns from whom, what each may know, and that it is learned."""

from dataclasses import replace
from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis import channels, choices, surrogates
from semiosis.errors import UsageError
from semiosis.games import dialogue
from semiosis.games.dialogue import (
    Exchange,
    answer_loss,
    converse,
    evaluation_ways,
    make,
    pair_rule,
    play_of,
    replay,
    training_ways,
)
from semiosis.nets.dialogue import Receiver, Sender, Texts, Value
from semiosis.runs import loop
from semiosis.runs.evaluate import evaluate, examine
from semiosis.runs.setup import build
from semiosis.scenes import Data, Descriptions, Split, load
from semiosis.scenes.topics import Topics
from semiosis.types import Turn

KEY = jax.random.key(0)
TINY = dialogue.PRESETS["tiny"]


def size(net):
    return sum(x.size for x in jax.tree.leaves(eqx.filter(net, eqx.is_array)))


def corpus(n=24, classes=5, features=6, k=4, shape=None, seed=0):
    """A few images of classes, and as many texts of one to three words."""
    noise = np.random.default_rng(seed)
    labels = np.arange(n).astype(np.int32) % classes
    shape = shape or (features,)
    prototypes = noise.normal(size=(classes, *shape))
    inputs = (prototypes[labels] + 0.1 * noise.normal(size=(n, *shape))).astype(np.float32)
    there = np.arange(3)[None] < 1 + np.arange(classes)[:, None] % 3
    vectors = (noise.normal(size=(classes, 3, k)) * there[..., None]).astype(np.float32)
    texts = tuple(f"text {i}" for i in range(classes))
    words = tuple(tuple(f"w{i}{j}" for j in range(int(row.sum()))) for i, row in enumerate(there))
    split = Split(inputs, labels, others=(noise.normal(size=(n, 3)).astype(np.float32),))
    described = Descriptions(texts, words, vectors, there, there)
    return Data("few", dict.fromkeys(("train", "valid", "test"), split), tuple("abcde"[:classes]), descriptions=described)


def topic(data=None, size=6):
    data = corpus() if data is None else data
    return Topics(data.splits["train"], data.descriptions, range(len(data.classes)), size)(jnp.int32(0), KEY)


def pair(config, data=None, seed=0):
    """One sender and one receiver, with their values."""
    born = dialogue.births(config, corpus() if data is None else data)
    return [jax.jit(born[role])(jax.random.key(seed + i)).net for i, role in enumerate(("sender", "receiver"))]


@eqx.filter_jit
def talk(config, sender, receiver, scene, key=KEY, ways=None):
    return converse(config, sender, receiver, scene, key, ways or training_ways(config))


# ------------------------------------------------------------------------------------------------------------ structure


def test_networks_of_the_published_sizes_have_the_published_numbers_of_parameters():
    count = lambda make: sum(x.size for x in jax.tree.leaves(jax.eval_shape(make, KEY)))  # noqa: E731
    sender = lambda **more: count(lambda key: Sender(more.pop("shape", (512,)), 32, hidden=256, key=key, **more))  # noqa: E731
    receiver = lambda **more: count(lambda key: Receiver(100, 32, hidden=64, key=key, **more))  # noqa: E731
    assert sender() == sender(fusion="product") == 148_032
    assert sender(fusion="four-part") == 172_608
    assert sender(shape=(8, 8, 512), attention=256, context=1000) - 148_032 == 396_289
    assert receiver() == 42_146
    assert receiver(attention=64) - 42_146 == 10_689
    assert count(lambda key: Value(256, 32, 500, key=key)) == 145_001
    assert count(lambda key: Value(32, 64, 500, key=key)) == 49_001


def test_presets_are_the_published_four():
    published = {name: dialogue.PRESETS[name] for name in ("fixed", "adaptive", "fixed-attention", "adaptive-attention")}
    for name, config in published.items():
        assert config.exchange == name.split("-")[0]
        assert config.visual_attention == name.endswith("attention")
        assert ("feature=layer4_2,context=fc" if config.visual_attention else "feature=avgpool_512") in config.data
        assert (config.max_exchange, config.message_bits, config.sender_hidden, config.receiver_hidden) == (10, 32, 256, 64)
        assert (config.sender_entropy, config.receiver_entropy, config.stop_entropy) == (0.01, 0.01, 0.08)
        assert (config.optimiser, config.lr, config.clip, config.batch_size, config.top_k) == ("rmsprop", 1e-4, 1.0, 64, 6)


def test_weights_begin_as_xaviers_and_biases_at_zero():
    receiver = jax.jit(lambda key: Receiver(100, 32, hidden=64, key=key))(KEY)
    for weight, fans in ((receiver.cell.input, 32 + 192), (receiver.cell.recurrent, 64 + 192), (receiver.asked, 164)):
        expected = (2 / fans) ** 0.5
        assert abs(float(weight.std()) - expected) < 4 * expected / (2 * weight.size) ** 0.5  # a deviation's own is s / sqrt(2 n)
    assert not receiver.cell.bias.any()
    assert not receiver.verdict.bias.any()


# --------------------------------------------------------------------------------------------------------------- losses

BITS = jnp.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
P = jnp.array([[0.8, 0.3], [0.5, 0.9], [0.6, 0.6]])
LOGITS = jnp.log(P) - jnp.log1p(-P)


@pytest.mark.parametrize(("reward", "expected"), [((-0.5, -2.0, -1.0), -0.90194), ((-0.1, -6.0, -1.0), -1.51607)])
def test_the_policy_loss_of_three_messages(reward, expected):
    logp, active = surrogates.bits_logp(LOGITS, BITS), jnp.ones((1, 3))
    np.testing.assert_allclose(logp, [-0.5798, -2.9957, -1.0217], atol=1e-4)
    advantage = surrogates.advantage(jnp.array(reward), jnp.full((1, 3), -1.0), active, scaled=True)
    loss = -surrogates.among(advantage * logp, active)
    assert float(loss) == pytest.approx(expected, abs=1e-5)
    entropy = surrogates.among(surrogates.bits_entropy(LOGITS)[None], active)
    assert float(entropy) == pytest.approx(1.15851, abs=1e-5)
    if expected == -0.90194:
        assert float(loss - 0.01 * entropy) == pytest.approx(-0.91353, abs=1e-5)


def test_a_closed_conversation_counts_for_nothing_in_a_loss():
    reward, value, logp = (
        jnp.array([-0.1, -6.0, -1.0, 99.0]),
        jnp.full((2, 4), -1.0),
        jnp.array([[-0.5, -3.0, -1.0, 7.0], [-2.0, 8.0, 8.0, 8.0]]),
    )
    active = jnp.array([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    a = np.array([0.9, -5.0, 0.0]) / np.std([0.9, -5.0, 0.0], ddof=1)
    by_hand = (-(a * [-0.5, -3.0, -1.0]).mean() * 3 + -(0.9 * -2.0) * 1) / 4  # one alone is not scaled
    found = -surrogates.among(surrogates.advantage(reward, value, active, scaled=True) * logp, active)
    assert float(found) == pytest.approx(by_hand, abs=1e-5)


def test_masks_answers_and_lengths_of_three_conversations():
    go = jnp.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]], jnp.float32).T
    nothing = jnp.zeros((4, 3, 1))
    made = Exchange(nothing, nothing, nothing, nothing, go, nothing, nothing, go, nothing, nothing)
    assert made.open.T.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]]
    assert made.answers.argmax(0).tolist() == [2, 0, 3]
    assert made.length.tolist() == [3, 1, 4]
    go = jax.random.bernoulli(KEY, 0.7, (7, 200)).astype(jnp.float32)
    many = made._replace(go=go)
    assert (many.answers.sum(0) == 1).all()
    assert (many.answers.sum(1) > 0).all()


# ------------------------------------------------------------------------------------------------- who learns from whom


@pytest.mark.parametrize("changes", [{}, {"exchange": "fixed", "fusion": "four-part", "word_attention": True}])
def test_thinking_a_conversation_through_again_gives_the_same_numbers(changes):
    config = replace(TINY, **changes)
    sender, receiver = pair(config)
    first = talk(config, sender.net, receiver.net, topic())
    again = eqx.filter_jit(replay)(sender.net, receiver.net, topic(), first)[0]
    for name, x, y in zip(Exchange._fields, first, again, strict=True):
        np.testing.assert_allclose(x, y, atol=2e-6, err_msg=name)


def test_no_gradient_crosses_the_channel_and_none_leaves_a_value():
    config = replace(TINY, word_attention=True)
    sender, receiver = pair(config)
    scene = topic()

    def parts(minds):
        sender, receiver = minds
        heard = jax.lax.stop_gradient(converse(config, *dialogue._still(sender.net, receiver.net), scene, KEY, training_ways(config)))
        again, look = replay(sender.net, receiver.net, scene, heard)
        errors = answer_loss(again, scene.target)
        _, logs = dialogue._policies(config, sender.value, receiver.value, again, look, jax.lax.stop_gradient(-errors))
        return jnp.stack(
            [
                errors.mean(),
                logs["receiver_loss"],
                logs["stop_loss"],
                logs["sender_loss"],
                logs["sender_value_loss"],
                logs["receiver_value_loss"],
            ]
        )

    jacobian = eqx.filter_jit(jax.jacrev(parts))((sender, receiver))
    moved = lambda tree: np.stack([np.abs(x).reshape(6, -1).max(1) for x in jax.tree.leaves(tree)]).max(0) > 0  # noqa: E731
    assert moved(jacobian[0].net).tolist() == [False, False, False, True, False, False]
    assert moved(jacobian[1].net).tolist() == [True, True, True, False, False, False]
    assert moved(jacobian[0].value).tolist() == [False, False, False, False, True, False]
    assert moved(jacobian[1].value).tolist() == [False, False, False, False, False, True]


@pytest.mark.parametrize("channel", ["continuous", "straight-through", "gumbel"])
def test_through_such_a_channel_the_answer_teaches_the_sender(channel):
    config = replace(TINY, channel=channel, exchange="fixed")
    sender, receiver = pair(config)

    @eqx.filter_jit
    @eqx.filter_grad
    def gradient(nets):
        return answer_loss(converse(config, *nets, topic(), KEY, training_ways(config)), topic().target).mean()

    of_sender, of_receiver = gradient((sender.net, receiver.net))
    assert float(jnp.abs(of_sender.image.weight).max()) > 1e-6
    assert float(jnp.abs(of_receiver.message.weight).max()) > 1e-7  # what the receiver says comes back by what the sender says then


# ------------------------------------------------------------------------------------------------------ exact gradients


def two_bits():
    """One exchange of two bits about two classes."""
    config = replace(
        TINY, message_bits=2, max_exchange=1, exchange="fixed", scale_advantage=False, sender_entropy=0.0, receiver_entropy=0.0
    )
    data = corpus(n=8, classes=2)
    scene = Topics(data.splits["train"], data.descriptions, range(2), 4)(jnp.int32(0), KEY)
    return config, scene, pair(config, data)


def reward_of(receiver, scene, message):
    """The log-probability of the right class after a message that all hear."""
    heard = jnp.broadcast_to(message, (1, scene.target.shape[0], 2))
    notes = receiver.study(Texts(scene.words, scene.there, scene.means))
    scores = receiver.think(notes, receiver.hear_all(heard)).scores[0]
    return jnp.take_along_axis(jax.nn.log_softmax(scores), scene.target[:, None], axis=1)[:, 0]


def test_reinforce_finds_the_gradient_of_the_expected_reward_with_any_baseline():
    config, scene, (sender, receiver) = two_bits()

    @eqx.filter_jit
    @eqx.filter_grad
    def exact(net):
        first = jnp.array([True])
        logits = net.say(net.look(net.see(scene.seen), jnp.zeros((1, 4, 2)), first), jnp.zeros((1, 4, 2)), first)[0]
        total = 0.0
        for bits in product((0.0, 1.0), repeat=2):
            p = jnp.exp(surrogates.bits_logp(logits, jnp.broadcast_to(jnp.array(bits), logits.shape)))
            total += p * jax.lax.stop_gradient(reward_of(receiver.net, scene, jnp.array(bits)))
        return -total.mean()

    def sampled(net, key, baseline):
        heard = jax.lax.stop_gradient(converse(config, net, receiver.net, scene, key, training_ways(config)))
        again, look = replay(net, receiver.net, scene, heard)
        reward = jax.lax.stop_gradient(-answer_loss(again, scene.target))
        return dialogue._policies(replace(config, baseline=baseline), sender.value, receiver.value, again, look, reward)[1]["sender_loss"]

    @eqx.filter_jit
    def many(net, baseline):
        gradient = lambda key: jax.grad(sampled)(net, key, baseline).message.weight  # noqa: E731
        found = jax.lax.map(gradient, jax.random.split(KEY, 4000), batch_size=500)
        return found.mean(0), found.std(0) / 4000**0.5

    right = np.asarray(exact(sender.net).message.weight)
    spread = {}
    for baseline in ("value", "none"):
        mean, error = many(sender.net, baseline)
        z = np.abs(np.asarray(mean) - right) / np.maximum(np.asarray(error), 1e-9)
        assert (z**2).mean() < 1 + 3 * (2 / z.size) ** 0.5 * 2, baseline  # a mean of squares of normals
        spread[baseline] = float(np.asarray(error).mean())
    assert spread["none"] != pytest.approx(spread["value"], rel=1e-3)


def test_a_larger_bonus_makes_bits_less_certain():
    data, entropy = corpus(n=40), {}
    _, worlds = build(dialogue, TINY, data, (0,))
    start = jax.tree.map(lambda x: x[0, 0], worlds)
    for weight in (0.01, 1.0):
        rule = pair_rule(replace(TINY, sender_entropy=weight, lr=0.01))

        @eqx.filter_jit
        def learn(world, rule=rule):
            step = lambda world, i: rule(world, Turn(i, jax.random.fold_in(KEY, i), topic(data, 16)))  # noqa: E731
            return jax.lax.scan(step, world, jnp.arange(200))[1]["sender_bit_entropy"][-50:].mean()

        entropy[weight] = float(learn(start))
    assert entropy[1.0] > entropy[0.01] + 0.05


# ------------------------------------------------------------------------------------------------------- how they stop


def going(values, **changes):
    """How long a receiver goes on whose probabilities of going on are these, step by step."""
    config = replace(TINY, max_exchange=len(values), **changes)
    chance, goes = jnp.ones(1), []
    for p in values:
        chance, go = dialogue._go_on(config, False, jnp.log(jnp.array([p])) - jnp.log1p(-jnp.array([p])), chance, KEY)
        goes.append(int(go[0]))
    return goes


def test_in_evaluation_the_product_of_probabilities_decides():
    assert going([0.9, 0.8, 0.9, 0.7]) == [1, 1, 1, 0]
    assert going([0.9, 0.8, 0.9, 0.7], product_stop=False) == [1, 1, 1, 1]
    assert going([0.9, 0.4, 0.9], product_stop=False) == [1, 0, 1]
    assert going([0.1, 0.1], exchange="fixed") == [1, 1]


@pytest.mark.parametrize(("bias", "other"), [(50.0, {"exchange": "fixed"}), (-50.0, {"max_exchange": 1})])
def test_who_always_goes_on_is_fixed_and_who_never_does_answers_at_once(bias, other):
    config = replace(TINY, max_exchange=4)
    sender, receiver = pair(config)
    stubborn = eqx.tree_at(lambda net: net.on.bias, receiver.net, jnp.array([bias]))
    ways = evaluation_ways(config)
    one = talk(config, sender.net, stubborn, topic(), ways=ways)
    two = talk(replace(config, **other), sender.net, stubborn, topic(), ways=ways)
    np.testing.assert_allclose(one.verdict, two.verdict, atol=1e-6)
    assert one.length.tolist() == two.length.tolist() == [len(two.go)] * 6


def test_steps_after_the_last_answer_change_nothing():
    config = replace(TINY, max_exchange=5)
    sender, receiver = pair(config)
    long = talk(config, sender.net, receiver.net, topic())
    long = long._replace(go=long.go.at[2].set(0.0))  # all have answered by the third step
    short = jax.tree.map(lambda x: x[:3], long)
    assert long.length.tolist() == short.length.tolist()
    np.testing.assert_array_equal(long.verdict, short.verdict)
    reward, look = jnp.linspace(-3.0, -0.1, 6), sender.net.see(topic().seen).look
    losses = [eqx.filter_jit(dialogue._policies)(config, sender.value, receiver.value, x, look, reward) for x in (long, short)]
    for name in ("sender_loss", "receiver_loss", "sender_value_loss", "receiver_value_loss"):
        assert float(losses[0][1][name]) == pytest.approx(float(losses[1][1][name]), abs=1e-6), name


# --------------------------------------------------------------------------------------------------- what each may know


def test_the_first_message_depends_on_the_image_alone():
    config = replace(TINY, first_message=0.0)
    sender, receiver = pair(config)
    plain = talk(config, sender.net, receiver.net, topic()).sender[0]
    shifted = talk(replace(config, first_message=7.0), sender.net, receiver.net, topic()).sender[0]
    other = talk(config, sender.net, pair(config, seed=5)[1].net, topic()).sender[0]
    np.testing.assert_array_equal(plain, shifted)
    np.testing.assert_array_equal(plain, other)


def test_attention_is_even_at_first_and_sums_to_one():
    data = corpus(shape=(3, 3, 4))
    config = replace(TINY, visual_attention=True, attention_size=5)
    sender, _ = pair(config, data)
    assert sender.net.attention.context is not None
    scene = topic(data)
    received = jax.random.bernoulli(KEY, 0.5, (2, 6, 4)).astype(jnp.float32)
    weight = eqx.filter_jit(lambda net: net.attend(net.see(scene.seen, scene.context), received, jnp.arange(2) == 0))(sender.net)
    np.testing.assert_array_equal(weight[0], jnp.full((6, 9), 1 / 9))
    np.testing.assert_allclose(weight.sum(-1), 1.0, atol=1e-6)
    assert float(jnp.abs(weight[1] - 1 / 9).max()) > 1e-3


def test_attention_over_words_sums_to_one_in_each_class_and_ignores_padding():
    config = replace(TINY, word_attention=True)
    receiver = pair(config)[1].net
    scene, h = topic(), jax.random.normal(KEY, (6, 8))
    weight = receiver.attention(receiver.attention.word(scene.words), scene.there, h)
    np.testing.assert_allclose(weight.sum(-1), 1.0, atol=1e-6)
    assert (np.asarray(weight)[:, ~np.asarray(scene.there)] == 0).all()
    think = eqx.filter_jit(lambda words: receiver.think(receiver.study(Texts(words, scene.there, scene.means)), h))
    noisy = jnp.where(scene.there[..., None], scene.words, 99.0)
    for x, y in zip(think(scene.words), think(noisy), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


@pytest.mark.parametrize("word_attention", [False, True])
def test_scores_follow_their_classes_and_their_number_is_free(word_attention):
    receiver = pair(replace(TINY, word_attention=word_attention))[1].net
    scene, h = topic(), jax.random.normal(KEY, (6, 8))
    think = eqx.filter_jit(
        lambda order: receiver.think(receiver.study(Texts(*(x[order] for x in (scene.words, scene.there, scene.means)))), h)
    )
    order = jnp.array([3, 0, 4, 2, 1])
    whole, moved, fewer = think(jnp.arange(5)), think(order), think(jnp.array([3, 0]))
    np.testing.assert_allclose(whole.scores[:, order], moved.scores, atol=1e-6)
    np.testing.assert_allclose(whole.message, moved.message, atol=1e-6)
    np.testing.assert_allclose(whole.scores[:, jnp.array([3, 0])], fewer.scores, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "same_first"),
    [
        ({"ignore_code": True}, True),
        ({"ignore_code": True, "fusion": "product"}, True),
        ({"ignore_code": True, "fusion": "four-part"}, False),
        ({"ignore_receiver": True}, False),
    ],
)
def test_who_takes_no_notice_says_the_same_again_and_again(changes, same_first):
    config = replace(TINY, max_exchange=4, **changes)
    sender, receiver = pair(config)
    said = np.asarray(talk(config, sender.net, receiver.net, topic()).sender)
    np.testing.assert_allclose(said[1:], np.broadcast_to(said[1:2], said[1:].shape), atol=1e-6)
    assert np.allclose(said[0], said[1], atol=1e-6) == same_first


def test_attention_takes_no_notice_either():
    data = corpus(shape=(3, 3, 4))
    config = replace(TINY, visual_attention=True, attention_size=5, ignore_code=True)
    sender, receiver = pair(config, data)
    said = np.asarray(talk(config, sender.net, receiver.net, topic(data)).sender)
    np.testing.assert_allclose(said[1], said[2], atol=1e-6)


# ---------------------------------------------------------------------------------------------------------- the channel


def test_a_range_of_bits_is_inverted_and_no_other():
    assert dialogue.places(replace(TINY, message_bits=8, corrupt="0:3,5")) == (0, 1, 2, 5)
    config = replace(TINY, message_bits=8, corrupt="0:3,5")
    sender, receiver = pair(config)
    made = talk(config, sender.net, receiver.net, topic(), ways=evaluation_ways(config))
    changed = np.asarray(made.said != made.heard)
    assert changed[..., [0, 1, 2, 5]].all()
    assert not changed[..., [3, 4, 6, 7]].any()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0:9", "a message has no bit 8"),
        ("8", "a message has no bit 8"),
        ("3:1", "expected"),
        ("a", "expected places"),
        ("1,,2", "expected"),
    ],
)
def test_bits_that_do_not_exist_are_refused(text, sentence):
    with pytest.raises(UsageError, match=sentence):
        dialogue.places(replace(TINY, message_bits=8, corrupt=text))


def test_bits_flip_as_often_as_is_said():
    n = 40_000
    flipped = int(channels.flip_bits(0.2)(jnp.zeros((100, 400)), KEY).sum())
    assert abs(flipped - 0.2 * n) < 4 * (n * 0.2 * 0.8) ** 0.5
    config = replace(TINY, sender_flips=1.0, receiver_flips=1.0)
    sender, receiver = pair(config)
    made = talk(config, sender.net, receiver.net, topic())
    np.testing.assert_array_equal(made.heard, 1 - made.said)
    np.testing.assert_array_equal(made.received[1:], 1 - made.back[:-1])
    clear = talk(config, sender.net, receiver.net, topic(), ways=evaluation_ways(config))
    np.testing.assert_array_equal(clear.heard, clear.said)  # in evaluation the channel is clear unless asked for


def test_choices_of_bits():
    logits = jnp.array([[2.0, -1.0, 0.0]])
    assert choices.likelier(logits).tolist() == [[1, 0, 1]]
    many = choices.bernoulli(jnp.broadcast_to(logits, (20_000, 3)), KEY)
    p = jax.nn.sigmoid(logits[0])
    assert (jnp.abs(many.mean(0) - p) < 4 * jnp.sqrt(p * (1 - p) / 20_000)).all()
    gradient = jax.grad(lambda x: choices.straight_through_bits(x, KEY).sum())(logits)
    np.testing.assert_allclose(gradient, jax.nn.sigmoid(logits) * (1 - jax.nn.sigmoid(logits)), rtol=1e-5)
    soft = choices.gumbel_bits(0.1)(logits, KEY)
    assert ((soft >= 0) & (soft <= 1)).all()


def test_a_permuted_message_is_that_of_another_throughout():
    config = replace(TINY, max_exchange=3, ignore_receiver=True)
    sender, receiver = pair(config)
    what = channels.bits(config.message_bits)
    shuffled = channels.tampered(what, jnp.int32(channels.kinds(what).index("shuffled")), jnp.int32(1), jax.random.key(5))
    ways = evaluation_ways(config)._replace(sent=shuffled)
    made = talk(config, sender.net, receiver.net, topic(), ways=ways)
    orders = [[int(jnp.abs(made.said[t] - row).sum(1).argmin()) for row in made.heard[t]] for t in range(3)]
    for t, order in enumerate(orders):
        np.testing.assert_array_equal(made.heard[t], made.said[t][jnp.array(order)])
    np.testing.assert_array_equal(made.heard[1], made.said[1][jnp.array(orders[2])])


def test_noise_is_another_at_each_step_and_what_comes_back_has_a_way_of_its_own():
    config = replace(TINY, max_exchange=3, message_bits=64)
    sender, receiver = pair(config)
    what = dialogue.tampering(config)

    def made(kind: str) -> Exchange:
        channel = channels.tampered(what, jnp.int32(channels.kinds(what).index(kind)), jnp.int32(1), KEY)
        ways = evaluation_ways(config)._replace(sent=channel, returned=channels.on(channel, "back"))
        return talk(config, sender.net, receiver.net, topic(), ways=ways)

    noisy = made("noise")
    inverted = np.asarray(noisy.heard != noisy.said)
    assert abs(inverted.mean() - 0.1) < 5 * (0.09 / inverted.size) ** 0.5
    assert (inverted[0] != inverted[1]).any()
    np.testing.assert_array_equal(noisy.received[1:], noisy.back[:-1])
    deaf = made("deaf")
    np.testing.assert_array_equal(deaf.heard, deaf.said)
    assert not deaf.received[1:].any()
    swapped = made("back_shuffled")
    orders = [[int(jnp.abs(swapped.back[t] - row).sum(1).argmin()) for row in swapped.received[t + 1]] for t in range(2)]
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == list(range(len(orders[0])))
    assert not (np.array(orders[0]) == np.arange(len(orders[0]))).any()


# ----------------------------------------------------------------------------------------------------------- evaluation


def test_an_exam_counts_every_example_once():
    data = corpus(n=53)
    config = replace(TINY, evaluation_size=50)
    experiment, worlds = build(dialogue, config, data, (0,))
    assert experiment.exams["test"].batches == 2
    found = examine(experiment, "test", loop.unstack(worlds, 0))
    split, texts = data.splits["test"], data.descriptions
    alone = Topics(split, texts, range(5), 53, whole=True)(jnp.int32(0), KEY)
    world = jax.tree.map(lambda x: x[0, 0], worlds)
    episode = eqx.filter_jit(play_of(config))(world, alone, KEY, channels.clear)
    right = float((episode.guess == episode.target).mean())
    assert found.n == 53
    whole, _ = build(dialogue, replace(config, evaluation_size=53), data, (0,))
    other = examine(whole, "test", loop.unstack(worlds, 0))
    for name in ("accuracy", "loss", "entropy", "exchanges", "confidence", "hamming_sender"):  # however the split is cut into batches
        assert found.figures[name] == pytest.approx(other.figures[name], abs=1e-6), name
    assert found.figures["accuracy"] == pytest.approx(right, abs=1e-6)
    assert found.figures["exchanges"] == pytest.approx(float(episode.figures["exchanges"].mean()), abs=1e-6)
    assert len(found.language.tokens[0]) == 53


def test_an_evaluation_tells_what_each_step_and_each_intervention_does():
    data = load("words,per_class=20")
    experiment, worlds = build(dialogue, replace(TINY, message_bits=8, top_k=3), data, (0, 1))
    result, _ = evaluate(experiment, worlds, (0, 1), "test")
    table = result["metrics"]
    for name in ("shuffled", "silent", "noise", "truncated", "constant", "deaf", "back_shuffled"):
        assert 0 <= table[f"accuracy_{name}"]["mean"] <= 1
        assert table[f"accuracy_{name}"]["chance"] == table["accuracy"]["chance"] == pytest.approx(1 / 16)
    assert [name for name in table if name.startswith("accuracy@step")] == ["accuracy@step-1", "accuracy@step-2", "accuracy@step-3"]
    assert table["top_3"]["chance"] == pytest.approx(3 / 16)
    assert table["accuracy@out_of_domain"]["chance"] == pytest.approx(1 / 4)
    assert table["accuracy@transfer"]["mean"] is not None
    assert "length" not in table


def test_of_numbers_there_is_no_language_to_measure():
    data = corpus()
    experiment, worlds = build(dialogue, replace(TINY, channel="continuous"), data, (0,))
    found = examine(experiment, "test", loop.unstack(worlds, 0), whole=True)
    assert found.language is None
    assert found.figures["accuracy_noise"] is None
    assert found.reasons["accuracy_noise"] == "numbers have no bits to invert"
    assert found.figures["accuracy_silent"] is not None
    assert "informative_positions" not in found.figures


# ------------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("changes", "data", "sentence"),
    [
        ({"corrupt": "9"}, None, "a message has no bit 9, its bits are 0 to 3"),
        ({"channel": "continuous", "sender_flips": 0.1}, None, "numbers have no bits to invert"),
        ({"channel": "continuous", "corrupt": "1"}, None, "numbers have no bits to invert"),
        ({"visual_attention": True}, None, "visual attention needs images or feature maps, and 'few' has vectors of 6"),
        ({"eye": (4,)}, None, "an eye of convolutions needs images"),
        ({"eye": (0,)}, None, "expected numbers of channels"),
        ({"message_bits": 0}, None, "message_bits is 0: expected 1 or more"),
        ({"evaluation_size": 1}, None, "evaluation_size is 1: expected 2 or more"),
        ({"batch_size": 99}, None, "a batch of 99 does not fit a split of 24 examples"),
        ({}, "shapes", "needs descriptions"),
        ({}, "none", "this game needs data"),
    ],
)
def test_what_cannot_be_played_is_said(changes, data, sentence):
    with pytest.raises(UsageError, match=sentence):
        make(replace(TINY, **changes), load(data) if data else corpus())


def test_an_image_of_a_class_that_is_not_described_is_refused():
    data = corpus()
    with pytest.raises(UsageError, match="are not among the 4 that are described"):
        Topics(data.splits["train"], data.descriptions, range(4), 6)


# ------------------------------------------------------------------------------------------------------------- learning


def test_it_is_learned_and_the_channel_is_why():
    config = replace(dialogue.PRESETS["quick"], data="words", receiver_hidden=32, value_hidden=64, max_exchange=3)
    experiment, worlds = build(dialogue, config, load("words"), (0, 1, 2))
    run = loop.stretch(experiment.phases[0], loop.unstack(worlds, 0), loop.mesh_for(1, jax.devices()[:1]))
    worlds, _ = run(worlds, loop.keys_of((0, 1, 2)), 0, 1200)
    table = evaluate(experiment, worlds, (0, 1, 2), "test")[0]["metrics"]
    assert np.median(table["accuracy"]["per_seed"]) > 0.9  # chance 1/16
    assert np.median(table["accuracy@out_of_domain"]["per_seed"]) > 0.45  # chance 1/4
    # a permuted message names one of the other classes: 1/16 of 1,600, and 4 deviations of a share of them
    for name in ("accuracy_shuffled", "accuracy_silent", "accuracy_constant"):
        assert max(table[name]["per_seed"]) < 1 / 16 + 4 * (15 / 256 / 1600) ** 0.5 * 3


def test_a_pair_of_populations_learns():
    config = replace(TINY, n_senders=2, n_receivers=3, frozen="receiver")
    data = corpus()
    experiment, worlds = build(dialogue, config, data, (0,))
    run = loop.stretch(experiment.phases[0], loop.unstack(worlds, 0), loop.mesh_for(1, jax.devices()[:1]))
    before = jax.tree.map(np.asarray, worlds)
    after, _ = run(worlds, loop.keys_of((0,)), 0, 5)
    same = {}
    for role in ("sender", "receiver"):
        nets = [jax.tree.leaves(getattr(world, role).net) for world in (before, after)]
        same[role] = all(np.array_equal(x, y) for x, y in zip(*nets, strict=True))
    assert same == {"sender": False, "receiver": True}


def test_a_turn_of_a_frozen_sender_leaves_it_alone():
    config = replace(TINY, frozen="sender")
    _, worlds = build(dialogue, config, corpus(), (0,))
    world = jax.tree.map(lambda x: x[0, 0], worlds)
    after, _ = eqx.filter_jit(pair_rule(config))(world, Turn(jnp.int32(0), KEY, topic()))
    for x, y in zip(jax.tree.leaves(world.sender), jax.tree.leaves(after.sender), strict=True):
        np.testing.assert_array_equal(x, y)
    assert not np.array_equal(world.receiver.net.net.state, after.receiver.net.net.state)
