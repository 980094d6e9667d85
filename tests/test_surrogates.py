"""Every surrogate against numbers worked out by hand, and the law behind REINFORCE by enumeration of all messages."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from semiosis import surrogates

# Two messages of two symbols; the second ended after its first symbol.
LOGP = jnp.array([[-1.0, -2.0], [-0.5, -3.0]])
REWARD = jnp.array([1.0, 0.0])
VALUE = jnp.array([[0.5, 0.25], [0.2, 0.4]])
Q = jnp.array([[0.9, -0.5], [0.3, 0.7]])
SPOKEN = jnp.array([[1.0, 1.0], [1.0, 0.0]])


def test_reinforce_by_hand():
    # (r - b) logp: 0.5 x -1, 0.75 x -2, -0.2 x -0.5, after the end nothing: -1.9 over 4 places
    assert surrogates.reinforce(LOGP, REWARD, VALUE, SPOKEN) == pytest.approx(1.9 / 4)
    to_logp, to_reward, to_value = jax.grad(surrogates.reinforce, (0, 1, 2))(LOGP, REWARD, VALUE, SPOKEN)
    np.testing.assert_allclose(to_logp, [[-0.5 / 4, -0.75 / 4], [0.2 / 4, 0.0]], rtol=1e-6)
    assert not to_reward.any()
    assert not to_value.any()


def test_value_error_by_hand():
    # 0.5^2 + 0.75^2 + 0.2^2 = 0.8525 over 4 places
    assert surrogates.value_error(VALUE, REWARD, SPOKEN) == pytest.approx(0.8525 / 4)
    to_value, to_reward = jax.grad(surrogates.value_error, (0, 1))(VALUE, REWARD, SPOKEN)
    np.testing.assert_allclose(to_value, [[-0.25, -0.375], [0.1, 0.0]], rtol=1e-6)
    assert not to_reward.any()


def test_policy_gradient_by_hand():
    # (q - v) logp: 0.4 x -1, -0.75 x -2, 0.1 x -0.5: 1.05 over 4 places
    assert surrogates.policy_gradient(LOGP, Q, VALUE, SPOKEN) == pytest.approx(-1.05 / 4)
    to_logp, to_q, to_value = jax.grad(surrogates.policy_gradient, (0, 1, 2))(LOGP, Q, VALUE, SPOKEN)
    np.testing.assert_allclose(to_logp, [[-0.1, 0.1875], [-0.025, 0.0]], rtol=1e-5)
    assert not to_q.any()
    assert not to_value.any()


def test_dueling_by_hand_and_its_mean_is_the_value():
    assert surrogates.dueling(jnp.array([2.0]), jnp.array([1.0, 2.0, 6.0])).tolist() == [0.0, 1.0, 5.0]
    key_value, key_advantage = jax.random.split(jax.random.key(0))
    value, advantage = jax.random.normal(key_value, (7, 3, 1)), jax.random.normal(key_advantage, (7, 3, 5))
    q = surrogates.dueling(value, advantage)
    np.testing.assert_allclose(q.mean(-1), value[..., 0], atol=1e-6)
    np.testing.assert_allclose(q[..., 1] - q[..., 0], advantage[..., 1] - advantage[..., 0], atol=1e-6)


def test_entropy_by_hand():
    logits = jnp.log(jnp.array([[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]])) - 4.0
    np.testing.assert_allclose(surrogates.entropy(logits), [1.5 * np.log(2), np.log(3)], rtol=1e-6)
    assert surrogates.entropy(jnp.array([1000.0, 0.0, -1000.0])) == 0.0  # certain, and no 0 x infinity


def test_kl_by_hand_with_the_online_policy_first():
    p, q = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.25, 0.75]))
    assert surrogates.kl(p, q) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert surrogates.kl(q, p) == pytest.approx(0.25 * np.log(0.5) + 0.75 * np.log(1.5))


def test_kl_is_not_negative_and_zero_where_equal():
    a, b = 3.0 * jax.random.normal(jax.random.key(1), (2, 500, 6))
    assert surrogates.kl(a, b).min() > 0
    assert not surrogates.kl(a, a).any()
    np.testing.assert_allclose(surrogates.kl(a, a + 2.0), 0.0, atol=2e-6)  # a shift of logits changes no probability


def test_no_gradient_of_kl_reaches_the_slow_policy():
    a, b = jax.random.normal(jax.random.key(2), (2, 4, 6))
    online, slow = jax.grad(lambda a, b: surrogates.kl(a, b).sum(), (0, 1))(a, b)
    assert np.abs(online).max() > 0.01
    assert not slow.any()
    p, difference = np.exp(log_softmax(a, -1)), log_softmax(a, -1) - log_softmax(b, -1)
    by_hand = p * (difference - (p * difference).sum(-1, keepdims=True))  # d KL / d logits
    np.testing.assert_allclose(online, by_hand, atol=1e-6)


def test_cross_entropy_by_hand():
    logits = jnp.log(jnp.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]))
    rows = jnp.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    by_hand = [np.log(4), -0.5 * np.log(0.1) - 0.5 * np.log(0.7)]
    np.testing.assert_allclose(surrogates.cross_entropy(logits, rows), by_hand, rtol=1e-6)


def test_unit_by_hand_and_at_zero():
    np.testing.assert_allclose(surrogates.unit(jnp.array([[3.0, 4.0], [0.0, -2.0]])), [[0.6, 0.8], [0.0, -1.0]], rtol=1e-6)
    value, grad = jax.value_and_grad(lambda x: surrogates.unit(x).sum())(jnp.zeros(3))
    assert value == 0.0
    assert np.isfinite(grad).all()


def broadcast(a, b):
    """The published listener's score as it is written: -|a/|a| - b/|b||^2 by an n x m x d difference."""
    return -jnp.sum(jnp.square(surrogates.unit(a)[:, None] - surrogates.unit(b)[None]), axis=-1)


