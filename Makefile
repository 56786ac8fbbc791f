# Every target makes what it needs. The first of them sets up .venv with the tested versions.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCHMARK := --benchmark-only --benchmark-autosave

.PHONY: help quickstart test test-slow lint types benchmarks benchmarks-compare benchmarks-peers busy-machine kills faults two-runs large-study plan-accuracy growth coverage gpu-check docs docs-pictures clean

help:  ## Show what there is to make.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

quickstart: $(READY) data/quick.zip  ## Train the quick grid and print its leaderboard.
	$(BIN)/bench run --grid grids/quick.yaml
	$(BIN)/bench report results/quick
	@echo "The command bench is in $(BIN): run . $(BIN)/activate to call it by its name."

test: $(READY)  ## Run the tests.
	$(BIN)/python -m pytest -m "not slow and not gpu"

test-slow: $(READY)  ## Run the tests that take minutes.
	$(BIN)/python -m pytest -m slow

lint: $(READY)  ## Check style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## Check the types.
	$(BIN)/mypy

benchmarks: $(READY)  ## Time the parts side by side.
	$(BIN)/python -m pytest tests/benchmarks $(BENCHMARK)

benchmarks-compare: $(READY)  ## The same, beside the last time.
	$(BIN)/python -m pytest tests/benchmarks $(BENCHMARK) --benchmark-compare

benchmarks-peers: $(READY)  ## Time the training beside other libraries', which this installs.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement tests/benchmarks/peers/requirements.txt
	$(BIN)/python -m pytest tests/benchmarks/peers $(BENCHMARK)

busy-machine: $(READY)  ## Whether throughput holds beside a program that takes a core in bursts.
	$(BIN)/python tests/benchmarks/busy_machine.py

kills: $(READY)  ## Whether a grid that is killed again and again ends as one left alone.
	$(BIN)/python tests/simulations/kills.py

faults: $(READY)  ## Whether faults of 20 kinds cost no more than the cells that they strike.
	PYTHONPATH=tests $(BIN)/python tests/simulations/faults.py

two-runs: $(READY)  ## Whether two runs that share one study train each cell once.
	$(BIN)/python tests/simulations/two_runs.py

large-study: $(READY)  ## What a study of 5,000 cells takes: files, bytes, time, memory.
	$(BIN)/python tests/simulations/large_study.py

plan-accuracy: $(READY) data/quick.zip  ## How near the plan of the quick grid comes to what it takes.
	$(BIN)/python tests/simulations/plan_accuracy.py

growth: $(READY)  ## How time and memory grow with cells, samples and image size.
	$(BIN)/python tests/benchmarks/growth.py

coverage: $(READY)  ## How often intervals, ranks and races are right where the truth is known.
	$(BIN)/python -m tests.simulations.coverage

docs: $(READY)  ## Build the documentation as build/docs/index.html; a broken link is an error.
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env docs build/docs

docs-pictures: $(READY)  ## Take the README's pictures of the published studies anew.
	$(BIN)/python docs/pictures.py

gpu-check: $(READY)  ## On a CUDA machine: its tests, speed ratios and a study, in nine minutes.
	$(BIN)/python -m tests.gpu_check

data/quick.zip: | $(READY)
	$(BIN)/bench data make $@ --backgrounds 20 --foregrounds 15 --placements 2

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:  ## Remove what the other targets made, but not results/.
	rm -rf $(VENV) data
