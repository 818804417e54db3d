"""Penalties, dropout, limits to norms: kernels against the reference, and what they promise."""

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from grid import ONE_VARIANT, PATHS, Tune, over
from helpers import (
    SOFTSIGN,
    TOLERANCE,
    Array,
    Kind,
    Options,
    arrays_of,
    assert_close,
    assert_same_parameters,
    flat,
    on_both,
    parametrize,
)

from fastnn import ELU, MLP, SGD, Adam, LeakyReLU, Step, reference
from fastnn.activations import ACTIVATIONS
from fastnn.engine import trainers
from fastnn.network import Network
from fastnn.regularization import Regularization, dropout_factors

pytestmark = pytest.mark.usefixtures("variant")


Make = Callable[[Array], Any]
MAKES: list[Make] = [np.array, scipy.sparse.csr_array]


SIZES = (30, 20, 3)


def sparse_data(dtype: str = "float64") -> tuple[Array, Array]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(100, SIZES[0])).astype(dtype)
    X[generator.random(X.shape) >= 0.2] = 0
    X[7] = 0
    return X, np.arange(100) % 3


def with_l2(
    kind: Kind,
    make: Make,
    l2: float,
    dtype: str = "float64",
    batch_size: int = 1,
    epochs: int = 4,
    sizes: tuple[int, ...] = SIZES,
    learning_rate: Any = 0.1,
    **options: Any,
) -> tuple[Network, list[float]]:
    """A network trained with the penalty, and its losses."""
    X, y = sparse_data(dtype)
    net = kind(sizes, activation="tanh", dtype=dtype, seed=1)
    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, **options}
    return net, net.train(make(X), y, l2=l2, **given).loss


oracle_with_l2 = cache(partial(with_l2, reference.MLP, np.array))


# l2 * learning_rate.  To a tenth at each of a hundred steps, the factor would soon be below the
# least of floats: it must be applied in between.
DECAYS = [1e-4, 0.5, 0.9]


