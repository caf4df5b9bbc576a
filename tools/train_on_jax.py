"""Trains a recipe on a machine with a GPU that has JAX but no TensorFlow.

    here   python tools/train_on_jax.py pack RECIPE.yaml --data-dir DATA jobs/NAME
    there  KERAS_BACKEND=jax python tools/train_on_jax.py fit jobs/NAME done/NAME
    here   python tools/train_on_jax.py unpack RECIPE.yaml --data-dir DATA done/NAME RUN
    here   seqzoo train RECIPE.yaml --data-dir DATA --run-dir RUN

`pack` writes the examples as the recipe's pipeline has them, and which of them are in
each batch of each epoch. `fit` trains on these with the recipe's optimizer and loss and
keeps the weights with the least dev loss. `unpack` makes of them a run folder whose
training is at its end, so that `seqzoo train` has only to measure and to write.

Of several trainings at once on one GPU most of the time goes to compiling, less with
`XLA_FLAGS="--xla_gpu_autotune_level=0 --xla_gpu_enable_triton_gemm=false"`;
`nvidia-cuda-mps-control -d` lets them share it.

What is drawn for single examples (augmentation, but for that of a model's own layers)
and starting weights are not packed: recipes with either are refused.
"""

import argparse
import json
import pathlib
import sys
import time
import types

import numpy as np

BUCKETS = 2  # JAX compiles a step for each, which takes longer than some padding.


class _Absent(types.ModuleType):
    """Stands for a package that is not there: any name in it, called or not."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(f"{self.__name__}.{name}")

    def __call__(self, *arguments, **keywords):
        alone = len(arguments) == 1 and not keywords
        return arguments[0] if alone and callable(arguments[0]) else self

    def __getitem__(self, key):
        return self

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __mro_entries__(self, bases):
        return (_AnyClass,)


class _AnyClass:
    def __init_subclass__(cls, **keywords):
        super().__init_subclass__()


class _AbsentPackages:
    """Finds modules of packages that only preparing and measuring need."""

    NAMES = (
        "tensorflow",
        "tensorflow_text",
        "tensorflow_datasets",
        "seqeval",
        "sacrebleu",
        "jiwer",
        "filelock",
        "google",
        "PIL",
        "sentencepiece",
        "soundfile",
    )

    def find_spec(self, name, path=None, target=None):
        from importlib.machinery import ModuleSpec

        if name.partition(".")[0] in self.NAMES:
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Absent(spec.name)

    def exec_module(self, module):
        pass


def pack(recipe_path, data_dir, folder, changes=()):
    """Writes `spec.json` and `arrays.npz` to the folder."""
    import tensorflow as tf

    from keras_seqzoo.datasets import buckets, pipeline
    from keras_seqzoo.training.preparation import prepare
    from keras_seqzoo.training.strategy import make_strategy

    recipe = _recipe(recipe_path, changes)
    prepared = prepare(recipe, recipe_path, data_dir, make_strategy("none"))
    task, data, training = prepared.task, recipe.data, recipe.training
    if task.augment(data) is not None or prepared.model is not prepared.whole:
        sys.exit(f"{recipe_path}: has augmentation or a frozen part: train it here")
    change = task.change(data)
    examples = prepared.examples
    lengths = examples.lengths.numpy()
    sizes = lengths, data.batch_size, data.tokens_per_batch
    plan = pipeline.Plan.of(*sizes, data.bucket_boundaries, static=True)
    if data.bucket_boundaries is None and len(plan.boundaries) >= BUCKETS:
        some = np.linspace(0, len(plan.boundaries) - 1, BUCKETS + 1)[1:-1].round()
        boundaries = [plan.boundaries[int(i)] for i in some]
        plan = pipeline.Plan.of(*sizes, boundaries, static=True)
    parts, dev = {"train": examples}, None
    if data.validation is not None:
        dev = task.read(data.dataset, data.validation, data_dir)
        dev = parts["dev"] = task.encode(dev, prepared.model)
    arrays = {}
    for i, weight in enumerate(prepared.model.non_trainable_weights):
        arrays[f"fixed/{i}"] = np.asarray(weight)
    for part, some in parts.items():
        for name, values in {**some.inputs, "targets": some.targets}.items():
            _put(arrays, f"{part}/{name}", values)
    longest = max(int(max(some.lengths)) for some in parts.values())
    for epoch in range(0 if dev is None else -1, training.epochs):
        some = dev if epoch < 0 else examples
        seeds = tf.constant([training.seed, epoch], tf.int64)
        order = tf.range(len(some.lengths), dtype=tf.int64)
        if epoch >= 0:
            order = tf.random.experimental.stateless_shuffle(order, seeds)
        rows = buckets.bucketed(
            tf.data.Dataset.from_tensor_slices(order),
            some.lengths,
            plan.boundaries,
            plan.rows,
        )
        rows = [batch.numpy() for batch in rows]
        shapes = [
            buckets.static_shape(
                max(some.lengths.numpy()[batch]),
                plan.boundaries,
                plan.rows,
                longest,
            )
            for batch in rows
        ]
        arrays[f"rows/{epoch}"] = np.concatenate(rows).astype("int32")
        arrays[f"sizes/{epoch}"] = np.array([len(batch) for batch in rows], "int32")
        arrays[f"shapes/{epoch}"] = np.array(shapes, "int32")
        if change is not None and epoch >= 0:
            arrays[f"places/{epoch}"] = _moved_places(change, examples, seeds + 1)
    spec = {
        "model": recipe.model.name,
        "arguments": {
            **task.assets(prepared.training_set, data),
            **recipe.model.overrides,
        },
        "recipe": recipe.model_dump(),
        "weights": [list(w.shape) for w in prepared.model.weights],
        "steps": plan.batches,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(spec))
    np.savez_compressed(folder / "arrays.npz", **arrays)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 2**20
    print(f"{folder}: {plan.batches} batches an epoch, {size:.1f} MiB")


def _put(arrays, name, values):
    """Stores values that are dense, or ragged in their length alone."""
    import tensorflow as tf

    if isinstance(values, tf.RaggedTensor):
        arrays[f"{name}/splits"] = values.row_splits.numpy().astype("int32")
        values = values.flat_values
    values = values.numpy()
    if values.dtype.kind in "iu" and abs(values).max(initial=0) < 2**15:
        values = values.astype("int16")
    arrays[name] = values


def _moved_places(change, examples, seeds):
    """Where each value was before an epoch's change, as steps from one to the next."""
    import tensorflow as tf

    def numbered(values):
        return values.with_flat_values(tf.range(tf.shape(values.flat_values)[0]))

    inputs = {name: numbered(values) for name, values in examples.inputs.items()}
    moved = change(
        examples._replace(inputs=inputs, targets=numbered(examples.targets)), seeds
    )
    places = moved.targets.flat_values.numpy()
    for values in moved.inputs.values():
        if not np.array_equal(values.flat_values.numpy(), places):
            sys.exit("what the epochs change is no change of places: train it here")
    return np.diff(places, prepend=0).astype("int32")


