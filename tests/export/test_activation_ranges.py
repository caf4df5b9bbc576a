"""Each activation's int8 scale is that of its own numbers."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import ops

from keras_seqzoo.export import export
from keras_seqzoo.export.activation_ranges import (
    of_products,
    with_readers,
    without_readers,
)
from keras_seqzoo.export.tflite import operators
from keras_seqzoo.export.weights_only import packed
from keras_seqzoo.layers import ClockworkRNN
from keras_seqzoo.preprocessing.log_mel import LogMel
from keras_seqzoo.runtime import load

STRIDED_SLICE = schema.BuiltinOptions.StridedSliceOptions


def sequences(length=20):
    random = np.random.default_rng(0)
    return [random.normal(size=(1, length, 4)).astype("float32") for _ in range(2)]


def largest_difference(model, data, path, length=20):
    """Between the model's full_int8 file and Keras, on the data."""
    export(
        model,
        path,
        quantize="full_int8",
        representative_data=data,
        streaming=False,
        tolerance=1e9,
        batches=(1,),
        lengths=(length,),
    )
    run = load(path)
    answers = [next(iter(run({"x": x}).values())) for x in data]
    return max(np.abs(y - model(x)).max() for x, y in zip(data, answers))


def test_what_is_written_over_a_tensor_does_not_set_its_scale(tmp_path):
    # ABS writes numbers up to 1, and MUL, where LiteRT lets it, over them others up
    # to 200: a scale for those would leave 0 and 1 of the former, 50 off or more.
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 4), name="x")
    h = keras.layers.Dense(8, activation="tanh")(x)
    model = keras.Model(x, ops.abs(h) * 200.0 - 100.0)
    assert largest_difference(model, sequences(), tmp_path / "x.tflite") < 10


def test_a_state_gathers_less_than_its_int8_scale_a_step(tmp_path):
    # The update gate is 0.9991, of which the nearest in int8 is 255/256: four times
    # too fast.
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 4), name="x")
    layer = keras.layers.GRU(8)
    model = keras.Model(x, layer(x))
    kernel, recurrent_kernel, bias = layer.get_weights()
    kernel[:, :8], bias[0, :8] = 0, 7
    layer.set_weights([kernel, 0 * recurrent_kernel, bias])
    data = [1 + x for x in sequences(60)]
    largest = np.abs(model(data[0])).max()
    assert largest > 0.02
    assert largest_difference(model, data, tmp_path / "x.tflite") < 0.1 * largest


def test_what_is_joined_with_a_product_keeps_its_range(tmp_path):
    # Numbers up to 50 are stacked with a Dense layer's, which are a tenth of that.
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 4), name="x")
    narrow, wide = keras.layers.Dense(4)(x), 50.0 * ops.tanh(x)
    both = ops.reshape(ops.stack([narrow, wide], axis=-2), (-1, 20, 8))
    model = keras.Model(x, keras.layers.Dense(3)(both))
    assert np.abs(model(sequences()[0])).max() > 20
    assert largest_difference(model, sequences(), tmp_path / "x.tflite") < 2


def test_a_part_has_the_range_of_the_whole(tmp_path):
    # Of other ranges the quantiser says that they "violate the same scale constraint".
    x = keras.Input((None, 4), name="x")
    h = keras.layers.Dense(8, activation="tanh")(x)
    parts = [keras.layers.Dense(3)(h[:, 1:]), keras.layers.Dense(3)(h[:, :-1])]
    path = tmp_path / "x.tflite"
    model = keras.Model(x, parts[0] + parts[1])
    export(model, path, streaming=False, batches=(1,), lengths=(20,))
    file = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    for number, tensor in enumerate(file.subgraphs[0].tensors):
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.min, tensor.quantization.max = [-1.0], [1.0 + number]
    (graph,) = schema.ModelT.InitFromPackedBuf(of_products(packed(file)), 0).subgraphs
    slices = [one for one in graph.operators if one.builtinOptionsType == STRIDED_SLICE]
    ranges = {
        float(graph.tensors[i].quantization.max[0])
        for one in slices
        for i in (one.inputs[0], one.outputs[0])
        if graph.tensors[i].type == schema.TensorType.FLOAT32
    }
    assert len(slices) >= 2 and len(ranges) == 1


def test_a_kernel_that_is_computed_stays_as_it_is(tmp_path):
    keras.utils.set_random_seed(0)
    samples = keras.Input((None,), name="x")
    frames = LogMel(8000, 20)(samples)
    model = keras.Model(samples, keras.layers.Dense(3)(frames))
    random = np.random.default_rng(0)
    data = [random.normal(size=(1, 4000)).astype("float32") for _ in range(2)]
    assert largest_difference(model, data, tmp_path / "x.tflite", 4000) < 0.2


def test_the_clock_of_a_step_stays_exact(tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 4), name="x")
    h = ClockworkRNN(4, (1, 7), return_sequences=True)(x)
    report = export(
        keras.Model(x, h),
        tmp_path / "x.tflite",
        quantize="full_int8",
        representative_data=sequences(),
        streaming=True,
        batches=(1,),
        lengths=(9,),
    )
    assert report.step_difference < 0.1


@pytest.mark.parametrize("unroll", [False, True])
def test_readers_leave_nothing_behind(unroll, tmp_path):
    x = keras.Input((3, 4), name="x")
    h = keras.layers.GRU(5, return_sequences=True, unroll=unroll)(x)
    path = tmp_path / "x.tflite"
    export(keras.Model(x, h), path, streaming=False, batches=(1,), lengths=(3,))
    content = path.read_bytes()
    read = with_readers(content)
    assert operators(read)["SHAPE"] > operators(content).get("SHAPE", 0)
    assert operators(without_readers(read)) == operators(content)
    # Nothing else is lost or added on the way.
    assert without_readers(with_readers(without_readers(read))) == without_readers(read)
