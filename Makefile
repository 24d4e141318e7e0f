# Two commands do everything: `make demo` and `make test`. `make` alone is what CI runs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp

.DEFAULT_GOAL := all
.PHONY: all venv demo test test-long lint synth cdk bench bench-analysis reference screens

# Beside each other: mypy has one core, the tests wait for half of their time.
all: $(STAMP)
	@$(MAKE) --no-print-directory --jobs=2 lint test

# One pinned list for everyone; the project itself is installed from here.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned dependencies into $(VENV) (about 1.2 GB, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: $(STAMP)

demo: $(STAMP)
	@$(BIN)/deployer demo

test: $(STAMP)
	@$(BIN)/python -m tests

test-long: $(STAMP)
	@$(BIN)/python -m tests long

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

synth: $(STAMP)
	@$(BIN)/deployer lab cdk -- synth --quiet

# make cdk ARGS="diff"
cdk: $(STAMP)
	@$(BIN)/deployer lab cdk -- $(ARGS)

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

# make bench-analysis ARGS="--runs 100"
bench-analysis: $(STAMP)
	@$(BIN)/python -m benchmarks.analysis $(ARGS)

# docs/screens: what commands show in a lab; two minutes.
screens: $(STAMP)
	@$(BIN)/python -m docs.generate.screens

# docs/reference: the command line and the settings, as the code has them.
reference: $(STAMP)
	@$(BIN)/python -m docs.generate