@pytest.mark.filterwarnings("ignore::fastnn.TrainingWarning")  # so much decay leaves a constant
class TestLazyL2:
    """Weights that shrink as a common factor, against a reference that multiplies all of them."""

    def check(self, make: Make, l2: float, **options: Any) -> None:
        net, losses = with_l2(MLP, make, l2, **options)
        compute = oracle_with_l2
        if "sample_weight" in options:  # which no cache can look up
            compute = partial(with_l2, reference.MLP, np.array)  # type: ignore[assignment]
        (expected, losses_of_it), (without, _) = (compute(x, **options) for x in (l2, 0.0))
        assert losses == pytest.approx(losses_of_it, rel=10 * TOLERANCE[net.dtype.name])
        assert_same_parameters(net, expected)
        assert np.abs(flat(expected) - flat(without)).max() > 5e-4, "l2 does not show"

    @over(strength=3, make=MAKES, dtype=TOLERANCE, n_deltas=[0, 1, 3, 64], decay=DECAYS)
    def test_per_example(
        self, make: Make, dtype: str, n_deltas: int, decay: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trainers, "max_pending_deltas", lambda *_: n_deltas)
        self.check(make, decay / 0.1, dtype=dtype)

    @parametrize("make", *MAKES)
    @parametrize("sizes", (30, 3), (30, 17, 40, 3), ids=str)
    def test_layers(self, make: Make, sizes: tuple[int, ...]) -> None:
        self.check(make, 2.0, sizes=sizes)

    @over(make=MAKES, n_deltas=[0, 1, 8, 64], chunk=[7, 64, 250])
    def test_several_kernel_calls(
        self, make: Make, n_deltas: int, chunk: int, tune: Tune, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Parts of an epoch per call, or several epochs."""
        monkeypatch.setattr(trainers, "max_pending_deltas", lambda *_: n_deltas)
        monkeypatch.setattr(trainers, "_work_per_example", lambda *_: 1.0)
        tune(work_per_call=chunk)
        self.check(make, 0.3)
        self.check(make, 5.0)

    def test_other_layouts_and_dtypes(self) -> None:
        self.check(np.asfortranarray, 5.0)
        self.check(lambda X: scipy.sparse.csc_array(X.astype("longdouble")), 5.0)

    def test_a_rate_that_changes(self) -> None:
        self.check(np.array, 4.0, learning_rate=lambda step: 0.2 / (1 + step % 7))

    def test_with_dropout_and_weights(self) -> None:
        weights = np.random.default_rng(1).exponential(size=100)
        self.check(np.array, 2.0, dropout=0.4, sample_weight=weights)

    def test_with_a_callback_per_batch(self) -> None:
        """The callback sees parameters with the pending scale factor applied."""
        X, y = sparse_data()
        seen: list[Array] = []
        for net in on_both(SIZES):

            def record(step: Step, net: Network = net) -> None:
                seen.append(flat(net))

            net.train(X, y, l2=1.0, batch_callback=record)
        assert len(seen) == 200
        assert_close(seen[:100], seen[100:], atol=1e-10)

    @over(
        strength=3,
        path=PATHS,
        make=MAKES,
        dtype=TOLERANCE,
        batch_size=[1, 3, 100],  # 3: many steps before an epoch is over
        decay=DECAYS,
    )
    def test_batches(
        self, path: str, make: Make, dtype: str, batch_size: int, decay: float
    ) -> None:
        epochs = {1: 1, 3: 2, 100: 30}[batch_size]
        self.check(make, decay / 0.1, dtype=dtype, batch_size=batch_size, epochs=epochs)

    @parametrize("chunk", 3, 40, 64)
    def test_batches_in_several_kernel_calls(self, path: str, chunk: int, tune: Tune) -> None:
        tune(max_columns=16, max_rows=16, max_sparse_rows=16, work_per_example=0)
        tune(work_per_batch_call=chunk * 1000, work_per_call=chunk * 1000)  # less than 32 examples
        self.check(np.array, 5.0, batch_size=3, epochs=3)
        self.check(np.array, 5.0, batch_size=32, epochs=10)  # the last, of 4, does

    @parametrize("batch_size", 1, 7, None)
    def test_the_same_bits_for_any_number_of_threads(
        self, path: str, batch_size: int | None
    ) -> None:
        X, y = sparse_data()
        found = set()
        for n_threads in (1, 2, 5):
            net = MLP(SIZES, seed=1)
            net.train(X, y, epochs=5, batch_size=batch_size, l2=4.0, n_threads=n_threads)
            found.add(flat(net).tobytes())
        assert len(found) == 1

    @parametrize("kind", MLP, reference.MLP)
    @parametrize("learning_rate", 0.1, lambda step: 0.1 if step % 20 == 15 else 0.01)
    def test_a_decay_of_1_is_refused(self, kind: Kind, learning_rate: Any) -> None:
        X, y = sparse_data()
        net = kind(SIZES, seed=1)
        net.train(X, y, optimizer="adam")
        untroubled = copy.deepcopy(net)
        with pytest.raises(
            ValueError, match=r"^l2 times learning_rate must be below 1, .* got 10.0 t"
        ):
            net.train(X, y, batch_size=5, learning_rate=0.1, l2=10.0)
        assert flat(net).tobytes() == flat(untroubled).tobytes()
        for each in (net, untroubled):  # the order of examples, and Adam's slots
            each.train(X, y, optimizer="adam")
        assert flat(net).tobytes() == flat(untroubled).tobytes()


class TestPenalties:
    WEIGHTS = (np.array([[3.0, 0.0], [4.0, -2.0]]), np.array([[-1.0], [0.5]]))

    def test_formulas(self) -> None:
        penalties = Regularization(l1=0.1, l2=0.2)
        assert penalties.penalty(self.WEIGHTS) == pytest.approx(0.1 * 10.5 + 0.1 * 30.25)
        slope = penalties.penalty_gradient(self.WEIGHTS[0])
        np.testing.assert_allclose(slope, np.array([[0.7, 0], [0.9, -0.5]]), rtol=1e-15)
        assert Regularization().penalty(self.WEIGHTS) == 0
        assert Regularization().clip_factor(self.WEIGHTS) == 1
        assert Regularization(clip_norm=6).clip_factor(self.WEIGHTS) == 1
        clipping = Regularization(clip_norm=1).clip_factor(self.WEIGHTS)
        assert clipping == pytest.approx(1 / np.sqrt(30.25), rel=1e-6)
        shortened = self.WEIGHTS[0].copy()
        Regularization(max_norm=2.5).limit_norms(shortened)
        np.testing.assert_allclose(shortened, np.array([[1.5, 0], [2, -2]]), rtol=1e-15)

    def test_losses_in_the_history_exclude_penalties(self, kind: Kind) -> None:
        X, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
        net = kind([3, 5, 2], dtype="float64", seed=1)
        before = net.evaluate(X, y).loss
        history = net.train(X, y, batch_size=None, l1=0.1, l2=0.5)
        assert history.loss == [pytest.approx(before, rel=1e-12)]

    def test_max_norm_holds_after_every_step(self, path: str) -> None:
        generator = np.random.default_rng(0)
        X, y = generator.normal(size=(60, 20)), generator.normal(size=(60, 2)) * 10
        for dtype in TOLERANCE:
            net = MLP([20, 33, 7, 2], output_activation="identity", dtype=dtype, seed=1)
            norms: list[float] = []

            def look(step: object, net: Network = net, norms: list[float] = norms) -> None:
                norms.append(max(np.sqrt((w**2).sum(axis=0)).max() for w in net.weights))

            options: Options = {"batch_size": 9, "optimizer": Adam(0.05), "max_norm": 0.9}
            net.train(X, y, epochs=3, batch_callback=look, **options)
            assert len(norms) == 21
            assert max(norms) == pytest.approx(0.9, rel=1e-6)
            assert min(norms) > 0.89, "no weights are as long"

    @parametrize("dtype", *TOLERANCE)
    def test_gradients_with_squares_that_overflow_are_clipped(self, path: str, dtype: str) -> None:
        """The norm is computed in double precision."""
        X, y = np.full((4, 3), 1e15), np.zeros((4, 2))
        for net in on_both([3, 2], output_activation="identity", dtype=dtype):
            before = flat(net)
            net.train(X, y, batch_size=2, optimizer=SGD(0.5), clip_norm=1.0)
            assert np.linalg.norm(flat(net) - before) <= 1
            assert np.linalg.norm(flat(net) - before) > 0.1


def after_dropout(
    kind: Kind, rates: tuple[float, ...], activation: Any, batch_size: int | None
) -> Network:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(25, 20)), generator.random((25, 3))
    X[generator.random(X.shape) < 0.4] = 0
    net = kind([20, 17, 6, 3], activation=activation, dtype="float64", seed=1)
    options: Options = {"learning_rate": 0.02, "dropout": rates}
    net.train(X, y, epochs=4, batch_size=batch_size, **options)
    return net


oracle_after_dropout = cache(partial(after_dropout, reference.MLP))


LINEAR: Options = {"activation": "identity", "output_activation": "identity"}


class TestDropout:
    RATE = 0.3
    N, WIDTH = 40, 65

    def one_hot_network(self, kind: Kind, dtype: str, seed: Any) -> Network:
        """The weights from input i change by example i alone, to units that are not left out."""
        net = kind([self.N, self.WIDTH, 1], **LINEAR, dtype=dtype, seed=seed)
        net.weights[1][:] = 1
        return net

    def kept(self, net: Network, batch_size: int | None = 1, **options: Any) -> Array:
        """Which units are kept for which of the examples in one epoch, (N, WIDTH)."""
        before = net.weights[0].copy()
        given = {"dropout": self.RATE, "learning_rate": 1e-3, **options}
        net.train(np.eye(self.N), np.full((self.N, 1), 100.0), batch_size=batch_size, **given)
        found: Array = net.weights[0] != before
        return found

    @parametrize("dtype", *TOLERANCE)
    @parametrize("batch_size", 1, 7, None)
    def test_kernels_drop_the_units_of_the_formula(
        self, path: str, dtype: str, batch_size: int | None
    ) -> None:
        self.check_units(MLP, dtype, batch_size)

    @ONE_VARIANT
    @parametrize("batch_size", 1, 7, None)
    def test_the_reference_drops_the_units_of_the_formula(self, batch_size: int | None) -> None:
        self.check_units(reference.MLP, "float64", batch_size)

    def check_units(self, kind: Kind, dtype: str, batch_size: int | None) -> None:
        generator = np.random.default_rng(3)
        net = self.one_hot_network(kind, dtype, generator)
        for _ in range(2):
            drawn = copy.deepcopy(generator)
            order = np.arange(self.N) if batch_size is None else drawn.permutation(self.N)
            key = int(drawn.integers(2**64, dtype=np.uint64))
            found = self.kept(net, batch_size)
            places = np.arange(self.N)
            factors = dropout_factors(self.RATE, key, places, 0, self.WIDTH, net.dtype)
            np.testing.assert_array_equal(found[order], factors != 0)
            assert generator.bit_generator.state == drawn.bit_generator.state

    @ONE_VARIANT
    def test_the_formula_drops_units_at_the_rate(self) -> None:
        n_examples, n_units = 1000, 200
        places = np.arange(n_examples)
        for rate in (0.1, 0.5, 0.9):
            factors = dropout_factors(rate, 12345 << 30, places, 1, n_units, np.dtype("float64"))
            assert set(np.unique(factors)) == {0.0, 1 / (1 - rate)}
            for axis, n in ((None, factors.size), (0, n_examples), (1, n_units)):
                sigma = np.sqrt(rate * (1 - rate) / n)
                part = (factors == 0).mean(axis=axis)
                # Of a thousand rows some are beyond 4 sigma by themselves, hardly any beyond 5.
                assert np.abs(part - rate).max() < (4 if axis is None else 5) * sigma
            # Inverted: the mean stays what it is without.
            sigma = np.sqrt(rate / (1 - rate) / factors.size)
            assert abs(factors.mean() - 1) < 4 * sigma

    @parametrize("different", "key", "high half of the key", "place", "layer")
    def test_the_formula_depends_on_key_example_and_layer(self, different: str) -> None:
        key, places, layer = 2**63 + 5, np.arange(50), 1
        first = dropout_factors(0.5, key, places, layer, 64, np.dtype("float32"))
        key += {"key": 1, "high half of the key": 2**32}.get(different, 0)
        places = places + (different == "place") * 50
        layer += different == "layer"
        second = dropout_factors(0.5, key, places, layer, 64, np.dtype("float32"))
        alike = ((first == second).mean() - 0.5) / np.sqrt(0.25 / first.size)
        assert abs(alike) < 4, "the two masks are correlated"

    def test_units_of_an_example_are_dropped_independently(self) -> None:
        left_out = dropout_factors(0.5, 7, np.arange(2000), 0, 32, np.dtype("float64")) == 0
        correlations = np.corrcoef(left_out, rowvar=False) - np.eye(32)
        assert np.abs(correlations).max() < 5 / np.sqrt(2000)

    def test_masks_differ_by_example_and_epoch(self, path: str) -> None:
        net = self.one_hot_network(MLP, "float64", 3)
        first, second = self.kept(net), self.kept(net)
        assert len(np.unique(first, axis=0)) == self.N
        assert (first != second).any(axis=1).all()
        sigma = np.sqrt(self.RATE * (1 - self.RATE) / first.size)
        for found in (first, second):
            assert abs(1 - found.mean() - self.RATE) < 4 * sigma

    def test_masks_depend_on_the_seed(self, path: str) -> None:
        masks = [self.kept(self.one_hot_network(MLP, "float64", seed)) for seed in (3, 3, 4)]
        np.testing.assert_array_equal(masks[0], masks[1])
        assert (masks[0] != masks[2]).any()

    def test_a_rate_per_layer_and_none_for_the_outputs(self, path: str) -> None:
        self.check_rates(MLP)

    @ONE_VARIANT
    def test_rates_of_the_reference(self) -> None:
        self.check_rates(reference.MLP)

    def check_rates(self, kind: Kind) -> None:
        X, y = np.ones((1, 3)), np.full((1, 100), 9.0)
        net, only = (kind([3, 300, 200, 100], **LINEAR, dtype="f8", seed=1) for _ in range(2))
        parts = []
        for _ in range(5):
            before = [b.copy() for b in net.biases]
            net.train(X, y, learning_rate=1e-3, dropout=[0.2, 0.7])
            parts.append([(new == old).mean() for new, old in zip(net.biases, before, strict=True)])
        first, second, outputs = np.mean(parts, axis=0)
        assert abs(first - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 1500)
        assert abs(second - 0.7) < 4 * np.sqrt(0.7 * 0.3 / 1000)
        assert outputs == 0
        only.train(X, y, learning_rate=1e-3, dropout=[0, 0.5])
        assert only.biases[0].all()
        assert 50 < (only.biases[1] == 0).sum() < 150

    @parametrize("batch_size", 1, 100)
    def test_dropout_preserves_the_mean_output(self, path: str, batch_size: int) -> None:
        n, width, rate = 2000, 20, 0.4
        net = MLP([1, width, 1], **LINEAR, loss="absolute_error", dtype="float64", seed=1)
        net.weights[0][:], net.weights[1][:] = 1, 1 / width
        # Targets are below all outputs, and the steps too small to make a difference.
        options: Options = {"batch_size": batch_size, "dropout": rate, "learning_rate": 1e-200}
        history = net.train(np.ones((n, 1)), np.full((n, 1), -100.0), **options)
        sigma = np.sqrt(rate / (1 - rate) / width / n)
        assert abs(history.loss[0] - 101) < 4 * sigma
        assert abs(history.loss[0] - 101) > 1e-6, "there is no dropout"

    def test_predictions_are_without_dropout(self, path: str) -> None:
        X, y = np.random.default_rng(0).normal(size=(30, 5)), np.arange(30) % 3
        net = MLP([5, 40, 3], dtype="float64", seed=1)
        net.train(X, y, batch_size=4, dropout=0.5)
        sigmoid = ACTIVATIONS["sigmoid"].function
        a = sigmoid(X @ net.weights[0] + net.biases[0])
        expected = sigmoid(a @ net.weights[1] + net.biases[1])
        np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12)
        np.testing.assert_allclose(net.activations(X)[0], a, rtol=1e-12)
        losses = ((expected - np.eye(3)[y]) ** 2).sum(axis=1) / 2
        assert net.evaluate(X, y).loss == pytest.approx(losses.mean(), rel=1e-12)
        assert net.gradients(X, y).loss == pytest.approx(losses.mean(), rel=1e-12)

    # What becomes of a unit that is left out is up to the path, the kind of slope (a ReLU's, one
    # from outputs, one from sums), and whether this layer or the one before has dropout.
    @over(
        strength=3,
        path=PATHS,
        activation=[
            *(name for name, f in ACTIVATIONS.items() if f.is_elementwise),
            LeakyReLU(0.3),
            ELU(0.4),
            SOFTSIGN,
            ("relu", SOFTSIGN),
            ("silu", "tanh"),
        ],
        batch_size=[1, 7],
        rates=[(0.3, 0.6), (0.0, 0.5)],
    )
    def test_kernels_agree_with_the_reference(
        self, path: str, activation: Any, batch_size: int | None, rates: tuple[float, ...]
    ) -> None:
        net = after_dropout(MLP, rates, activation, batch_size)
        expected = oracle_after_dropout(rates, activation, batch_size)
        without = oracle_after_dropout((0.0, 0.0), activation, batch_size)
        assert_same_parameters(net, expected)
        assert np.abs(flat(expected) - flat(without)).max() > 1e-4, "there is no dropout"

    @over(
        strength=3,
        path=PATHS,
        make=MAKES,
        dtype=TOLERANCE,
        optimizer=[SGD(0.1), Adam(0.01)],
        batch_size=[1, 7, None],
    )
    def test_dtypes_and_layouts(
        self, path: str, make: Make, dtype: str, optimizer: Any, batch_size: int | None
    ) -> None:
        generator = np.random.default_rng(0)
        X, y = generator.normal(size=(25, 20)), np.arange(25) % 3
        X[generator.random(X.shape) < 0.6] = 0
        nets = on_both([20, 17, 6, 3], dtype=dtype)
        options: Options = {"batch_size": batch_size, "optimizer": optimizer, "dropout": 0.4}
        losses = [net.train(make(X), y, epochs=4, **options).loss for net in nets]
        assert losses[0] == pytest.approx(losses[1], rel=10 * TOLERANCE[dtype])
        assert_same_parameters(*nets)

    def test_a_batch_may_exceed_the_workspace_or_a_kernel_call(self, path: str, tune: Tune) -> None:
        X, y = np.random.default_rng(0).normal(size=(60, 20)), np.arange(60) % 3
        expected = reference.MLP([20, 17, 3], activation="relu", dtype="float64", seed=1)
        expected.train(X, y, epochs=3, batch_size=32, dropout=0.4)
        tune(max_rows=16, max_sparse_rows=16, work_per_example=0)
        for work in (10, 5_000, 20_000, 200_000):
            tune(work_per_batch_call=work, work_per_call=work)
            net = MLP([20, 17, 3], activation="relu", dtype="float64", seed=1)
            net.train(X, y, epochs=3, batch_size=32, dropout=0.4)
            assert_same_parameters(net, expected)

    @parametrize("activation", "tanh", "relu", "silu", SOFTSIGN, ids=str)
    @parametrize("n_examples", 1, 9)
    def test_gradient(self, path: str, activation: Any, n_examples: int) -> None:
        self.check_gradient(MLP, activation, n_examples)

    @ONE_VARIANT
    @parametrize("activation", "tanh", "relu", "silu", SOFTSIGN, ids=str)
    def test_gradient_of_the_reference(self, activation: Any) -> None:
        self.check_gradient(reference.MLP, activation, n_examples=9)

    def check_gradient(self, kind: Kind, activation: Any, n_examples: int) -> None:
        """Central differences, the units left out being the same for copies of a network."""
        generator = np.random.default_rng(5)
        X, y = generator.normal(size=(n_examples, 3)), generator.random((n_examples, 3))
        net = kind([3, 7, 5, 3], activation=activation, dtype="float64", seed=2)
        for biases in net.biases:
            biases[:] = np.linspace(-0.5, 0.6, len(biases))
        options: Options = {"batch_size": None, "dropout": [0.3, 0.5]}
        stepped = copy.deepcopy(net)
        stepped.train(X, y, learning_rate=1.0, **options)
        before, after = (arrays_of(each) for each in (net, stepped))
        gradient = [old - new for old, new in zip(before, after, strict=True)]
        assert np.count_nonzero(flat(net) - flat(stepped)) > net.n_parameters / 8
        found, expected, h = [], [], 1e-6
        for array, part in zip(before, gradient, strict=True):
            values = array.copy()
            for _ in range(3):
                signs, losses = generator.choice([-1.0, 1.0], size=array.shape), []
                for moved in (values + h * signs, values - h * signs):
                    array[...] = moved
                    losses += copy.deepcopy(net).train(X, y, **options).loss
                expected.append((losses[0] - losses[1]) / (2 * h))
                found.append((part * signs).sum())
            array[...] = values
        largest = np.abs(expected).max()
        assert largest > 1e-3, "the gradient vanishes: the check shows nothing"
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * largest)
