# Two commands are enough:  make demo  (the whole circle on simulated customers)   make test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check lock
.DELETE_ON_ERROR:

demo: $(VENV)/ready
	$(BIN)/tenure demo

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 -m "not slow"

# what CI runs after the tests
check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m slow

$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tenure needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# maintainers: names, versions and hashes only, no address
lock:
	uv pip compile -q --generate-hashes --universal --python-version 3.11 --all-extras --group dev --no-header pyproject.toml -o requirements.lock
