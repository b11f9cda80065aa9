# The targets call the `mlops` command line in .venv; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Each target installs the extras that it needs. WANTED lists all of them, so that uv is called only once.
ALL := lab azure dask runtimes test
EXTRAS = $(ALL)
WANTED =
INSTALL = @python=$$(bash .ci/find-python) && "$$python" .ci/install
extras = $(addprefix $(READY)-,$(1))
PYTEST := $(BIN)/python -m pytest
# The tests of a file share a home or a run, so one worker runs the whole file, and all files of a group in
# tests/support/spread.py. Slow tests share little, so an idle worker takes tests from another worker.
SPREAD := --dist loadfile --no-loadscope-reorder -n
SPREAD_SLOW := --dist worksteal -n
# The tests wait for processes, notebooks and Azurite in half of the time, so there are more workers than cores.
WORKERS := 4
NBVAL := $(PYTEST) --nbval-lax --nbval-sanitize-with notebooks/sanitize.cfg -p no:cacheprovider
# The lock is only for Linux and macOS with Python 3.11 or 3.12, so markers that are true for all of these are removed.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
# rfc3987-syntax builds a grammar when nbformat is imported. This takes a second per kernel, for checks that nothing uses.
OMIT := --no-emit-package rfc3987-syntax --no-emit-package lark
# Writes the list of packages for `make run` or for an extra. The versions and hashes come from requirements.lock.
LIST = $(filter-out --generate-hashes,$(COMPILE)) $(OMIT) --no-annotate -c requirements.lock
UNMARK := sed -E "s/ ; python_full_version < '3.13' and \(sys_platform == 'darwin' or sys_platform == 'linux'\)//"

$(foreach extra,$(filter-out $(ALL),$(EXTRAS)),$(error EXTRAS: There is no extra '$(extra)'. Choose from: $(ALL)))

# Without a cache that it can write to, uv fails. Users of containers often have no home folder.
CACHE := "$${UV_CACHE_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/uv}"
ifeq ($(shell mkdir -p $(CACHE) 2>/dev/null && [ -w $(CACHE) ] && echo writable),)
export UV_NO_CACHE := 1
export PIP_NO_CACHE_DIR := 1
endif

# A failed check ends with the command that fixes it.
fix = || { echo 'To fix this: $(1)' >&2; exit 1; }

.PHONY: help setup run stop test test-all test-azure azurite bench simulations lint lab ui nbval notebooks lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: WANTED = $(EXTRAS)
setup: $(READY) $(call extras,$(EXTRAS))  ## install everything into .venv; with EXTRAS="azure dask", only these extras

# A virtual environment has absolute paths, so it is created again after the project was moved or copied. It is also
# created again if PYTHON is set and has another version. The shell reads the current path itself, because the path can
# contain quotes.
CONFIG := $(VENV)/pyvenv.cfg
CREATED_AT := sed -n 's/^command = .* -m venv //p' $(CONFIG)
MOVED := $(shell [ ! -f $(CONFIG) ] || $(CREATED_AT) | grep -qxF "$$(pwd -P)/$(VENV)" || echo moved)
SERIES := 'import sys; print("%d.%d" % sys.version_info[:2])'
CREATED_WITH := grep -q "^version = $$('$(PYTHON)' -c $(SERIES) 2>&1)[.]" $(CONFIG)
OTHER := $(if $(PYTHON),$(shell [ ! -f $(CONFIG) ] || $(CREATED_WITH) || echo other))
.PHONY: moved other
moved other:

$(READY): requirements.lock pyproject.toml .ci/uv.lock .ci/packages/base.txt $(MOVED) $(OTHER)
	$(INSTALL) $(WANTED)

$(READY)-%: .ci/packages/%.txt $(READY)
	$(INSTALL) $* $(WANTED)

run: $(READY)  ## test the data, retrain and release on this machine
	@$(BIN)/mlops run all

stop: $(READY)  ## stop the services
	@$(BIN)/mlops stop

test: WANTED = $(ALL)
test: $(call extras,$(ALL))  ## run unit tests, data tests, notebook regression and the end-to-end run
	@$(PYTEST) -m "not slow" $(SPREAD) $(WORKERS)

test-all: test azurite  ## run all tests, including the slow ones: browser, Azure, azure-pipelines.yml, killed processes
	@MAKEFLAGS= MFLAGS= $(PYTEST) -m slow $(SPREAD_SLOW) $(WORKERS)