def test_similarity_by_a_matrix_product_is_the_squared_distance_of_unit_vectors():
    key_a, key_b, key_w = jax.random.split(jax.random.key(3), 3)
    a, b, w = jax.random.normal(key_a, (9, 16)), 5.0 * jax.random.normal(key_b, (12, 16)), jax.random.normal(key_w, (9, 12))
    np.testing.assert_allclose(surrogates.similarity(a, b), broadcast(a, b), atol=1e-5)
    grads = [jax.grad(lambda a, b, f=f: jnp.sum(w * f(a, b)), (0, 1))(a, b) for f in (surrogates.similarity, broadcast)]
    for ours, theirs in zip(*grads, strict=True):
        assert np.abs(theirs).max() > 0.1
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_similarity_of_known_angles_at_a_temperature():
    a, b = jnp.array([[2.0, 0.0]]), jnp.array([[5.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 1.0]])
    cosines = np.array([[1.0, 0.0, -1.0, np.sqrt(0.5)]])
    np.testing.assert_allclose(surrogates.similarity(a, b), 2 * cosines - 2, atol=1e-6)
    np.testing.assert_allclose(surrogates.similarity(a, b, 10.0), 10 * cosines - 10, atol=1e-5)


def test_a_zero_vector_has_a_finite_similarity_and_gradient():
    a, b = jnp.zeros((2, 4)), jnp.ones((3, 4))
    value, grads = jax.value_and_grad(lambda a, b: surrogates.similarity(a, b).sum(), (0, 1))(a, b)
    assert value == pytest.approx(-12.0)
    assert all(np.isfinite(g).all() for g in grads)


V = 3
FIRST = jax.random.normal(jax.random.key(4), (V,))  # logits of the first symbol, and of the second given the first
SECOND = jax.random.normal(jax.random.key(5), (V, V))
PAID = jax.random.normal(jax.random.key(6), (V, V))
BASELINE = (0.3, jnp.array([0.7, -0.2, 0.1]))  # may depend on all that was said before


def message_logp(theta, i, j):
    return jnp.stack([jax.nn.log_softmax(theta[0])[i], jax.nn.log_softmax(theta[1][i])[j]])


