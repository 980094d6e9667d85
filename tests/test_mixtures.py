"""Normal-Wishart mixtures: hand-derived and brute-force values, moments of the draws, and the law that the acceptance keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from semiosis import mixtures
from semiosis.games import naming
from semiosis.mixtures import Mixture

Z, K = 3, 4


def seen(n):
    return jnp.ones(n, bool)


def some_mixture(seed=0, k=K, z=Z):
    rng = np.random.default_rng(seed)
    root = np.tril(rng.normal(size=(k, z, z))) + 2 * np.eye(z)
    log_det = 2 * np.log(np.abs(np.diagonal(root, axis1=1, axis2=2))).sum(1)
    return Mixture(*(jnp.asarray(x, jnp.float32) for x in (rng.normal(size=(k, z)), root, log_det, np.full(k, -np.log(k)))))


def test_the_log_likelihood_is_the_gaussian_density_without_its_constant():
    mixture, latent = some_mixture(), np.random.default_rng(1).normal(size=(20, Z)).astype(np.float32)
    found = mixtures.log_likelihood(mixture, jnp.asarray(latent))
    for k in range(K):
        root = np.asarray(mixture.root[k], float)
        law = multivariate_normal(np.asarray(mixture.mean[k]), np.linalg.inv(root @ root.T))
        np.testing.assert_allclose(found[:, k], law.logpdf(latent) + Z / 2 * np.log(2 * np.pi), rtol=1e-4, atol=1e-4)


def test_the_variance_is_the_diagonal_of_the_inverse_precision():
    mixture = some_mixture()
    precision = np.asarray(mixture.root, float) @ np.swapaxes(np.asarray(mixture.root, float), 1, 2)
    np.testing.assert_allclose(mixtures.variance(mixture), np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2), rtol=1e-4)


def test_without_data_the_posterior_is_the_prior():
    law = mixtures.prior(12)
    found = mixtures.posterior(law, jnp.ones((5, 12)), jnp.zeros(5, jnp.int32), jnp.zeros(5, bool), 10)
    assert np.array_equal(found.beta, np.ones(10))
    assert np.array_equal(found.dof, np.full(10, 12.0))
    assert np.array_equal(found.mean, np.zeros((10, 12)))
    np.testing.assert_allclose(found.inverse_scale, np.broadcast_to(10 * np.eye(12), (10, 12, 12)), rtol=1e-6)


def test_the_posterior_by_hand():
    """z = 1, 3 under W^-1 = 2, m = 0, beta = 1, nu = 1: count 3, mean 4/3, W^-1 = 2 + 10 - 3 (4/3)^2 = 20/3."""
    law = mixtures.prior(1, scale=0.5)
    found = mixtures.posterior(law, jnp.array([[1.0], [3.0], [100.0]]), jnp.array([0, 0, 0]), jnp.array([True, True, False]), 2)
    assert found.beta.tolist() == [3.0, 1.0]
    assert found.dof.tolist() == [3.0, 1.0]
    np.testing.assert_allclose(found.mean[:, 0], [4 / 3, 0.0], rtol=1e-6)
    np.testing.assert_allclose(found.inverse_scale[:, 0, 0], [20 / 3, 2.0], rtol=1e-6)


def test_the_posterior_is_that_of_the_published_formula():
    """The raw second moments of the update, in double precision."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        latent, sign = jnp.asarray(rng.normal(size=(50, Z)) + 2), jnp.asarray(rng.integers(0, K, 50))
        law = mixtures.Wishart(jnp.asarray(rng.normal(size=Z)), jnp.asarray(1.7), jnp.eye(Z) / 0.1 + 0.3, jnp.asarray(5.0))
        found = jax.tree.map(np.asarray, mixtures.posterior(law, latent, sign, seen(50), K))
    z, m, beta = np.asarray(latent), np.asarray(law.mean), float(law.beta)
    for k in range(K):
        own = z[np.asarray(sign) == k]
        count = len(own) + beta
        mean = (own.sum(0) + beta * m) / count
        inverse = np.asarray(law.inverse_scale) + own.T @ own + beta * np.outer(m, m) - count * np.outer(mean, mean)
        np.testing.assert_allclose(found.mean[k], mean, rtol=1e-8)
        np.testing.assert_allclose(found.inverse_scale[k], inverse, rtol=1e-8)


