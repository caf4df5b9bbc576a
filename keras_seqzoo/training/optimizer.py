"""Optimizers as recipes have them."""

import keras
import tensorflow as tf

from keras_seqzoo.training.recipe import Training


def make_optimizer(
    training: Training, steps: int, devices: int = 1
) -> keras.optimizers.Optimizer:
    """A recipe's optimizer.

    Args:
        training: The recipe's part.
        steps: Batches in an epoch.
        devices: That share each batch.
    """
    accumulated = training.gradient_accumulation_steps
    # A schedule goes by batches, also where several make one step of the optimizer.
    rate, total = training.learning_rate, training.epochs * steps
    warmup = round(training.warmup_epochs * steps)
    if training.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=max(total - warmup, 1),
            alpha=training.final_learning_rate / training.learning_rate,
            warmup_target=training.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    elif training.schedule == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(
            rate, total, end_learning_rate=training.final_learning_rate
        )
    options = {}
    if training.ema is not None:
        options |= {"use_ema": True, "ema_momentum": training.ema}
    if training.weight_decay is not None:  # without it AdamW has one of its own
        options["weight_decay"] = training.weight_decay
    optimizer = keras.optimizers.get(
        {"class_name": training.optimizer, "config": {"learning_rate": 1.0}}
    )
    return _clipping_the_sum(type(optimizer))(
        learning_rate=rate,
        global_clipnorm=training.clip_norm and training.clip_norm / devices,
        gradient_accumulation_steps=accumulated if accumulated > 1 else None,
        **options,
    )


def _clipping_the_sum(optimizer_class: type) -> type:
    """The optimizer, which clips the norm of a whole batch's summed gradients.

    Keras clips each device's gradients before it sums them, and an embedding's before
    the rows of a word that comes twice are summed.
    """
    if keras.backend.backend() != "tensorflow":  # one device, and all gradients dense
        return optimizer_class

    class Summing(optimizer_class):
        def apply(self, grads, trainable_variables=None):
            grads = [tf.convert_to_tensor(grad) for grad in grads]
            replica = tf.distribute.get_replica_context()
            if replica.num_replicas_in_sync > 1:
                # The mean, since Keras will sum what each device hands on.
                grads = replica.all_reduce(tf.distribute.ReduceOp.MEAN, grads)
            super().apply(grads, trainable_variables)

    Summing.__name__ = optimizer_class.__name__
    return Summing
