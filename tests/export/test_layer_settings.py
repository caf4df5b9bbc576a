import keras
import numpy as np
import pytest

from keras_seqzoo.export.layer_settings import (
    all_layers,
    in_float32,
    plain_errors,
    stateless,
)


def test_all_layers_are_cells_wrapped_layers_and_the_front_end(tagger):
    found = all_layers(tagger)
    assert tagger.preprocessor in found
    assert len([x for x in found if "Cell" in type(x).__name__]) == 4  # 2 layers, both
    assert len({id(x) for x in found}) == len(found)


def stateful_model():
    x = keras.Input(batch_shape=(1, None, 2))
    return keras.Model(x, keras.layers.SimpleRNN(3, stateful=True)(x))


def test_a_stateful_layer_keeps_nothing_meanwhile():
    model, x = stateful_model(), np.ones((1, 4, 2), "float32")
    first, second = model(x), model(x)
    assert np.abs(first - second).max() > 1e-4
    carried = np.array(model.layers[-1].states[0])
    with pytest.raises(KeyError), stateless(model):
        np.testing.assert_array_equal(model(x), first)
        np.testing.assert_array_equal(model(x), first)
        raise KeyError
    assert model.layers[-1].stateful
    np.testing.assert_array_equal(model.layers[-1].states[0], carried)


def test_a_mixed_model_computes_in_float32_meanwhile():
    x = keras.Input((2,))
    mixed = keras.layers.Dense(3, dtype="mixed_bfloat16")
    half = keras.layers.Dense(3, dtype="float16")
    model = keras.Model(x, half(mixed(x)))
    with in_float32(model):
        assert mixed(np.ones((1, 2))).dtype == "float32"
        assert half.compute_dtype == "float16"  # so are its weights
    assert mixed(np.ones((1, 2))).dtype == "bfloat16"
    assert mixed.dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize("filtering", [True, False])
def test_errors_are_plain_meanwhile(filtering):
    before = keras.config.is_traceback_filtering_enabled()
    set_filtering = {
        True: keras.config.enable_traceback_filtering,
        False: keras.config.disable_traceback_filtering,
    }
    set_filtering[filtering]()
    try:
        with plain_errors():
            assert not keras.config.is_traceback_filtering_enabled()
        assert keras.config.is_traceback_filtering_enabled() == filtering
    finally:
        set_filtering[before]()
