import re
import shutil

import numpy as np
import pytest

import keras_seqzoo as seqzoo
from keras_seqzoo import registry
from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.models import SlotTagger
from keras_seqzoo.presets import store


@pytest.fixture(scope="module")
def tagger():
    return seqzoo.create("bi_gru_tagger", **SlotTagger.tiny())


@pytest.fixture
def preset(tagger, tmp_path):
    tagger.save_to_preset(tmp_path / "mine", metadata={"metric": "slot_f1", "value": 1})
    return tmp_path / "mine"


@pytest.fixture
def registered(monkeypatch):
    """Registrations of a test do not outlive it."""
    registry.architectures()
    monkeypatch.setattr(registry, "_architectures", dict(registry._architectures))


def test_list_models_filters():
    everything = seqzoo.list_models(pretrained=False)
    assert "bi_peephole_tagger" in everything and everything == sorted(everything)
    assert seqzoo.list_models("*lstm*_tagger", pretrained=False) == [
        "bi_lstm_tagger",
        "coupled_lstm_tagger",
        "lstm_tagger",
        "peephole_lstm_tagger",
    ]
    assert seqzoo.list_models(["gru_t*", "scrn_t*"], pretrained=False) == [
        "gru_tagger",
        "scrn_tagger",
    ]
    assert seqzoo.list_models(cell="gru", pattern="synced", pretrained=False) == [
        "bi_gru_tagger",
        "gru_tagger",
    ]
    assert seqzoo.list_models(pattern="ctc", cell="coupled_lstm", pretrained=False) == [
        "coupled_lstm_speech"
    ]
    assert seqzoo.list_models("no_such_*") == []
    assert all("." in name for name in seqzoo.list_models(pretrained=True))


@pytest.mark.parametrize("bad", [{"pattern": "sinced"}, {"cell": "gruu"}])
def test_list_models_names_a_bad_filter(bad):
    with pytest.raises(UserError, match=next(iter(bad.values()))):
        seqzoo.list_models(**bad)


@pytest.mark.parametrize("function", [seqzoo.create, seqzoo.load, seqzoo.info])
@pytest.mark.parametrize("name", ["bi_peephol_tagger", "bi_peephole_tagger.atiss"])
def test_a_wrong_name_is_answered_with_the_three_nearest(function, name):
    with pytest.raises(UserError) as error:
        function(name)
    message = str(error.value)
    assert name in message and "bi_peephole_tagger" in message
    assert message.count(",") == 2 and "\n" not in message


def test_register_refuses_duplicates_and_unknown_patterns(registered):
    def my_tagger(**overrides) -> SlotTagger:
        return SlotTagger(**overrides)

    registry.register(pattern="synced", cell="lstm")(my_tagger)
    assert "my_tagger" in seqzoo.list_models()
    assert seqzoo.create("my_tagger", **SlotTagger.tiny()).architecture == "my_tagger"
    with pytest.raises(ValueError, match="my_tagger"):
        registry.register(pattern="synced", cell="lstm")(my_tagger)
    with pytest.raises(ValueError, match="pattern='odd'"):
        registry.register(pattern="odd", cell="lstm")


def test_create_names_an_unknown_argument():
    with pytest.raises(UserError, match="'unitz'.*Allowed.*units"):
        seqzoo.create("gru_tagger", labels=["O"], unitz=3)


def test_create_with_a_bad_value_is_one_line():
    with pytest.raises(UserError, match="units|hidden_size") as error:
        seqzoo.create("clockwork_rnn_tagger", labels=["O"], units=7)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_load_a_preset_of_the_user(tagger, preset, tmp_path, kind):
    source = preset
    if kind == "zip":
        source = shutil.make_archive(str(tmp_path / "packed"), "zip", preset)
    loaded = seqzoo.load(source)
    inputs = tagger.example_inputs(2, 5)
    np.testing.assert_array_equal(loaded(inputs), tagger(inputs))
    assert loaded.architecture == "bi_gru_tagger" and loaded.labels == tagger.labels


def test_float16_presets_differ_by_rounding_only(tagger, tmp_path):
    tagger.save_to_preset(tmp_path / "half", dtype="float16")
    inputs = tagger.example_inputs(2, 5)
    loaded = seqzoo.load(tmp_path / "half")
    np.testing.assert_allclose(loaded(inputs), tagger(inputs), atol=5e-3)


