"""The contract (one place) that every registered model and pretrained tag is under.

All that it needs to know of a model is in the methods of `ZooModel`.
"""

import functools
import inspect
import itertools
import os
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo import registry
from keras_seqzoo.registry import architectures
from keras_seqzoo.training import read_recipe
from keras_seqzoo.training.trainer import reaches

ARCHITECTURES = seqzoo.list_models(pretrained=False)
TAGS = seqzoo.list_models(pretrained=True)
RECIPES = pathlib.Path(__file__).resolve().parents[2] / "zoo_configs"
FLOAT32_TOLERANCE = 1e-4
BUILTIN = re.compile(r"(?!CUSTOM)[A-Z0-9_]+")  # Flex and custom ones are CamelCase
# Who and when: "Greff et al. 2015", "Ma & Hovy 2016", "(Elman 1990)"; or arXiv's id.
PAPER = re.compile(
    r"[A-Z]\w+ (et al\.|(&|and) [A-Z]\w+) (19|20)\d\d\b"
    r"|\([A-Z]\w+ (19|20)\d\d\)"
    r"|arXiv:? ?\d{4}\.\d{4,5}\b"
)
SUFFIXES = [".tflite", ".onnx", ""]


def model_class(name):
    return architectures()[name].model_class


def cell(name):
    return architectures()[name].cell


def first_of_each(kind):
    """The names that bring a kind that no name before them had."""
    # A clockwork RNN has a loop for each period: the slowest to compile comes last.
    names = sorted(ARCHITECTURES, key=lambda name: "clockwork" in name)
    return list({kind(name): name for name in reversed(names)}.values())


OF_EACH_CLASS = first_of_each(model_class)


# The first of each class and of each cell; with the environment variable
# SEQZOO_EVERY_MODEL (`make contract`) all. What builds a model tries these alone.
SAMPLES = sorted({*OF_EACH_CLASS, *first_of_each(cell)})
# Of each cell training is tried with the layers, and export in tests/export.
COSTLY = OF_EACH_CLASS
if os.environ.get("SEQZOO_EVERY_MODEL"):
    SAMPLES = COSTLY = ARCHITECTURES


def tiny(name: str) -> seqzoo.models.ZooModel:
    keras.utils.set_random_seed(1)
    return seqzoo.create(name, **architectures()[name].model_class.tiny())


def scores(model, inputs):
    return np.asarray(model(inputs, training=False))


@pytest.fixture(scope="module", params=SAMPLES)
def model(request):
    return tiny(request.param)


