import importlib.util
import pathlib

import pytest
import yaml

from keras_seqzoo import registry
from keras_seqzoo.errors import UserError
from keras_seqzoo.training.recipe import parse_overrides, read_recipe

ROOT = pathlib.Path(__file__).parents[2]
RECIPES = ROOT / "zoo_configs" / "synced"
TOOL = ROOT / "tools" / "record_expected.py"
GOOD = {"model": {"name": "bi_gru_tagger"}, "data": {"dataset": "atis"}}


def speech(**data):
    data = {"dataset": "fsdd", **data}
    return {"model": {"name": "bi_peephole_speech"}, "data": data}


def write(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    "content, message",
    [
        ({"trainin": {}}, "trainin: unknown key; allowed are model, data, training"),
        ({"training": {"epoch": 3}}, "training.epoch: unknown key; allowed are epochs"),
        ({"training": {"epochs": "ten"}}, "training.epochs: must be a valid integer"),
        ({"training": {"epochs": 0}}, "training.epochs: must be greater than 0"),
        (
            {"training": {"jit_compile": 1}},
            "training.jit_compile: must be a valid bool",
        ),
        ({"training": {"ema": 1.0}}, "training.ema: must be less than 1"),
        ({"training": {"warmup_epochs": 1}}, "needs training.schedule: cosine"),
        ({"training": {"optimizer": "adman"}}, "training.optimizer: must be 'adam'"),
        (
            {"data": {"dataset": "atos"}},
            "data.dataset: must be one of atis, snips, train_tickets. Received: 'atos'",
        ),
        (
            {"data": {"dataset": "atis", "train": []}},
            "data.train: must not be an empty",
        ),
        (
            {"data": {"dataset": "atis", "train": ["train", "train"]}},
            "data.train: must be different parts. Received: ['train', 'train']",
        ),
        (
            {"data": {"dataset": "atis", "test": "train"}},
            "data.test must not be one of data.train",
        ),
        (
            {"data": {"dataset": "atis", "test": "validation"}},
            "data.test must not be data.validation",
        ),
        (
            {"data": {"dataset": "atis", "bucket_boundaries": [8, 4]}},
            "data.bucket_boundaries: must be positive integers, each above the one "
            "before and at most 2147483647. Received: [8, 4]",
        ),
        (
            {"data": {"dataset": "atis", "bucket_boundaries": [-1, 0]}},
            "data.bucket_boundaries: must be positive integers",
        ),
        (
            {"data": {"dataset": "atis", "bucket_boundaries": [4, 99999999999999]}},
            "data.bucket_boundaries: must be positive integers, each above the one "
            "before and at most 2147483647. Received: [4, 99999999999999]",
        ),
        (
            {"data": {"dataset": "atis", "batch_size": 10**20}},
            "data.batch_size: must be less than or equal to 1048576. "
            "Received: 100000000000000000000",
        ),
        (
            {"data": {"dataset": "atis", "tokens_per_batch": 10**20}},
            "data.tokens_per_batch: must be less than or equal to 16777216. ",
        ),
        (
            {"training": {"learning_rate": float("inf")}},
            "training.learning_rate: must be a finite number. Received: inf",
        ),
        (
            {"training": {"epochs": 1, "warmup_epochs": 50, "schedule": "cosine"}},
            "training: warmup_epochs must be at most epochs, 1. Received: 50",
        ),
        (
            {"data": {"dataset": "atis", "train": ["dev"]}},
            "data.train: must be of train, validation, test. Received: 'dev'",
        ),
        (
            {"data": {"dataset": "atis", "transpose": 3}},
            "data.transpose: must be left out: bi_gru_tagger has no use for it on "
            "atis, but for min_count, word_dropout. Received: 3",
        ),
        (
            {
                "model": {"name": "bi_gru_series"},
                "data": {
                    "dataset": "japanese_vowels",
                    "validation": None,
                    "rotate": 20.0,
                },
            },
            "data.rotate: must be left out: bi_gru_series has no use for it on "
            "japanese_vowels, but for noise, time_shift. Received: 20.0",
        ),
        (
            {
                "model": {"name": "bi_gru_series"},
                "data": {"dataset": "uci_har", "validation": None, "time_shift": 0.5},
            },
            "data.time_shift: must be a whole number of steps on uci_har. "
            "Received: 0.5",
        ),
        (
            speech(noise=0.1),
            "data.noise: must be left out: bi_peephole_speech has no use for it on "
            "fsdd, but for ngram, signal_to_noise, time_shift. Received: 0.1",
        ),
        (
            speech(dataset="an4_mfcc", time_shift=0.1),
            "data.time_shift: must be left out: bi_peephole_speech has no use for it "
            "on an4_mfcc, but for ngram. Received: 0.1",
        ),
        (
            speech(time_shift=-0.1),
            "data.time_shift: must be greater than or equal to 0. Received: -0.1",
        ),
        *(
            (
                speech(signal_to_noise=ratios),
                "data.signal_to_noise: must be the lowest and the highest ratio, from "
                f"-20 to 100 dB. Received: {ratios}",
            )
            for ratios in ([], [20], [20, 10], [-30, 10], [10, 200], [1, 2, 3])
        ),
        (
            speech(signal_to_noise=20),
            "data.signal_to_noise: must be a list. Received: 20",
        ),
        (
            {
                "model": {"name": "lstm_show_and_tell"},
                "data": {"dataset": "flickr8k", "crops": 9},
            },
            "data.crops: must be less than or equal to 8. Received: 9",
        ),
        ({"data": 3}, "data: must be a section of keys and values. Received: 3"),
        ({"model": "gru"}, "model: must be a section of keys and values"),
        ({"model": {"name": 3}}, "model.name: must be a valid string"),
        ({"model": {}}, "model.name: is missing"),
        (
            {"model": {"name": "gru_tagger.atis"}},
            "model.name: must be an architecture: bi_clockwork_tagger, ",
        ),
        (
            {"training": {"seed": 2**32}},
            "training.seed: must be less than or equal to 4294967295. "
            "Received: 4294967296",
        ),
        (
            {"training": {"final_learning_rate": 10.0, "schedule": "cosine"}},
            "training: final_learning_rate must be at most learning_rate, 0.001. "
            "Received: 10.0",
        ),
        (
            {"data": {"dataset": "atis", "word_dropout": 1e9}},
            "data.word_dropout: must be less than or equal to 10",
        ),
        (
            {"expected": {"metric": "slot_f1", "value": 95}},
            "expected.tolerance: is missing",
        ),
        (
            {"expected": {"metric": "slot_f1", "value": 95, "tolerance": 1, "f1": 3}},
            "expected.f1: unknown key; allowed are metric",
        ),
        (
            {"expected": {"metric": "bleu", "value": 95, "tolerance": 1}},
            "expected.metric: must be slot_f1. Received: 'bleu'",
        ),
        ("model: [", "line 1: not YAML"),
        ("- model", "a recipe must have the sections"),
        ("", "a recipe must have the sections"),
        ("extends: other.yaml", "recipe.yaml: extends: there is no file "),
        ("extends: 3", "extends: must be a file's path. Received: 3"),
        ("extends: recipe.yaml", "recipe.yaml: extends: "),
        ("model: {name: a}\nmodel: {name: b}", "line 2: not YAML: the key 'model' is"),
        ("data:\n  dataset: atis\n  dataset: snips", "line 3: not YAML: the key"),
    ],
)
def test_each_mistake_is_one_line_with_file_and_key(tmp_path, content, message):
    if isinstance(content, dict):
        content = GOOD | content
    path = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_recipe(path)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_augmentations_are_off_unless_they_are_asked_for(tmp_path):
    plain = read_recipe(write(tmp_path, speech())).data
    off = plain.time_shift, plain.signal_to_noise, plain.noise, plain.crops
    assert off == (0.0, None, 0.0, 0)
    changes = {"data.time_shift": 0.05, "data.signal_to_noise": [10, 30]}
    asked = read_recipe(write(tmp_path, speech()), changes).data
    assert (asked.time_shift, asked.signal_to_noise) == (0.05, [10.0, 30.0])