def fit(folder, output):
    """Trains; writes `<output>.npz` and `<output>.json` whenever the dev loss falls."""
    import jax
    import keras

    # Keras remembers whether TensorFlow is there when first asked, and must be before
    # the stand-ins are found; there is no public way to ask it.
    from keras.src.utils import module_utils

    if not module_utils.tensorflow.available:
        sys.meta_path.append(_AbsentPackages())
    from keras_seqzoo import registry
    from keras_seqzoo.training.optimizer import make_optimizer
    from keras_seqzoo.training.recipe import Recipe
    from keras_seqzoo.training.tasks import task_of

    spec = json.loads((folder / "spec.json").read_text())
    with np.load(folder / "arrays.npz") as stored:
        arrays = dict(stored)
    recipe = Recipe.model_validate(spec["recipe"])
    training = recipe.training
    keras.utils.set_random_seed(training.seed)
    model = registry.create(spec["model"], **spec["arguments"])
    if [list(w.shape) for w in model.weights] != spec["weights"]:
        sys.exit(f"{folder}: packed for another version of the model")
    for i, weight in enumerate(model.non_trainable_weights):
        weight.assign(arrays[f"fixed/{i}"])
    model.compile(
        optimizer=make_optimizer(training, spec["steps"]),
        loss=task_of(spec["model"]).loss(training),
        jit_compile=True,
    )
    if training.ema is not None:
        averaged = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    device = jax.devices()[0].device_kind
    output.parent.mkdir(parents=True, exist_ok=True)
    history, best, best_epoch, seconds = [], float("inf"), 0, 0.0
    dev = list(_batches(arrays, "dev", -1)) if "rows/-1" in arrays else []
    for epoch in range(training.epochs):
        began = time.monotonic()
        batches = _batches(arrays, "train", epoch)
        steps = len(arrays[f"sizes/{epoch}"])
        losses = model.fit(batches, steps_per_epoch=steps, verbose=0).history["loss"]
        if training.ema is not None:
            averaged.set_model(model)
            averaged.on_test_begin()
        dev_losses = []
        for batch in dev:
            model.reset_metrics()
            dev_losses.append(float(model.test_on_batch(*batch)))
        counts = [float((batch[2] > 0).sum()) for batch in dev]
        figures = {"epoch": epoch + 1, "loss": losses[0]}
        dev_loss = -float(epoch)  # Without a dev set the newest weights are the best.
        if dev:
            dev_loss = float(np.average(dev_losses, weights=counts))
            figures["dev_loss"] = dev_loss
        seconds += time.monotonic() - began
        history.append(figures)
        print(f"{output.name} {history[-1]} {seconds:.0f} s", flush=True)
        if not np.isfinite(losses[0]):
            sys.exit(f"{output}: the loss is {losses[0]}")
        if dev_loss < best:
            best, best_epoch = dev_loss, epoch + 1
            weights = [np.asarray(w, "float16") for w in model.get_weights()]
            np.savez(output.with_suffix(".npz"), *weights)
        if training.ema is not None:
            averaged.on_test_end()
        state = {
            "epochs": epoch + 1,
            "best_epoch": best_epoch,
            "seconds": seconds,
            "history": history,
            "device": f"{device}, JAX {jax.__version__}",
        }
        output.with_suffix(".json").write_text(json.dumps(state))
        patience = training.patience
        if patience is not None and epoch + 1 - best_epoch >= patience:
            break