def test_a_known_gaussian_is_found():
    """100,000 points: the standard error of a variance is 0.45 %, of a mean 0.003; 2 % are four of them."""
    rng = np.random.default_rng(0)
    mean, root = np.array([1.0, -2.0, 0.5]), np.array([[1.0, 0, 0], [0.5, 2.0, 0], [-0.3, 0.1, 0.5]])
    points = (mean + rng.normal(size=(100_000, Z)) @ root.T).astype(np.float32)
    law = mixtures.posterior(mixtures.prior(Z), jnp.asarray(points), jnp.zeros(len(points), jnp.int32), seen(len(points)), 1)
    drawn = mixtures.draw(law, jnp.zeros(1), jax.random.key(0))
    np.testing.assert_allclose(drawn.mean[0], mean, atol=0.02)
    covariance = np.linalg.inv(np.asarray(drawn.root[0] @ drawn.root[0].T))
    np.testing.assert_allclose(covariance, root @ root.T, atol=0.02 * 4.25)


def test_the_moments_of_a_wishart_draw():
    """E Lambda = nu W and Var Lambda_ij = nu (W_ij^2 + W_ii W_jj), over 20,000 draws; mu has covariance (beta Lambda)^-1 of mean m.

    A variance is estimated to sqrt(2 + 12 / nu) / sqrt(20,000) = 1.3 % an entry and the mean over entries better: 3 % is safe.
    """
    n, nu, beta = 20_000, 7.0, 2.0
    half = np.array([[1.0, 0, 0], [0.4, 0.8, 0], [-0.2, 0.3, 0.6]])
    scale = half @ half.T
    inverse = np.broadcast_to(np.linalg.inv(scale), (n, Z, Z))
    law = mixtures.Wishart(jnp.ones((n, Z)), jnp.full(n, beta), jnp.asarray(inverse, jnp.float32), jnp.full(n, nu))
    drawn = mixtures.draw(law, jnp.zeros(n), jax.random.key(1))
    precision = np.asarray(drawn.root, float) @ np.swapaxes(np.asarray(drawn.root, float), 1, 2)
    np.testing.assert_allclose(precision.mean(0), nu * scale, rtol=0.03, atol=0.03)
    diagonal = np.diag(scale)
    wanted = nu * (scale**2 + np.outer(diagonal, diagonal))
    assert np.mean(precision.var(0) / wanted) == pytest.approx(1.0, abs=0.03)
    np.testing.assert_allclose(drawn.log_det, np.linalg.slogdet(precision)[1], rtol=1e-3, atol=1e-3)
    white = np.einsum("nzy,nz->ny", np.asarray(drawn.root, float), np.asarray(drawn.mean, float) - 1) * np.sqrt(beta)
    np.testing.assert_allclose(white.T @ white / n, np.eye(Z), atol=0.04)  # standard error of a variance: 1 %


def test_learned_weights_follow_the_counts():
    """Of Dirichlet(1 + 990, 1 + 10, 1) the means are 991, 11 and 1 of 1003, the deviations at most 0.004."""
    sign = jnp.asarray([0] * 990 + [1] * 10)
    found = np.exp(mixtures.weights(sign, 3, 1.0, jax.random.key(0)))
    np.testing.assert_allclose(found, [991 / 1003, 11 / 1003, 1 / 1003], atol=0.016)
    assert found.sum() == pytest.approx(1.0, abs=1e-5)


def test_signs_are_uttered_by_their_probabilities():
    """10,000 draws of one law: a share has a deviation of at most 0.005."""
    logits = jnp.broadcast_to(jnp.log(jnp.array([0.7, 0.2, 0.1])) + 5, (10_000, 3))
    shares = np.bincount(np.asarray(mixtures.utter(logits, jax.random.key(0))), minlength=3) / 10_000
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.02)


@pytest.mark.parametrize("scale", [1e3, 1e-3])
def test_latents_of_any_size_stay_finite(scale):
    rng = np.random.default_rng(0)
    latent = jnp.asarray(scale * (rng.normal(size=(300, 12)) + 3 * rng.integers(-1, 2, (300, 12))), jnp.float32)
    sign, law = jnp.asarray(rng.integers(0, 9, 300)), mixtures.prior(12)  # the tenth sign is not used

    @jax.jit
    def sweep(sign, key):
        drawn = mixtures.draw(mixtures.posterior(law, latent, sign, seen(300), 10), jnp.full(10, -jnp.log(10.0)), key)
        score = mixtures.log_likelihood(drawn, latent)
        return mixtures.utter(score, key), score, drawn, mixtures.variance(drawn), mixtures.log_ratio(score, sign, sign[::-1])

    for step in range(30):
        sign, *rest = sweep(sign, jax.random.key(step))
        for array in jax.tree.leaves(rest):
            assert np.isfinite(np.asarray(array)).all()
    assert int(sign.min()) >= 0


def planted(rng, n=600, k=5, z=4):
    label = rng.integers(0, k, n)
    """Clusters 50 or more apart: a second seed falls into one of them with a probability below 1 %."""
    return (50.0 * np.eye(k)[label][:, :z] - 3 + rng.normal(size=(n, z))).astype(np.float32), label