@pytest.mark.parametrize("function", [seqzoo.create, seqzoo.load, seqzoo.info])
@pytest.mark.parametrize("name", ["", "bi_gru_tagger.", "a b?.c", None, 3])
def test_what_is_no_name_is_a_mistake_of_the_user(function, name):
    with pytest.raises(UserError) as error:
        function(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("filter", [3, ["*", 3]])
def test_a_filter_that_is_no_string(filter):
    with pytest.raises(UserError, match="sequence of strings"):
        seqzoo.list_models(filter)


def test_register_wants_the_class_of_the_model(registered):
    def my_tagger(**overrides):
        return SlotTagger(**overrides)

    with pytest.raises(ValueError, match="my_tagger must be annotated"):
        registry.register(pattern="synced", cell="lstm")(my_tagger)


def rewritten(preset, **changes):
    """The preset with another config, as someone with ill intent would write it."""
    read = store.read(preset)
    config = {k: v for k, v in read.config.items() if k not in ("format", "assets")}
    store.write(preset, {**config, **changes}, read.weights, read.assets, "")
    return preset


def test_presets_that_do_not_fit_the_package_name_their_config(preset):
    config = store.read(preset).config["config"]
    for changes in (
        {"architecture": "gru_taggr"},
        {"config": {**config, "units": "x"}},
        {"config": {**config, "colour": 1}},
        {"config": {**config, "word_length": 10**9}},
    ):
        with pytest.raises(PresetError, match=r"config\.json") as error:
            seqzoo.load(rewritten(preset, **changes))
        assert "\n" not in str(error.value) and "__init__" not in str(error.value)
        preset = rewritten(preset, architecture="bi_gru_tagger", config=config)
    with pytest.raises(PresetError, match="parameters='x'"):
        seqzoo.info(rewritten(preset, metadata={"parameters": "x"}))


@pytest.mark.parametrize(
    "change",
    [
        {"units": 1_000_000},
        {"units": 50_000},
        {"embedding_size": 10**9},
        {"num_layers": 100},
        {"cell": "scrn", "cell_arguments": {"context_units": 10**8}},
        {"character_filters": 10**9},
    ],
)
def test_a_config_far_beyond_its_weights_takes_no_memory(preset, change):
    config = store.read(preset).config["config"]
    with pytest.raises(
        PresetError, match=r"config\.json: .*size of its weights"
    ) as error:
        seqzoo.load(rewritten(preset, config={**config, **change}))
    assert "\n" not in str(error.value)


def test_a_config_of_a_million_layers_makes_none(preset):
    config = {**store.read(preset).config["config"], "num_layers": 10**6}
    with pytest.raises(PresetError, match=r"config\.json: .*at most 100"):
        seqzoo.load(rewritten(preset, config=config))


def test_nothing_in_a_config_is_executed(preset, tmp_path):
    config = store.read(preset).config["config"]
    touch = {"args": ["touch", str(tmp_path / "executed")]}
    for attack in (
        {"module": "subprocess", "class_name": "Popen", "config": touch},
        {"module": "os", "class_name": "function", "config": "abort"},
        {"class_name": "__lambda__", "config": {"value": "4wA="}},
    ):
        attack = {"registered_name": None, **attack}
        evil = {**config, "cell_arguments": {"activation": attack}}
        with pytest.raises(PresetError, match=r"config\.json"):
            seqzoo.load(rewritten(preset, config=evil))
    assert not (tmp_path / "executed").exists()


def test_an_architecture_is_not_loadable_and_says_what_is():
    with pytest.raises(UserError, match="bi_gru_tagger"):
        seqzoo.load("bi_gru_tagger")


def test_the_name_of_the_keras_model_may_be_chosen(preset, tmp_path):
    mine = seqzoo.create("gru_tagger", labels=["O"], units=2, name="mine")
    assert mine.name == "mine"
    loaded = seqzoo.load(preset, name="mine")
    assert loaded.name == "mine"
    inputs = loaded.example_inputs(2, 5)
    np.testing.assert_array_equal(loaded(inputs), seqzoo.load(preset)(inputs))
    loaded.save_to_preset(tmp_path / "again")  # weights are kept without the name
    np.testing.assert_array_equal(
        seqzoo.load(tmp_path / "again")(inputs), loaded(inputs)
    )


@pytest.mark.parametrize("folder", [None, 3])
def test_a_preset_is_saved_in_a_folder(tagger, folder):
    with pytest.raises(UserError, match=f"`folder` must be a path.*folder={folder}"):
        tagger.save_to_preset(folder)


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PresetError, match="nowhere"):
        seqzoo.load(tmp_path / "nowhere")
    with pytest.raises(PresetError, match="gone.zip"):
        seqzoo.load("gone.zip")


def test_info(preset):
    info = seqzoo.info("bi_peephole_tagger")
    assert (info.pattern, info.cell, info.pretrained) == (
        "synced",
        "peephole_lstm",
        False,
    )
    mine = seqzoo.info(preset)
    assert mine.value == 1 and mine.parameters and "slot_f1" in str(mine)
    assert mine.to_dict()["metric"] == "slot_f1"


def test_info_has_the_lists_of_a_preset():
    facts = seqzoo.info("bi_gru_series.uci_har")
    assert facts.to_dict()["lists"]["channels"] == ["x", "y", "z"]
    assert f"  {'channels':26} 3: x, y, z\n" in str(facts)
    tagger = seqzoo.info("gru_tagger.atis")
    assert len(tagger.to_dict()["lists"]["labels"]) > 100
    (line,) = [x for x in str(tagger).splitlines() if x.startswith("  labels ")]
    assert re.search(r" \d+: O, B-.*, \.\.\.$", line) and len(line) < 110
    assert seqzoo.info("gru_tagger").lists == {}


def test_a_url_of_another_kind():
    with pytest.raises(UserError, match=r"must begin with http://.*: ftp://host/a.b"):
        registry.load("ftp://host/a.b")
