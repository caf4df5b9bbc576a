"""Data sets and the tf.data pipelines that feed models."""
