"""The code in docs/phones.md names what a shipped tagger's file really has."""

import pathlib
import re

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_seqzoo import load, runtime
from keras_seqzoo.export import export

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "phones.md"
LANGUAGES = ("kotlin", "swift")
PRIMITIVES = {
    "kotlin": {"IntArray": "int32", "FloatArray": "float32"},
    "swift": {"Int32": "int32", "Float32": "float32"},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The file that the document's command writes."""
    (tag,) = re.findall(r"seqzoo export (\S+) tagger\.tflite", DOCS.read_text())
    path = tmp_path_factory.mktemp("phones") / "tagger.tflite"
    export(load(tag), path, streaming=True, batches=(1,), lengths=(2,))
    return path


@pytest.fixture(scope="module")
def tensors(path):
    """(signature, kind, name) -> (dtype, sizes) as the interpreter has them."""
    interpreter = Interpreter(model_path=str(path))
    found = {}
    for signature in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(signature)
        for kind in ("input", "output"):
            for name, detail in getattr(runner, f"get_{kind}_details")().items():
                sizes = tuple(int(size) for size in detail["shape_signature"])
                key = (signature, kind, name)
                found[key] = (np.dtype(detail["dtype"]).name, sizes)
    return found


@pytest.fixture(scope="module", params=LANGUAGES)
def snippet(request):
    """(language, code) of the longest block in it, the one that holds the class."""
    blocks = re.findall(rf"```{request.param}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return request.param, max(blocks, key=len)


def test_the_table_is_the_signature_list(tensors):
    free = {"batch": -1, "length": -1}
    rows = {}
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or cells[1] not in ("input", "output"):
            continue
        signatures, kind, name, dtype, shape = cells
        sizes = tuple(free.get(s) or int(s) for s in shape.split(", "))
        for signature in re.findall(r"`(\w+)`", signatures):
            rows[signature, kind, name.strip("`")] = (dtype, sizes)
    # The interpreter knows free sizes of outputs only once it has run.
    assert rows.keys() == tensors.keys()
    for key, (dtype, sizes) in tensors.items():
        fixed = [size if size > 0 else None for size in sizes]
        documented = [None if s < 0 else s for s in rows[key][1]]
        assert (dtype, fixed) == (rows[key][0], documented), key


def test_code_uses_every_name_and_no_other(snippet, tensors):
    _, code = snippet
    names = {name for _, _, name in tensors} | {key for key, _, _ in tensors}
    assert set(re.findall(r'"([a-z][a-z_0-9]+)"', code)) == names


def test_code_is_short(snippet):
    assert len(snippet[1].splitlines()) <= 200


def test_states_go_to_the_next_step(snippet, path):
    _, code = snippet
    pairs = re.findall(r'"(\w+)"(?: to|:) "(\w+)"', code)
    states = runtime.load(path).description["initial_states"]
    assert pairs == [(state["name"], state["next"]) for state in states]
    assert all(state["value"] == 0 for state in states)


def test_arrays_have_the_rank_and_dtype(snippet, tensors):
    language, code = snippet
    ranks = {name: len(sizes) for (_, _, name), (_, sizes) in tensors.items()}
    dtypes = {name: dtype for (_, _, name), (dtype, _) in tensors.items()}
    made = _kotlin_arrays(code) if language == "kotlin" else _swift_arrays(code)
    assert made.keys() == {"words", "characters", "labels", "scores", "state_0"}
    for name, (dtype, rank) in made.items():
        assert dtype == dtypes[name], name
        assert rank in (ranks[name], None), name


def _kotlin_arrays(code):
    """name -> (dtype, rank) of the nested arrays."""
    names = {"best": "labels", "scores": "scores"}
    found = re.findall(r'"(words|characters)" to (arrayOf.*)', code)
    found += re.findall(r"val (best|scores) = (arrayOf.*)", code)
    found += [("state_0", one) for one in re.findall(r"-> (arrayOf\(Float.*)", code)]
    arrays = {}
    for name, made in found:
        (primitive,) = re.findall("IntArray|FloatArray", made)
        rank = len(re.findall(r"\b(?:arrayOf|Array|IntArray|FloatArray)\(", made))
        arrays[names.get(name, name)] = (PRIMITIVES["kotlin"][primitive], rank)
    return arrays


def _swift_arrays(code):
    """name -> (dtype, rank) of the flat arrays; outputs and states have no rank."""
    shapes = dict(re.findall(r'resizeInput\(named: "(\w+)", toShape: \[(.*?)\]', code))
    primitives = {
        "words": re.search(r"let wordIds = .* -> (\w+) in", code)[1],
        "characters": re.search(r"let characterIds = .* -> \[(\w+)\] in", code)[1],
        "labels": re.search(r"let \w+: \[(\w+)\] = .*\"labels\"", code)[1],
        "scores": re.search(r"let \w+: \[(\w+)\] = .*\"scores\"", code)[1],
        "state_0": re.search(r"\[(\w+)\]\(repeating: 0, count: size\)", code)[1],
    }
    return {
        name: (
            PRIMITIVES["swift"][primitive],
            len(shapes[name].split(",")) if name in shapes else None,
        )
        for name, primitive in primitives.items()
    }


def test_what_is_said_of_the_ids(path):
    """The document's four rules, word for word, give the runtime's labels."""
    tagger = runtime.load(path)
    sentence = "Flights from BOSTON at 7:30pm to supercalifragilisticexpialidocious"
    words = {word: i for i, word in enumerate(tagger.vocabulary, 2)}
    characters = {one: i for i, one in enumerate(tagger.characters, 2)}
    known = [re.sub("[0-9]", "0", word.lower()) for word in sentence.split()]
    spelt = [[characters.get(one, 1) for one in word[:16]] for word in known]
    answer = tagger(
        {
            "words": [[words.get(word, 1) for word in known]],
            "characters": [[ids + [0] * (16 - len(ids)) for ids in spelt]],
        }
    )
    labels = [tagger.labels[label] for label in answer["labels"][0]]
    expected = tagger.predict_text([sentence])[0]
    assert list(zip(sentence.split(), labels, strict=True)) == expected
    assert len(set(labels)) >= 3
