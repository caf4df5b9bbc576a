# Needs make and Python 3.11 or 3.12; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed

.PHONY: demo test contract fuzz-export chaos-train lint format venv clean

demo: venv
	$(BIN)/python tools/demo.py

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 15 tests

# Every model, where `make test` tries some of them.
contract: venv
	SEQZOO_EVERY_MODEL=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/contract

fuzz-export: venv
	$(BIN)/python tools/fuzz_export.py

chaos-train: venv
	$(BIN)/python tools/chaos_train.py

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: $(STAMP)

# Runs again when the requirements change; a failed run leaves no stamp.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,onnx,datasets,music,plots]"
	touch $@

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