def _batches(arrays, part, epoch):
    """The epoch's batches: inputs, targets and weights, all of a bucket's shape."""
    from keras_seqzoo.datasets.pipeline import IGNORED

    names = {
        name.split("/")[1]
        for name in arrays
        if name.startswith(f"{part}/") and not name.endswith("/splits")
    }
    values = {name: arrays[f"{part}/{name}"] for name in names}
    if f"places/{epoch}" in arrays:
        places = np.cumsum(arrays[f"places/{epoch}"])
        values = {name: value[places] for name, value in values.items()}
    ends = np.cumsum(arrays[f"sizes/{epoch}"])
    for rows, shape in zip(
        np.split(arrays[f"rows/{epoch}"], ends[:-1]), arrays[f"shapes/{epoch}"]
    ):
        batch = {}
        for name, value in values.items():
            padding = IGNORED if name == "targets" else 0
            splits = arrays.get(f"{part}/{name}/splits")
            batch[name] = _padded(value, splits, rows, shape, padding)
        targets = batch.pop("targets")
        there = targets != IGNORED
        if there.ndim > 2:
            there = there.any(axis=tuple(range(2, there.ndim)))
        weights = there.astype("float32") / there.sum()
        yield batch, targets, weights


def _padded(values, splits, rows, shape, padding):
    kind = "int32" if values.dtype.kind in "iu" else values.dtype
    count, length = shape
    if splits is None:
        result = np.full((count, *values.shape[1:]), padding, kind)
        result[: len(rows)] = values[rows]
        return result
    result = np.full((count, length, *values.shape[1:]), padding, kind)
    for place, row in enumerate(rows):
        one = values[splits[row] : splits[row + 1]]
        result[place, : len(one)] = one
    return result


def unpack(recipe_path, data_dir, result, run, changes=()):
    """Makes the run folder that `seqzoo train` would have left at the end."""
    import dataclasses

    import keras

    from keras_seqzoo.training import checkpoint
    from keras_seqzoo.training.callbacks import EpochKeeper, Progress
    from keras_seqzoo.training.preparation import prepare
    from keras_seqzoo.training.recipe import OF_RESULTS
    from keras_seqzoo.training.strategy import make_strategy

    recipe = _recipe(recipe_path, changes)
    prepared = prepare(recipe, recipe_path, data_dir, make_strategy("none"))
    model, task, data = prepared.model, prepared.task, recipe.data
    state = json.loads(result.with_suffix(".json").read_text())
    with np.load(result.with_suffix(".npz")) as stored:
        weights = [stored[f"arr_{i}"].astype("float32") for i in range(len(stored))]
    model.set_weights(weights)
    score = None
    if data.validation is not None:
        dev = task.read(data.dataset, data.validation, data_dir)
        score = task.scorer(model, dev)()
    progress = Progress(**state, best_value=score, stopped=True)
    keeper = EpochKeeper(run, None)
    keeper.set_model(model)
    arrays = {
        name: keras.ops.convert_to_numpy(variable)
        for name, variable in keeper.variables().items()
    }
    arrays |= {f"best/{i}": value for i, value in enumerate(weights)}
    run.mkdir(parents=True, exist_ok=True)
    content = recipe.model_dump_json(exclude=OF_RESULTS, indent=2)
    (run / "recipe.json").write_text(content, "utf-8")
    checkpoint.save(
        run / "checkpoints", progress.epochs, dataclasses.asdict(progress), arrays
    )
    figure = "none" if score is None else f"{score:.2f}"
    print(f"{run}: dev {task.METRIC} {figure}, epoch {progress.best_epoch}")


def _recipe(path, changes):
    from keras_seqzoo.training.recipe import parse_overrides, read_recipe

    return read_recipe(path, parse_overrides(changes))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    of_recipe = argparse.ArgumentParser(add_help=False)
    of_recipe.add_argument("recipe", type=pathlib.Path)
    of_recipe.add_argument("--data-dir", help="folder of a local copy of the data")
    of_recipe.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a recipe's value, as of seqzoo train",
    )
    packing = commands.add_parser("pack", parents=[of_recipe])
    packing.add_argument("job", type=pathlib.Path)
    fitting = commands.add_parser("fit")
    fitting.add_argument("job", type=pathlib.Path)
    fitting.add_argument("result", type=pathlib.Path)
    unpacking = commands.add_parser("unpack", parents=[of_recipe])
    unpacking.add_argument("result", type=pathlib.Path)
    unpacking.add_argument("run", type=pathlib.Path)
    given = parser.parse_args()
    if given.command == "pack":
        pack(given.recipe, given.data_dir, given.job, given.changes)
    elif given.command == "fit":
        fit(given.job, given.result)
    else:
        unpack(given.recipe, given.data_dir, given.result, given.run, given.changes)


if __name__ == "__main__":
    main()