test-azure: WANTED = azure test
test-azure: $(call extras,azure test) azurite  ## run the tests of the platform azure against a test double of Azure (needs npm)
	@$(PYTEST) tests/backends -k azure $(SPREAD_SLOW) $(WORKERS)

azurite: .ci/azurite/node_modules/.ready

.ci/azurite/node_modules/.ready: .ci/azurite/package-lock.json
	@npm ci --prefix .ci/azurite --no-audit --no-fund --loglevel=error
	@touch $@

bench: WANTED = test
bench: $(call extras,test)  ## compare speed and memory with papermill; REPEATS=1 ONLY=eight for a short run
	@PYTHONPATH=tests:tests/support:tests/support/problems $(BIN)/python -m benchmarks $(if $(REPEATS),--repeats $(REPEATS)) $(foreach name,$(ONLY),--only $(name))

nbval: WANTED = test
nbval: $(call extras,test)  ## run the notebooks in a scratch MLOPS_HOME and compare them with the committed outputs
	@$(NBVAL) notebooks $(call fix,make notebooks (if the new outputs are right))

notebooks: WANTED = test
notebooks: $(call extras,test)  ## run the notebooks and update their committed outputs; with CONFIRM=1, also the results that they declare
	@CONFIRM='$(CONFIRM)' $(BIN)/python tests/notebooks/refresh.py

simulations: WANTED = test
simulations: $(call extras,test)  ## measure the error rates of the gate, the segments and the data test (20 minutes); ONLY=gate for a part
	@PYTHONPATH=tests:tests/support $(BIN)/python -m simulations $(foreach name,$(ONLY),--only $(name))

lint: WANTED = test
lint: $(call extras,test)  ## check style, types, layers, and notebooks for stray outputs
	@$(BIN)/ruff check . $(call fix,$(BIN)/ruff check --fix .)
	@$(BIN)/ruff format --check . $(call fix,$(BIN)/ruff format .)
	@$(BIN)/mypy
	@$(BIN)/lint-imports $(call fix,read "How the structure is enforced" in docs/development.md)
	@$(BIN)/nbstripout --verify --keep-count --keep-id notebooks/*.ipynb $(call fix,make notebooks)

lab: WANTED = lab
lab: $(call extras,lab)  ## open the notebooks in JupyterLab; pass options with ARGS="--no-browser --port 9000"
	@$(BIN)/jupyter lab notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

ui: .venv-ui/.ready  ## serve MLflow's page of all trainings
	@$(BIN)/mlops ui

.venv-ui/.ready: $(READY) .ci/ui.lock
	@bash .ci/make-venv .venv-ui
	@echo "installing MLflow's page into .venv-ui ..."
	@$(BIN)/uv pip install --quiet --python .venv-ui/bin/python --require-hashes --compile-bytecode -r .ci/ui.lock
	@touch $@

lock: $(READY)  ## resolve the versions of all packages again, and write the lock files
	@$(COMPILE) $(OMIT) --upgrade --group install $(addprefix --extra ,$(ALL)) pyproject.toml | $(UNMARK) > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@$(LIST) --group install pyproject.toml | $(UNMARK) > .ci/packages/base.txt
	@$(foreach name,$(ALL),$(LIST) --extra $(name) pyproject.toml | $(UNMARK) > .ci/packages/$(name).txt &&) true
	@echo uv | $(COMPILE) --upgrade --no-annotate - | $(UNMARK) > .ci/uv.lock
	@echo mlflow | $(COMPILE) --no-annotate -c requirements.lock - | $(UNMARK) > .ci/ui.lock
	@$(foreach list,$(wildcard src/*/score_requirements.in),$(COMPILE) --no-annotate -c requirements.lock $(list) | $(UNMARK) > $(list:.in=.lock) &&) true
	@printf 'azureml-defaults\nadlfs\n' | $(filter-out --generate-hashes,$(COMPILE)) --no-annotate -c requirements.lock - | $(UNMARK) > src/mlops/backends/azure/images/server_requirements.lock
	@$(BIN)/python .ci/write-environment

clean:  ## stop the services; delete .venv, outputs and all state
	@if [ -x $(BIN)/mlops ]; then $(BIN)/mlops stop; fi
	@find outputs -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	@rm -rf .ci/azurite/node_modules .mlops .venv .venv-ui .venv-default .venv-azureml .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