def test_missing_file_names_it(tmp_path):
    with pytest.raises(UserError, match=r"nothing.yaml: cannot be read"):
        read_recipe(tmp_path / "nothing.yaml")


def test_patience_needs_a_validation_part(tmp_path):
    content = GOOD | {"training": {"patience": 3}}
    content["data"] = {"dataset": "atis", "validation": None}
    with pytest.raises(UserError, match=r"training.patience needs data.validation"):
        read_recipe(write(tmp_path, content))


def test_validation_part_is_not_trained_on(tmp_path):
    content = GOOD | {"data": {"dataset": "atis", "train": ["train", "validation"]}}
    with pytest.raises(UserError, match=r"must not be one of data.train"):
        read_recipe(write(tmp_path, content))


def test_a_recipe_goes_over_what_it_extends(tmp_path):
    base = GOOD | {"training": {"epochs": 7, "seed": 3}}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    path = write(tmp_path, {"extends": "base.yaml", "training": {"epochs": 9}})
    recipe = read_recipe(path, {"data.batch_size": 4})
    assert recipe.model.name == "bi_gru_tagger"
    assert (recipe.training.epochs, recipe.training.seed) == (9, 3)
    assert recipe.data.batch_size == 4


def test_extending_goes_on_and_never_in_a_circle(tmp_path):
    (tmp_path / "first.yaml").write_text(yaml.safe_dump(GOOD))
    (tmp_path / "second.yaml").write_text("extends: first.yaml\ndata: {min_count: 2}")
    path = write(tmp_path, "extends: second.yaml\ndata: {batch_size: 4}")
    data = read_recipe(path).data
    assert (data.dataset, data.min_count, data.batch_size) == ("atis", 2, 4)
    (tmp_path / "first.yaml").write_text("extends: second.yaml")
    with pytest.raises(
        UserError, match=r"first.yaml: extends: .*second.yaml leads back"
    ):
        read_recipe(path)