def test_k_means_finds_planted_clusters():
    latent, label = planted(np.random.default_rng(0))
    for seed in range(5):
        sign = np.asarray(mixtures.spread_out(jnp.asarray(latent), seen(600), 5, jax.random.key(seed)))
        assert len(np.unique(np.stack([sign, label]), axis=1).T) == 5  # one sign a class, one class a sign


def test_gibbs_recovers_a_planted_mixture():
    latent, label = planted(np.random.default_rng(1))
    z, law = jnp.asarray(latent), mixtures.prior(4)

    @jax.jit
    def sweep(sign, key):
        key_draw, key_sign = jax.random.split(key)
        drawn = mixtures.draw(mixtures.posterior(law, z, sign, seen(600), 5), jnp.zeros(5), key_draw)
        return mixtures.utter(mixtures.log_likelihood(drawn, z), key_sign), drawn

    sign = mixtures.spread_out(z, seen(600), 5, jax.random.key(0), rounds=0)
    for step in range(20):
        sign, drawn = sweep(sign, jax.random.key(step))
    centres = np.stack([latent[label == c].mean(0) for c in range(5)])
    nearest = np.linalg.norm(np.asarray(drawn.mean)[:, None] - centres[None], axis=2).min(0)
    assert nearest.max() < 1.5  # one thing at 0 counts a priori, and pulls the mean of about 120 by 50 / 120 a dimension


# ------------------------------------------------------------------------------------------------------- the acceptance


def laws(seed, k=10, deviation=2.0):
    """Two agents' log-likelihoods of k signs for one thing."""
    return deviation * np.random.default_rng(seed).normal(size=(2, k))


def kernel(score):
    """The listener's chain with both mixtures fixed: from its own sign to the one it holds afterwards, exactly."""
    k = score.shape[1]
    own, proposal = (x.ravel() for x in np.meshgrid(np.arange(k), np.arange(k), indexing="ij"))
    with jax.enable_x64(True):
        ratio = mixtures.log_ratio(jnp.broadcast_to(jnp.asarray(score[1]), (k * k, k)), jnp.asarray(proposal), jnp.asarray(own))
        taken = np.asarray(naming.accept(naming.Config())(ratio)).reshape(k, k)
    spoken = np.exp(score[0] - score[0].max())
    moves = spoken / spoken.sum() * taken
    return moves + np.diag(1 - moves.sum(1))


def both(score):
    joint = np.exp(score.sum(0) - score.sum(0).max())
    return joint / joint.sum()


def apart(p, q):
    """Total variation."""
    return 0.5 * np.abs(p - q).sum(-1)


def test_the_sign_a_listener_holds_follows_the_law_given_both_views():
    for seed in range(20):
        score = laws(seed)
        for law in np.linalg.matrix_power(kernel(score), 2**20):
            assert apart(law, both(score)) < 1e-6


def test_the_published_state_is_one_move_from_an_own_draw():
    """Compared with its own last utterance, the listener's sign is one step of that chain from p(w | its own view)."""
    distances = []
    for seed in range(400):
        score = laws(seed)
        own = np.exp(score[1] - score[1].max())
        distances.append(apart(own / own.sum() @ kernel(score), both(score)))
    assert np.mean(distances) == pytest.approx(0.32, abs=0.05)
    assert max(distances) > 0.7


@pytest.mark.parametrize("state", ["persistent", "reference"])
def test_the_game_simulates_its_law(state):
    """20,000 things of one law after 60 iterations, in which a chain of these laws forgets its start but for 1e-6.

    The total variation of a histogram of ten cells is about sqrt(10 / 20,000) / 2 = 0.011 at most.
    """
    n, k = 20_000, 10
    config = naming.Config(network="none", signs=k, state=state)
    score = laws(3, deviation=1.0)
    tables = jnp.broadcast_to(jnp.asarray(score, jnp.float32)[:, None], (2, n, k))
    mind = naming.newborn(config, n, 1, jax.random.key(0))

    @jax.jit
    def iterate(mind, key):
        def one(i, mind):
            for listener in (1, 0):
                turn = jax.random.fold_in(jax.random.fold_in(key, i), listener)
                mind, _ = naming.converse(config, mind, tables, jnp.int32(listener), turn)
            return mind

        return jax.lax.fori_loop(0, 60, one, mind)

    mind = iterate(mind, jax.random.key(1))
    for listener, speaker in ((1, 0), (0, 1)):
        seen_by = score[[speaker, listener]]
        share = np.bincount(np.asarray(mind.sign[listener]), minlength=k) / n
        own = np.exp(seen_by[1] - seen_by[1].max())
        wanted = both(score) if state == "persistent" else own / own.sum() @ kernel(seen_by)
        assert apart(share, wanted) < 0.02
