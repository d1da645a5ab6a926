# `make run`: from a WARC to a trained small model. `make test`: everything that must hold.
# Both make their own environment in .venv; neither needs more than a Python and a package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORPUS ?= runs/sample
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() or 1)')

.PHONY: run test check env java clean

run: env
	$(BIN)/pipeline sample $(CORPUS)
	$(BIN)/pipeline run jobs/recipes/quickstart.yaml --workers $(WORKERS)

test: check java
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

env: $(VENV)/.installed

# The constraints pin what was tested together; torch above all, whose newest build may bring gigabytes of CUDA.
$(VENV)/.installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[spark,train,remote,fit,dev]'
	touch $@

java:
	.ci/java

clean:
	rm -rf $(VENV) runs build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
