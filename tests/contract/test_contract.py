"""The contract (one place) that every registered model and pretrained tag is under."""

import inspect
import itertools
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo.datasets import catalogue, pipeline
from keras_seqzoo.registry import architectures
from keras_seqzoo.training import read_recipe
from keras_seqzoo.training.vocabulary import tagger_assets

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


def tiny(name: str) -> seqzoo.models.ZooModel:
    keras.utils.set_random_seed(1)
    return seqzoo.create(name, **architectures()[name].model_class.tiny())


def scores(model, inputs):
    return np.asarray(model(inputs, training=False))


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request):
    return tiny(request.param)


def test_builds_from_its_config(model):
    again = seqzoo.create(model.architecture, **model.get_config())
    assert again.get_config() == model.get_config()
    assert {k: v.shape for k, v in again.named_weights().items()} == {
        k: v.shape for k, v in model.named_weights().items()
    }


def test_docstring_names_the_paper(model):
    text = inspect.getdoc(architectures()[model.architecture].build)
    assert PAPER.search(text), text
    _, source, paper = inspect.getdoc(type(model)).partition("Source:")
    assert source and PAPER.search(paper)


@pytest.mark.parametrize("text", ["since 2014", "in 2014.", "arXiv", "Version 2015"])
def test_a_year_alone_is_no_paper(text):
    assert not PAPER.search(text)


def test_padding_never_changes_a_result(model):
    inputs = model.example_inputs(3, 7)
    before = scores(model, inputs)
    padded = {
        key: np.pad(value, [(0, 0), (0, 9)] + [(0, 0)] * (value.ndim - 2))
        for key, value in inputs.items()
    }
    after = scores(model, padded)[:, :7]
    valid = np.asarray(model.serve(inputs)["labels"]) >= 0
    np.testing.assert_allclose(after[valid], before[valid], atol=1e-6)


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


def test_save_and_load_are_bit_equal(model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    loaded = seqzoo.load(tmp_path / "preset")
    assert loaded.architecture == model.architecture
    inputs = model.example_inputs(2, 9)
    np.testing.assert_array_equal(scores(loaded, inputs), scores(model, inputs))


def test_a_new_head_trains_with_the_body_frozen(model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    mine = seqzoo.load(tmp_path / "preset", num_classes=3)
    for layer in mine.layers:
        layer.trainable = layer.name in mine.head_layers
    before = {name: np.array(w) for name, w in mine.named_weights().items()}
    mine.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1)
    )
    mine.fit(mine.example_inputs(4, 5), mine.example_targets(4, 5), verbose=0)
    for name, weight in mine.named_weights().items():
        moved = not np.array_equal(before[name], weight)
        assert moved == (name.split("/")[0] in mine.head_layers), name


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exports_and_agrees_in_the_real_runtime(model, suffix, tmp_path):
    check_export(model, tmp_path / f"model{suffix}")


# Each tag in one format, the formats in turn: every kind has been exported above.
@pytest.mark.parametrize(("name", "suffix"), [*zip(TAGS, itertools.cycle(SUFFIXES))])
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
    if path.suffix == ".tflite":
        assert not [name for name in report.operators if not BUILTIN.fullmatch(name)]


def tagging_batches(name):
    """A small tagger of the shipped set, and its batches as a training makes them."""
    rows = catalogue.read("train_tickets", "train")
    assets = tagger_assets(rows)
    keras.utils.set_random_seed(1)
    model = seqzoo.create(name, **seqzoo.models.SlotTagger.tiny() | assets)
    batches = pipeline.training_batches(
        [row.words for row in rows],
        [row.slots for row in rows],
        model,
        batch_size=8,
        seed=1,
        epochs=range(2),
        word_dropout=0.3,
    )
    return model, batches


# How a model of this class gets the batches of its own data pipeline.
BATCHES = {seqzoo.models.SlotTagger: tagging_batches}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_ten_training_steps_on_its_own_pipeline_lower_the_loss(name):
    model, batches = BATCHES[architectures()[name].model_class](name)
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1),
    )
    ten = batches.take(10).apply(tf.data.experimental.assert_cardinality(10)).cache()
    assert len({targets.shape[1] for _, targets in ten}) > 1  # buckets, padded
    before = model.evaluate(ten, verbose=0)
    model.fit(ten, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 10
    assert model.evaluate(ten, verbose=0) < before


@pytest.mark.parametrize("name", TAGS)
def test_a_pretrained_tag_reaches_its_figure(name, data_dir):
    result = seqzoo.evaluate(name, data_dir=data_dir, split="test")
    assert result["value"] == pytest.approx(seqzoo.info(name).value, abs=0.05)
    (recipe,) = RECIPES.glob(f"*/{name}.yaml")
    expected = read_recipe(recipe).expected
    assert result["value"] >= expected.value - expected.tolerance


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