def test_builds_from_its_config(model):
    again = seqzoo.create(model.architecture, **model.get_config())
    assert again.get_config() == model.get_config()
    assert {k: v.shape for k, v in again.named_weights().items()} == {
        k: v.shape for k, v in model.named_weights().items()
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_docstring_names_the_paper(name):
    text = inspect.getdoc(architectures()[name].build)
    assert PAPER.search(text), text
    _, source, paper = inspect.getdoc(model_class(name)).partition("Source:")
    assert source and PAPER.search(paper)


@pytest.mark.parametrize("text", ["since 2014", "in 2014.", "arXiv", "Version 2015"])
def test_a_year_alone_is_no_paper(text):
    assert not PAPER.search(text)


def test_padding_never_changes_a_result(model):
    rows = [model.example_inputs(1, length, seed=length) for length in (1, 4, 7)]
    together = [padded(model, row, 16) for row in rows]
    batch = {key: np.concatenate([row[key] for row in together]) for key in rows[0]}
    for row, after in zip(rows, scores(model, batch)):
        before = scores(model, row)[0]
        valid = tuple(slice(size) for size in before.shape)
        np.testing.assert_allclose(after[valid], before, atol=1e-6)


def padded(model, inputs, length):
    """The inputs with zeros behind, where their length is free."""
    sequences = {x.name for x in model.inputs if x.shape[1:2] == (None,)}

    def pad(array):
        sizes = [(0, 0)] * array.ndim
        sizes[1] = (0, length - array.shape[1])
        return np.pad(array, sizes)

    return {key: pad(x) if key in sequences else x for key, x in inputs.items()}


def test_batch_order_never_changes_a_result(model):
    inputs = model.example_inputs(4, 6)
    order = np.array([2, 0, 3, 1])
    shuffled = {key: value[order] for key, value in inputs.items()}
    np.testing.assert_allclose(
        scores(model, shuffled), scores(model, inputs)[order], atol=1e-6
    )
    alone = {key: value[1:2] for key, value in inputs.items()}
    np.testing.assert_allclose(
        scores(model, alone), scores(model, inputs)[1:2], atol=1e-6
    )


def test_an_array_alone_will_do_for_one_input(model, recwarn):
    inputs = model.example_inputs(2, 6)
    if len(inputs) == 1:
        (alone,) = map(tf.constant, inputs.values())
        np.testing.assert_array_equal(scores(model, alone), scores(model, inputs))
    assert not [str(one.message) for one in recwarn if "structure" in str(one.message)]


def test_save_and_load_are_bit_equal(model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    loaded = seqzoo.load(tmp_path / "preset")
    assert loaded.architecture == model.architecture
    inputs = model.example_inputs(2, 9)
    np.testing.assert_array_equal(scores(loaded, inputs), scores(model, inputs))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_new_head_trains_with_the_body_frozen(name, tmp_path):
    check_new_head(tiny(name), tmp_path)


def check_new_head(model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    # Where there can be no new one, the head that it has.
    new = {"num_classes": 3} if "num_classes" in model.head_arguments else {}
    mine = seqzoo.load(tmp_path / "preset", **new)
    for layer in mine.layers:
        layer.trainable = layer.name in mine.head_layers
    before = {name: np.array(w) for name, w in mine.named_weights().items()}
    # Eagerly: what moves is asked here, and compiled training below.
    mine.compile("adam", mine.example_loss(), run_eagerly=True)
    mine.fit(mine.example_inputs(4, 5), mine.example_targets(4, 5), verbose=0)
    for name, weight in mine.named_weights().items():
        moved = not np.array_equal(before[name], weight)
        assert moved == (name.split("/")[0] in mine.head_layers), name


def exports():
    """(name, suffix): the first of each class as TFLite and, in turn, the others."""
    others = itertools.cycle([".onnx", ""])
    for name in COSTLY:
        every = os.environ.get("SEQZOO_EVERY_MODEL") and name in OF_EACH_CLASS
        for suffix in SUFFIXES if every else [".tflite", next(others)]:
            yield name, suffix


@pytest.mark.parametrize(("name", "suffix"), [*exports()])
def test_exports_and_agrees_in_the_real_runtime(name, suffix, tmp_path):
    check_export(tiny(name), tmp_path / f"model{suffix}")


def smallest_tags(kind):
    """The tag with the fewest parameters of each kind of model class."""
    largest_first = sorted(TAGS, key=lambda tag: -seqzoo.info(tag).parameters)
    return sorted(
        {
            kind(model_class(tag.partition(".")[0])): tag for tag in largest_first
        }.values()
    )


# Of each task a tag, the formats in turn: all that is new is the weights.
EXPORTED = smallest_tags(
    (lambda model: model)
    if os.environ.get("SEQZOO_EVERY_MODEL")
    else (lambda model: model.task)
)


@pytest.mark.parametrize(
    ("name", "suffix"), [*zip(EXPORTED, itertools.cycle(SUFFIXES))]
)
def test_a_pretrained_tag_exports_and_agrees(name, suffix, tmp_path):
    check_export(seqzoo.load(name), tmp_path / f"tagger{suffix}")


def check_export(model, path):
    # export() itself runs the file on several lengths and batches against Keras,
    # and raises over the tolerance.
    report = seqzoo.export(
        model,
        path,
        tolerance=FLOAT32_TOLERANCE,
        lengths=(1, 7, 17),  # below, in and beyond a block of the exported loop
    )
    assert report.max_difference <= FLOAT32_TOLERANCE
    assert len({length for _, length in report.cases}) >= 3
    # What integers are of has a name.
    assert (report.compared_labels is None) == (report.label_unit == "integers")
    if path.suffix == ".tflite":
        assert not [name for name in report.operators if not BUILTIN.fullmatch(name)]


@pytest.mark.parametrize("name", COSTLY)
def test_ten_training_steps_lower_the_loss(name):
    model = tiny(name)
    # With padded rows; of the first of a class under XLA and of two lengths, as a
    # pipeline's buckets make them: each is compiled, and that takes seconds.
    first = name in OF_EACH_CLASS
    lengths = (7, 11) if first else (11,)
    model.compile(keras.optimizers.Adam(0.01), model.example_loss(), jit_compile=first)
    sizes = [(8, lengths[number % len(lengths)], number) for number in range(10)]
    batches = [
        tf.data.Dataset.from_tensors(
            (model.example_inputs(*size), model.example_targets(*size))
        )
        for size in sizes
    ]
    ten = functools.reduce(tf.data.Dataset.concatenate, batches)
    before = model.evaluate(ten, verbose=0)
    model.fit(ten, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 10
    assert model.evaluate(ten, verbose=0) < before


def nested_graphs(graph, seen):
    """The graph and those of all functions that it calls."""
    if graph in seen:
        return
    seen.append(graph)
    for operation in graph.get_operations():
        for attribute in operation.node_def.attr.values():
            for function in [attribute.func, *attribute.list.func]:
                called = function.name and graph._get_function(function.name)
                if called and hasattr(called, "graph"):
                    nested_graphs(called.graph, seen)


@pytest.mark.parametrize("name", COSTLY)
def test_a_training_step_has_static_shapes_only(name):
    """As a TPU wants them: a batch of a bucket's shape makes no other shape unknown."""
    model = tiny(name)
    model.compile("adam", model.example_loss())
    batch = model.example_inputs(4, 7), model.example_targets(4, 7)
    static = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), batch)
    step = tf.function(model.train_step, jit_compile=True)
    graphs = []
    nested_graphs(step.get_concrete_function(static).graph, graphs)
    unknown = [
        f"{operation.type} {operation.name}"
        for graph in graphs
        for operation in graph.get_operations()
        for output in operation.outputs
        if output.dtype not in (tf.resource, tf.variant)
        and not output.shape.is_fully_defined()
        # Constants once XLA compiles; and what a loop's condition does not read.
        and operation.type != "BroadcastGradientArgs"
        and "redundant_placeholder" not in operation.name
    ]
    assert sum(len(graph.get_operations()) for graph in graphs) > 500
    assert not unknown


# A whole test set is decoded for it: minutes where there is a beam search.
MEASURED = smallest_tags(lambda model: model.task)
if os.environ.get("SEQZOO_EVERY_MODEL"):
    MEASURED = TAGS


@pytest.mark.parametrize("name", MEASURED)
def test_a_pretrained_tag_reaches_its_figure(name, data_dir):
    result = seqzoo.evaluate(name, data_dir=data_dir)
    assert result["value"] == pytest.approx(seqzoo.info(name).value, abs=0.05)
    (recipe,) = RECIPES.glob(f"*/{name}.yaml")
    assert reaches(read_recipe(recipe), result["value"])


def test_every_recipe_of_a_tag_says_what_to_expect():
    for name in TAGS:
        (recipe,) = RECIPES.glob(f"*/{name}.yaml")
        assert read_recipe(recipe).expected, recipe


@pytest.mark.parametrize("name", TAGS)
def test_a_pretrained_tag_is_small_and_has_a_card(name):
    info = seqzoo.info(name)
    assert info.parameters and info.value and info.metric and info.dataset
    loaded = seqzoo.load(name)
    assert loaded.tag == name.partition(".")[2]
    assert loaded.count_params() == info.parameters
    assert preset_bytes(name) <= 10_000_000


def preset_bytes(name):
    folder = pathlib.Path(seqzoo.presets.__file__).parent / name
    return sum(file.stat().st_size for file in folder.iterdir())


def test_all_presets_together_are_small():
    assert sum(map(preset_bytes, TAGS)) <= 100_000_000


class Sentence(seqzoo.models.ZooModel):
    """One label a sentence: a model of another class than those that are here.

    Source: Finding Structure in Time (Elman 1990).
    """

    head_layers = ("head",)
    label_unit = "sentences"

    def __init__(self, *, num_classes=2, masked=True, name="sentence"):
        ids = keras.Input((None,), dtype="int32", name="ids")
        mask = keras.ops.not_equal(ids, 0) if masked else None
        x = keras.layers.Embedding(9, 4, name="embedding")(ids)
        x = keras.layers.SimpleRNN(4, name="body")(x, mask=mask)
        head = keras.layers.Dense(num_classes, name="head")
        super().__init__({"ids": ids}, head(x), name=name)
        self.config = {"num_classes": num_classes, "masked": masked}

    def get_config(self):
        return dict(self.config)

    @classmethod
    def tiny(cls):
        return {}

    def serve(self, inputs):
        scores = self(inputs, training=False)
        return {"labels": keras.ops.argmax(scores, axis=-1), "scores": scores}

    def example_inputs(self, batch, length, seed=0):
        ids = np.random.default_rng(seed).integers(1, 9, (batch, length))
        return {"ids": ids.astype("int32")}

    def example_targets(self, batch, length, seed=0):
        ids = self.example_inputs(batch, length, seed)["ids"]
        return ids[:, -1] % self.config["num_classes"]


def sentence_rnn(**overrides) -> Sentence:
    """One label a sentence, by a simple RNN (Elman 1990)."""
    return Sentence(**overrides)


def test_a_model_of_a_new_class_is_under_it(monkeypatch, tmp_path):
    entry = registry.Architecture("sentence_rnn", "many_to_one", "rnn", sentence_rnn)
    monkeypatch.setitem(registry._architectures, entry.name, entry)
    model = tiny(entry.name)
    test_builds_from_its_config(model)
    test_docstring_names_the_paper(entry.name)
    test_padding_never_changes_a_result(model)
    test_batch_order_never_changes_a_result(model)
    test_save_and_load_are_bit_equal(model, tmp_path)
    check_new_head(model, tmp_path)
    test_ten_training_steps_lower_the_loss(entry.name)
    check_export(model, tmp_path / "model.tflite")
    with pytest.raises(AssertionError):
        test_padding_never_changes_a_result(Sentence(masked=False))
