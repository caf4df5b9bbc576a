"""One training on several devices, by tf.distribute."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.training.cluster import (
    START_A_TPU,
    check_tpu,
    host_and_port,
    wait_for_workers,
)

STRATEGIES = ("none", "mirrored", "multiworker", "tpu")
MOST_REPLICAS = 64  # of a CPU; TensorFlow starts threads for each


def make_strategy(
    name: str = "none", replicas: int | None = None
) -> tf.distribute.Strategy:
    """A strategy by name.

    Args:
        name: "mirrored": all GPUs of this machine, or without one `replicas` parts of
            its CPU. "multiworker": all machines that the environment variable TF_CONFIG
            lists, each of which runs this same program. "tpu": this machine's TPU,
            or the one that the environment variable TPU_NAME names. "none": one device.
        replicas: For "mirrored" without a GPU, 2 by default and 64 at most.

    Raises:
        UserError: The name is unknown, there is no such device, TF_CONFIG is wrong, a
            machine does not answer, or TensorFlow has begun to work, which fixes the
            devices.
    """
    if name not in STRATEGIES:
        raise UserError(
            f"strategy must be one of {', '.join(STRATEGIES)}. Received: {name!r}"
        )
    if replicas is not None and name != "mirrored":
        raise UserError(
            f"replicas are for strategy mirrored only. Received: strategy {name}"
        )
    if replicas is not None:
        replicas = positive_integer("replicas", replicas, most=MOST_REPLICAS)
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return _mirrored(replicas)
    return _multiworker() if name == "multiworker" else _tpu()


def is_distributed(strategy: tf.distribute.Strategy) -> bool:
    """Whether it is more than the default of one device."""
    return not isinstance(strategy, type(tf.distribute.get_strategy()))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    task = None if resolver is None else getattr(resolver, "task_type", None)
    return task in (None, "chief") or (task == "worker" and resolver.task_id == 0)


def number_of_workers(strategy: tf.distribute.Strategy) -> int:
    """Processes that train together."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    return max(1, sum(map(len, resolver.cluster_spec().as_dict().values())))


def distributable(
    dataset: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> tf.data.Dataset:
    """The data set with word that each worker takes its part of each global batch."""
    if not is_distributed(strategy):
        return dataset
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return dataset.with_options(options)


def make_fit_for_workers(model: keras.Model) -> None:
    """Makes `fit` of a compiled zoo model work on several workers.

    Keras 3.15 cannot (TensorFlow's issue 72388): to see shapes it would average a first
    batch over the workers, which fails where inputs are a dict; and it averages the
    figures of a step along an axis that a scalar does not have.
    """
    x, y = model.example_inputs(1, 2), model.example_targets(1, 2)
    model.compute_loss(x, y, model(x), y * 0.0)  # builds the loss; the model is built
    model._maybe_symbolic_build = lambda **_: None
    figures = model.compute_metrics

    def compute_metrics(*args: Any, **kwargs: Any) -> dict[str, Any]:
        found = figures(*args, **kwargs)
        return {name: tf.reshape(value, (1,)) for name, value in found.items()}

    model.compute_metrics = compute_metrics


@contextlib.contextmanager
def lost_worker_as_error(resume: str) -> Iterator[None]:
    """Makes the loss of another worker a ConnectionError that says what to do."""
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    ) as error:
        reason = " ".join(str(error.message).split())[:200]
        raise ConnectionError(
            f"another worker was lost ({reason}); {resume}"
        ) from error


def _mirrored(replicas: int | None) -> tf.distribute.Strategy:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if replicas is not None:
            raise UserError(
                "replicas are for machines without a GPU: all GPUs take part. "
                f"Received: replicas {replicas}, {len(gpus)} GPUs"
            )
        return tf.distribute.MirroredStrategy()
    count = 2 if replicas is None else replicas
    (cpu,) = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError:  # TensorFlow runs already, with the devices it has.
        found = len(tf.config.list_logical_devices("CPU"))
        if found != count:
            raise UserError(
                f"replicas must be {found}, as TensorFlow runs with, or be asked for "
                f"in a fresh process. Received: {count}"
            ) from None
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])


def _multiworker() -> tf.distribute.Strategy:
    wait_for_workers(_tf_config(os.environ.get("TF_CONFIG")))
    return _started(tf.distribute.MultiWorkerMirroredStrategy, "the cluster")


def _tf_config(text: str | None) -> dict[str, Any]:
    """The content of TF_CONFIG, checked."""
    form = (
        '{"cluster": {"worker": ["host:port", ...]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    try:
        config = json.loads(text or "")
        cluster, task = config["cluster"], config["task"]
        addresses = [address for job in cluster.values() for address in job]
        for one in addresses:
            host_and_port(one)
        index = task["index"]
        is_right = (
            cluster.keys() <= {"chief", "worker"}
            and len(set(addresses)) == len(addresses)
            and type(index) is int
            and 0 <= index < len(cluster[task["type"]])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise UserError(
            "strategy multiworker needs the environment variable TF_CONFIG as "
            f"{form}, each address once. Received: {text!r}"
        )
    return config


def _tpu() -> tf.distribute.Strategy:
    name = os.environ.get("TPU_NAME") or "local"
    if ":" in name and "://" not in name:
        name = f"grpc://{name}"  # or TensorFlow takes an address for a name

    def resolved():
        return tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)

    def connect():
        if name != "local":
            check_tpu(name, lambda: resolved().master())
        resolver = resolved()
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)

    what = "a TPU" if name == "local" else f"the TPU {name}"
    return _started(connect, what, f"; {START_A_TPU}")


def _started(start: Callable[[], Any], what: str, advice: str = "") -> Any:
    try:
        return start()
    except UserError:
        raise
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = first_line(error)[:120]
        raise UserError(
            f"strategy: {what} cannot be reached: {reason}{advice}"
        ) from error