@pytest.mark.parametrize("ends", [False, True])
def test_the_mean_gradient_of_reinforce_is_the_gradient_of_the_expected_reward(ends):
    """With `ends`, symbol 2 ends the message at once: its second place is padding, and counts for nothing."""
    theta = (FIRST, SECOND)
    pairs = [(i, j) for i, j in itertools.product(range(V), range(V)) if not (ends and i == V - 1 and j)]

    def spoken(i):
        return jnp.array([1.0, 0.0 if ends and i == V - 1 else 1.0])

    def probability(theta, i, j):
        return jnp.exp(jnp.sum(message_logp(theta, i, j) * spoken(i)))

    def expected(theta):
        return sum(probability(theta, i, j) * PAID[i, j] for i, j in pairs)

    def surrogate(theta, i, j):
        baseline = jnp.stack([jnp.asarray(BASELINE[0]), BASELINE[1][i]])[None]
        return surrogates.reinforce(message_logp(theta, i, j)[None], PAID[i, j][None], baseline, spoken(i)[None])

    assert sum(probability(theta, i, j) for i, j in pairs) == pytest.approx(1.0, abs=1e-6)
    grads = [jax.tree.map(lambda g, m=m: probability(theta, *m) * g, jax.grad(surrogate)(theta, *m)) for m in pairs]
    mean = jax.tree.map(lambda *g: sum(g), *grads)
    # descending the surrogate climbs the reward; it is a mean over 2 places, so the gradient is half as long
    for ours, theirs in zip(mean, jax.grad(expected)(theta), strict=True):
        assert np.abs(theirs).max() > 0.01
        np.testing.assert_allclose(-2.0 * ours, theirs, atol=1e-6)


def test_the_hinge_by_hand():
    """[[2, .5, 1.5], [0, 0, 0]], targets 0 and 1: (0 + .5)/3 and 2/3; mean .416667, sums .5 and 2."""
    scores, target = jnp.array([[2.0, 0.5, 1.5], [0.0, 0.0, 0.0]]), jnp.array([0, 1])
    np.testing.assert_allclose(surrogates.hinge(scores, target), [1 / 6, 2 / 3], atol=1e-6)
    np.testing.assert_allclose(surrogates.hinge(scores, target, summed=True), [0.5, 2.0], atol=1e-6)
    np.testing.assert_allclose(surrogates.hinge(jnp.ones((1, 10)), jnp.array([3])), [0.9], atol=1e-6)
    np.testing.assert_allclose(surrogates.choice_loss(jnp.ones((1, 10)), jnp.array([3])), [np.log(10)], atol=1e-6)


def test_the_perceptual_loss_of_equal_scaled_and_orthogonal_features():
    key = jax.random.key(0)
    photo = jax.random.uniform(key, (3, 4, 4, 5))
    np.testing.assert_allclose(surrogates.perceptual(photo, photo), 0.0, atol=1e-5)
    sketch = jax.random.uniform(jax.random.key(1), photo.shape)
    np.testing.assert_allclose(surrogates.perceptual(7.0 * sketch, photo), surrogates.perceptual(sketch, photo), atol=1e-5)
    unit = lambda x: x / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-10)  # noqa: E731
    plain = jnp.mean(jnp.sum(jnp.square(unit(sketch) - unit(photo)), -1), (1, 2))
    np.testing.assert_allclose(surrogates.perceptual(sketch, photo), plain, rtol=1e-5)
    axes = jnp.eye(2)[None]
    np.testing.assert_allclose(surrogates.perceptual(axes, axes[:, ::-1]), [2.0], atol=1e-6)


def test_features_that_are_zero_have_a_finite_gradient():
    photo = jnp.ones((1, 2, 3))
    value, slope = jax.value_and_grad(lambda x: surrogates.perceptual(x, photo).sum())(jnp.zeros((1, 2, 3)))
    np.testing.assert_allclose(value, 1.0, atol=1e-6)
    assert np.isfinite(np.asarray(slope)).all()


def test_cosine_distance_by_hand():
    a, b = jnp.array([[1.0, 0.0], [3.0, 4.0]]), jnp.array([[0.0, 2.0], [6.0, 8.0]])
    np.testing.assert_allclose(surrogates.cosine_distance(a, b), [1.0, 0.0], atol=1e-6)
