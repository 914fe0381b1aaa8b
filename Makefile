# The three things anyone needs: make run, make test, make lint. Each installs what it needs into .venv first.
PYTHON ?= python3
JOBS ?= auto
VENV := .venv
BIN := $(VENV)/bin
# one thread, and memory that was taken once is kept: else some runs pay for getting it from the system and some do not
MEASURED := OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824

.DEFAULT_GOAL := help
.PHONY: help run small test nightly bench bench-compare bench-accept bench-gpu gpu lint ui docs docs-assets clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

run: $(VENV)/.run  ## the study `fiam` on drawn scenes: table, figures, MLflow (more with ARGS="data=...")
	$(BIN)/python -m bench.run ablation=fiam $(ARGS)

small: $(VENV)/.small  ## FIAM and TMEM on and off from pretrained weights at 192 px (more with ARGS="data=...")
	$(BIN)/python -m bench.run ablation=modules scale=small $(ARGS)

test: $(VENV)/.dev  ## the default test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) $(ARGS)

nightly: $(VENV)/.dev  ## what takes minutes: every study, every mixture, full-size reference outputs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "slow or reference" $(ARGS)

bench: $(VENV)/.dev  ## how long things take, in multiples of a fixed piece of work: runs/bench/bench.md (a minute)
	mkdir -p runs/bench
	$(MEASURED) $(BIN)/python -m pytest tests/speed -m "not slow" -o addopts=--import-mode=importlib --benchmark-only \
		--benchmark-timer=time.process_time --benchmark-disable-gc --benchmark-json=runs/bench/bench.json -q $(ARGS)
	$(BIN)/python -m tests.speed.summary write

bench-compare: bench  ## the same, and fails where something takes 20 % longer than tests/speed/ratios.json says
	$(BIN)/python -m tests.speed.summary compare

bench-accept: $(VENV)/.dev  ## keeps what `make bench` measured last: tests/speed/ratios.json and docs/performance.md
	$(BIN)/python -m tests.speed.summary accept

bench-gpu: $(VENV)/.dev  ## images a second on a CUDA device, by precision and compiled: runs/bench/gpu.json (ten minutes)
	$(BIN)/python -m tests.speed.gpu $(ARGS)

gpu: $(VENV)/.dev  ## what only a CUDA device can show: ten minutes on one (docs/gpu.md)
	$(BIN)/python -m pytest -m gpu $(ARGS)

lint: $(VENV)/.dev  ## ruff, mypy and the walls between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

ui: $(VENV)/.run  ## MLflow's pages on http://127.0.0.1:5000, for this machine alone; all studies: runs/reports/index.html
	@echo "All studies, no server needed: $(CURDIR)/runs/reports/index.html"
	$(BIN)/python -m bench.track ui $(ARGS)

docs: $(VENV)/.docs  ## these pages and the docstrings as a site to open from disk: build/docs/index.html
	rm -rf build/docs build/docs-read # Sphinx warns of a page once, and keeps pages that are gone
	$(BIN)/python -m sphinx -W --keep-going --quiet -j auto -b html -d build/docs-read docs build/docs
	@echo "Open $(CURDIR)/build/docs/index.html"

docs-assets: run  ## README's table and the docs' pictures, from a real run of `make run`
	$(BIN)/python -m reports.assets ablation=fiam
	$(BIN)/python -m bench.refer out=data/synthetic preview=12
	mv data/synthetic/preview.png docs/assets/refer-preview.png

clean:  ## the environment and caches; runs/ and data/ stay
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.small: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[pretrained]"
	@touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@touch $@ $(VENV)/.run

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ $(VENV)/.run $(VENV)/.docs
