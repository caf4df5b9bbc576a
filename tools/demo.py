"""The whole road in a few minutes, offline: tag, fine-tune, export, run the files.

`make demo` runs this. What it writes goes to runs/demo.
"""

import pathlib
import sys

from keras_seqzoo.native_log import quiet
from keras_seqzoo.printing import print_table, words_over_slots

TAG = "bi_peephole_tagger.atis"
SENTENCES = [
    "i would like to arrive in oulu on november second",
    "show me the cheapest flights from boston to san francisco tomorrow morning",
]
TICKET = "two tickets from oulu to tampere on friday please"
FOLDER = pathlib.Path("runs/demo")


def main():
    import keras_seqzoo as seqzoo

    title(f"1. A pretrained tagger: {TAG}")
    tagger = seqzoo.load(TAG)
    for sentence in tagger.predict_text(SENTENCES):
        print(words_over_slots(sentence, width=88), end="\n\n")

    title("2. Fine-tuning on another task: train tickets, 6 slots, a few sentences")
    mine = fine_tune()
    print(words_over_slots(mine.predict_text([TICKET])[0], width=88), end="\n\n")
    mine.save_to_preset(FOLDER / "ticket_tagger")
    mine = seqzoo.load(FOLDER / "ticket_tagger")

    title("3. Exporting to the phone and elsewhere; each file runs in its own runtime")
    files = {
        "TFLite": ("tickets.tflite", {}),
        "TFLite int8": ("tickets.int8.tflite", {"quantize": "int8"}),
        "ONNX": ("tickets.onnx", {}),
        "SavedModel": ("tickets_saved_model", {}),
    }
    reports = {
        format: seqzoo.export(mine, FOLDER / name, overwrite=True, **options)
        for format, (name, options) in files.items()
    }
    slots = {
        "Keras": [slot for _, slot in mine.predict_text([TICKET])[0]],
        "TFLite": slots_by_tflite(mine, FOLDER / "tickets.tflite"),
        "TFLite int8": slots_by_tflite(mine, FOLDER / "tickets.int8.tflite"),
        "ONNX": slots_by_onnx(mine, FOLDER / "tickets.onnx"),
        "SavedModel": slots_by_saved_model(FOLDER / "tickets_saved_model"),
    }
    print_table(["word", *slots], zip(TICKET.split(), *slots.values(), strict=True))

    title("The files")
    print_table(
        ["format", "size", "largest difference", "latency", "operators"],
        [
            [
                name,
                f"{report.bytes / 1e6:.2f} MB",
                f"{report.max_difference:.1e}",
                f"{report.latency_ms:.2f} ms",
                f"{sum(report.operators.values())} of {len(report.operators)} kinds",
            ]
            for name, report in reports.items()
        ],
    )
    words = reports["TFLite"].latency_shape[1]
    print(f"\nLatency: one sentence of {words} words on one thread. Files: {FOLDER}/")
    wrong = [name for name, found in slots.items() if found != slots["Keras"]]
    if wrong:
        sys.exit(f"{', '.join(wrong)}: other slots than Keras")


def fine_tune():
    """The pretrained body with a new head, trained with plain Keras."""
    import keras

    import keras_seqzoo as seqzoo
    from keras_seqzoo.datasets.catalogue import read
    from keras_seqzoo.datasets.tagging import tagging_dataset
    from keras_seqzoo.training import task_of

    train, test = read("train_tickets", "train"), read("train_tickets", "test")
    labels = sorted({slot for row in train for slot in row.slots})
    keras.utils.set_random_seed(1)
    mine = seqzoo.load(TAG, labels=labels)
    batches = tagging_dataset(
        [row.words for row in train], [row.slots for row in train], mine, batch_size=8
    )

    def show_f1(when):
        f1 = task_of(mine.architecture).scorer(mine, test)()
        print(f"slot F1 on {len(test)} unseen sentences, {when:<26} {f1:5.1f}")

    def fit(learning_rate, epochs):
        mine.compile(
            optimizer=keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
            loss=keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=-1
            ),
        )
        mine.fit(batches, epochs=epochs, shuffle=False, verbose=0)  # shuffled already

    show_f1("new head, untrained:")
    for layer in mine.layers:
        layer.trainable = layer.name in mine.head_layers
    fit(learning_rate=5e-3, epochs=5)
    show_f1("head trained, body frozen:")
    mine.trainable = True
    fit(learning_rate=2e-3, epochs=20)
    show_f1("all layers trained:")
    return mine


def slots_by_tflite(model, path):
    """Ids in, label ids out, in plain LiteRT as on a phone."""
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(str(path)).get_signature_runner("serve")
    return [model.labels[i] for i in serve(**ids(model))["labels"][0]]


def slots_by_onnx(model, path):
    """The same in onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [model.labels[i] for i in session.run(["labels"], ids(model))[0][0]]


def slots_by_saved_model(path):
    """Text in, slots out, in TensorFlow."""
    import tensorflow as tf

    serve_text = tf.saved_model.load(path).signatures["serve_text"]
    slots = serve_text(text=tf.constant([TICKET]))["slots"]
    return [slot.decode() for slot in slots[0].numpy()]


def ids(model):
    return {name: x.numpy() for name, x in model.preprocessor([TICKET]).items()}


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


if __name__ == "__main__":
    with quiet():
        main()
