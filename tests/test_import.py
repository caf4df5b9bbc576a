"""The package's front: lazy names, documented and typed."""

import ast
import importlib
import inspect
import pathlib
import subprocess
import sys

import pytest

import keras_seqzoo

FILES = sorted(pathlib.Path(keras_seqzoo.__file__).parent.rglob("*.py"))
PUBLIC = [
    *(f"keras_seqzoo.{name}" for name in keras_seqzoo.__all__),
    *(f"keras_seqzoo.cells.{name}" for name in keras_seqzoo.cells.__all__),
    *(f"keras_seqzoo.layers.{name}" for name in keras_seqzoo.layers.__all__),
]


def in_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def public(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_import_loads_no_heavy_library():
    loaded = in_new_process(
        "import sys, keras_seqzoo, keras_seqzoo.cli\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'pydantic', 'rich', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert loaded == "[]"


def test_import_is_fast():
    seconds = in_new_process(
        "import time; start = time.perf_counter(); import keras_seqzoo\n"
        "print(time.perf_counter() - start)"
    )
    assert float(seconds) < 0.1


def test_dir_lists_the_public_names_without_loading_them():
    missing = in_new_process(
        "import sys, keras_seqzoo\n"
        "print(set(keras_seqzoo.__all__) - set(dir(keras_seqzoo)),"
        " 'tensorflow' in sys.modules)"
    )
    assert missing == "set() False"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tagger'"):
        keras_seqzoo.tagger  # noqa: B018


def test_star_import_brings_every_name():
    names = {}
    exec("from keras_seqzoo import *", names)
    assert set(keras_seqzoo.__all__) <= set(names)


@pytest.mark.parametrize(
    "first",
    ["import keras_seqzoo.export", "from keras_seqzoo.export import ExportReport", ""],
)
def test_export_is_callable_however_it_was_imported(first):
    said = in_new_process(
        f"{first}\n"
        "import keras_seqzoo as seqzoo\n"
        "try:\n"
        "    seqzoo.export(None, 'model.unknown')\n"
        "except ValueError as error:\n"
        "    print('refused')\n"
        "import keras_seqzoo.export as module\n"
        "print(module.ExportReport.__name__)"
    )
    assert said.split() == ["refused", "ExportReport"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_has_a_docstring(name):
    assert inspect.getdoc(public(name))


def public_functions(body: list[ast.stmt]) -> list[ast.FunctionDef]:
    """The public functions, and the methods of public classes, of a module's body."""
    found = []
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += public_functions(node.body)
        elif isinstance(node, ast.FunctionDef):
            special = node.name.startswith("__")
            if special or not node.name.startswith("_"):
                found.append(node)
    return found


def test_public_functions_have_type_hints():
    missing = []
    for file in FILES:
        for function in public_functions(ast.parse(file.read_text("utf-8")).body):
            given = function.args
            arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            arguments += filter(None, [given.vararg, given.kwarg])
            missing += [
                f"{file.name}:{function.lineno}: {function.name}({argument.arg})"
                for argument in arguments
                if argument.annotation is None and argument.arg not in ("self", "cls")
            ]
    assert not missing
