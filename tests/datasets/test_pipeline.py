import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets import pipeline
from keras_seqzoo.datasets.pipeline import Examples, Plan
from keras_seqzoo.errors import UserError

LENGTHS = [3, 5, 2, 4, 3, 1]


@pytest.fixture(scope="module")
def examples():
    """Rows of two features, a picture each, and a class each."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(n, 2)).astype("float32") for n in LENGTHS]
    return Examples(
        {
            "frames": tf.ragged.constant(rows, ragged_rank=1, inner_shape=(2,)),
            "picture": tf.constant(rng.normal(size=(6, 4, 4)), tf.float32),
        },
        tf.constant([0, 1, 2, 0, 1, 2]),
        tf.constant(LENGTHS),
    )


@pytest.fixture(scope="module")
def steps(examples):
    """The same with notes at each step as targets, (length, 3)."""
    rows = [np.full((n, 3), n % 2, "int8") for n in LENGTHS]
    targets = tf.ragged.constant(rows, tf.int8, ragged_rank=1, inner_shape=(3,))
    return examples._replace(targets=targets)


def test_a_class_for_each_example(examples):
    plan = Plan.of(LENGTHS, batch_size=4, boundaries=[])
    found = list(pipeline.training_batches(examples, plan, 1, range(2)))
    assert [len(targets) for _, targets, _ in found] == [4, 2, 4, 2]
    inputs, targets, weights = found[0]
    assert inputs["picture"].shape == (4, 4, 4)
    np.testing.assert_allclose(weights, np.full(4, 0.25))
    rows = {tuple(np.ravel(x)): i for i, x in enumerate(examples.inputs["picture"])}
    for frames, picture, target in zip(
        inputs["frames"].numpy(), inputs["picture"].numpy(), targets.numpy()
    ):
        row = rows[tuple(picture.ravel())]
        expected = examples.inputs["frames"][row].numpy()
        np.testing.assert_array_equal(frames[: len(expected)], expected)
        assert not frames[len(expected) :].any()
        assert target == examples.targets[row]


def test_steps_of_several_targets_weigh_alike(steps):
    plan = Plan.of(LENGTHS, batch_size=6, boundaries=[])
    ((inputs, targets, weights),) = pipeline.training_batches(steps, plan, 1, range(1))
    assert targets.shape == (6, 5, 3) and weights.shape == (6, 5)
    there = (targets.numpy() >= 0).all(axis=-1)
    np.testing.assert_allclose(weights, there / sum(LENGTHS), rtol=1e-6)
    np.testing.assert_array_equal(inputs["frames"].numpy().any(axis=-1), there)


@pytest.mark.parametrize("which", ["examples", "steps"])
def test_static_batches_have_rows_without_weight(request, which):
    rows = request.getfixturevalue(which)
    plan = Plan.of(LENGTHS, batch_size=4, boundaries=[3], static=True)
    found = list(pipeline.training_batches(rows, plan, 1, range(1)))
    assert {x["frames"].shape for x, *_ in found} == {(4, 2, 2), (4, 5, 2)}
    assert {x["picture"].shape for x, *_ in found} == {(4, 4, 4)}
    for _, _, weights in found:
        assert float(tf.reduce_sum(weights)) == pytest.approx(1.0)
    count = sum(np.count_nonzero(weights) for *_, weights in found)
    assert count == (len(LENGTHS) if which == "examples" else sum(LENGTHS))


def test_what_is_drawn_for_an_example_is_not_of_its_batch(steps):
    def augment(inputs, targets, seed):
        by = tf.random.stateless_uniform((), seed, 1.0, 2.0)
        inputs = {**inputs, "frames": inputs["frames"] * by}
        return inputs, targets

    def rows(batch_size, epochs):
        plan = Plan.of(LENGTHS, batch_size=batch_size, boundaries=[])
        found = {}
        batches = pipeline.training_batches(steps, plan, 7, epochs, augment=augment)
        for inputs, _, _ in batches:
            for frames, picture in zip(inputs["frames"], inputs["picture"].numpy()):
                frames = frames.numpy()
                key = float(picture[0, 0])
                found[key] = frames[frames.any(axis=-1)]
        return found

    def equal(one, other):
        return all(np.array_equal(one[key], other[key]) for key in one)

    first = rows(2, range(1))
    assert len(first) == 6 and equal(first, rows(6, range(1)))
    assert not equal(first, rows(2, range(1, 2)))
    assert equal(rows(3, range(1, 2)), rows(2, range(2)))  # the second epoch is last
    ratios = [
        (first[float(picture[0, 0])] / frames.numpy()).ravel()
        for picture, frames in zip(
            steps.inputs["picture"].numpy(), steps.inputs["frames"]
        )
    ]
    for ratio in ratios:
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
        assert 1.0 <= ratio[0] <= 2.0
    assert len({round(float(ratio[0]), 4) for ratio in ratios}) == 6


def test_a_plan_of_nothing():
    with pytest.raises(UserError, match=r"of one example or more. Received: \[\]"):
        pipeline.Plan.of([], 4)


def test_a_bucket_of_nothing_but_length_zero():
    plan = pipeline.Plan.of([1, 2, 3], None, 6, boundaries=[1])
    assert plan.rows == [6, 2] and plan.batches == 2


def test_padding_is_counted_in_all_that_has_a_length(steps):
    plan = Plan.of(LENGTHS, batch_size=4, boundaries=[4])
    epoch = list(pipeline.training_batches(steps, plan, 1, range(1)))
    cells = sum(x["frames"][:, :, 0].numpy().size for x, *_ in epoch)
    share = pipeline.padding_share(steps, epoch)
    assert 0 < share == pytest.approx(1 - sum(LENGTHS) / cells)
    # Classes have no length; what a frame holds does not count, were it all zeros.
    zeros = {**steps.inputs, "frames": steps.inputs["frames"] * 0}
    classes = steps._replace(inputs=zeros, targets=tf.zeros(len(LENGTHS), tf.int32))
    epoch = pipeline.training_batches(classes, plan, 1, range(1))
    assert pipeline.padding_share(classes, epoch) == pytest.approx(share)


@pytest.mark.parametrize("static", [False, True])
def test_a_front_end_makes_inputs_of_what_is_augmented(examples, static):
    """Pairs of samples are one step of frames; what is drawn is added before."""
    samples = tf.RaggedTensor.from_row_lengths(
        tf.range(1.0, 1 + 2 * sum(LENGTHS)), [2 * n for n in LENGTHS]
    )
    whole = examples._replace(inputs={"samples": samples})

    def augment(inputs, targets, seed):
        by = tf.random.stateless_uniform((), seed, 100.0, 200.0)
        return {"samples": inputs["samples"] + by}, targets

    def front_end(inputs):
        rows = inputs["samples"]
        pairs = tf.reshape(rows.flat_values, (-1, 2))
        return {"frames": tf.RaggedTensor.from_row_splits(pairs, rows.row_splits // 2)}

    plan = Plan.of(LENGTHS, batch_size=4, boundaries=[3], static=static)
    how = {"augment": augment, "front_end": front_end}
    epoch = list(pipeline.training_batches(whole, plan, 1, range(1), **how))
    by = []
    for inputs, targets, _ in epoch:
        assert list(inputs) == ["frames"] and inputs["frames"].shape[2] == 2
        if static:
            assert inputs["frames"].shape in [(4, 2, 2), (4, 5, 2)]
        for frames, target in zip(inputs["frames"].numpy(), targets.numpy()):
            length = int(frames.any(axis=-1).sum())
            if not length:
                continue  # a row that fills the batch
            assert not frames[length:].any()
            row = next(
                i
                for i, before in enumerate(samples)
                if len(before) == 2 * length and examples.targets[i] == target
            )
            moved = frames[:length].ravel() - samples[row].numpy()
            np.testing.assert_allclose(moved, moved[0], atol=1e-4)
            by.append(moved[0])
    assert len(by) == 6 == len({round(float(one), 2) for one in by})
    assert all(100 <= one <= 200 for one in by)
    cells = sum(x["frames"][:, :, 0].numpy().size for x, *_ in epoch)
    share = pipeline.padding_share(whole, epoch)
    assert share == pytest.approx(1 - sum(LENGTHS) / cells)


def test_pairs_share_a_batch_with_those_of_like_lengths():
    rng = np.random.default_rng(2)
    pairs = rng.poisson([9, 5], (600, 2)) + 1
    sides = [
        tf.RaggedTensor.from_row_lengths(np.ones(n.sum(), "int32"), n) for n in pairs.T
    ]
    longer = pairs.max(axis=1)
    examples = Examples({"source": sides[0]}, sides[1], longer, pairs)
    shares = []
    for how in ({}, {"pairs": pairs}):
        plan = Plan.of(longer, None, 120, **how)
        epoch = list(pipeline.training_batches(examples, plan, 1, range(1)))
        assert len(epoch) == plan.batches
        assert sum(len(x["source"]) for x, *_ in epoch) == len(pairs)
        sizes = [max(x["source"].numpy().size, y.numpy().size) for x, y, _ in epoch]
        assert max(sizes) <= 120
        shares.append(pipeline.padding_share(examples, epoch))
    assert shares[1] < shares[0] / 2
    # Static shapes have one length for both: the longer's.
    plan = Plan.of(longer, None, 120, static=True, pairs=pairs)
    assert plan.keys.tolist() == longer.tolist() and plan.longest == longer.max()