def test_numbers_are_read_as_yaml_1_2_has_them(tmp_path):
    text = yaml.safe_dump(GOOD) + "training: {learning_rate: 1e-3, clip_norm: 2.5E1}"
    training = read_recipe(write(tmp_path, text)).training
    assert (training.learning_rate, training.clip_norm) == (0.001, 25.0)
    assert parse_overrides(["training.learning_rate=2e-3"]) == {
        "training.learning_rate": 0.002
    }


def test_merge_keys_may_be_used(tmp_path):
    text = "model: {name: bi_gru_tagger}\ndata: &a {dataset: atis}\n"
    text += "expected: {<<: {metric: slot_f1, value: 3.5, tolerance: 1}, value: 4.5}"
    assert read_recipe(write(tmp_path, text)).expected.value == 4.5


def test_overrides_are_checked_too(tmp_path):
    with pytest.raises(UserError, match=r"training.sed: unknown key"):
        read_recipe(write(tmp_path, GOOD), {"training.sed": 3})


def test_parse_overrides():
    texts = ["training.seed=2", "data.validation=null"]
    assert parse_overrides(texts) == {"training.seed": 2, "data.validation": None}
    with pytest.raises(UserError, match="KEY=VALUE"):
        parse_overrides(["training.seed"])


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda p: p.stem)
def test_recipes_of_the_zoo(path):
    recipe = read_recipe(path)
    architecture, tag = path.stem.split(".")
    assert recipe.model.name == architecture
    assert recipe.data.dataset == tag
    assert architecture in registry.list_models(pretrained=False)


def test_the_tasks_of_uci_har_differ_in_their_windows_alone():
    folder = RECIPES.parent / "many_to_one"
    tasks = [
        read_recipe(folder / f"bi_gru_series.{tag}.yaml").model_dump(
            exclude={"expected"}
        )
        for tag in ("uci_har", "uci_har_64")
    ]
    parts = [(task["data"].pop("train"), task["data"].pop("test")) for task in tasks]
    assert parts == [(["train"], "test"), (["train_64"], "test_64")]
    assert tasks[0] == tasks[1]


def test_every_slot_tagger_has_an_atis_recipe():
    taggers = registry.list_models("*_tagger", pretrained=False)
    assert {f"{name}.atis" for name in taggers} <= {p.stem for p in RECIPES.iterdir()}


def test_help_of_record_expected_writes_nothing(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("record_expected", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "record", lambda *_: pytest.fail("wrote a recipe"))
    with pytest.raises(SystemExit) as end:
        tool.main(["--help"])
    assert end.value.code == 0
    assert "usage" in capsys.readouterr().out
