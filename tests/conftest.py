"""Settings for all tests: one thread a process, quick compilation, few messages."""

import gc
import os
import pathlib

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Models here are tiny: their compilation takes far longer than their computation.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false",
)
gc.set_threshold(100_000, 50, 100)  # Traced graphs are many objects that stay.

DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="module", autouse=True)
def _live_objects_are_not_searched():
    """The converter collects garbage at each call: only among what came since."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir() -> str:
    """The folder of the real data sets, which stands beside the project."""
    if not DATA.is_dir():
        pytest.skip("needs the real data sets in ../shared/data, beside the project")
    return str(DATA)
