"""Random models of one layer; `make fuzz-export` tries many more, in all formats.

A failure prints a `Drawn`, which `export.random_models.build` makes a model of again.
"""

from export.random_models import drawn_models
from export.random_parity import PATHS, check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=drawn_models(depth=1), form=st.sampled_from(list(PATHS)))
def test_random_models(drawn, form, tmp_path_factory):
    check(drawn, form, tmp_path_factory.mktemp("drawn"))
