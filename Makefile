# What people do with Taxiway; every target sets up what it needs. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
CONFIG ?=
MODEL ?=
SET ?=
IMAGE ?= taxiway:dev
PROFILE ?= var/profile.svg
define newline


endef
# As typed: `value` keeps make from reading $, and the quotes keep the shell from reading anything.
quoted = '$(subst ','\'',$(subst $(newline), ,$(value $(1))))'
GIVEN = CONFIG=$(call quoted,CONFIG) SET=$(call quoted,SET)
# After their defaults: make takes a name that is unexported before for one that has a value.
unexport CONFIG SET IMAGE MODEL PROFILE
TAXIWAY := .venv/bin/python -m taxiway.cli.make
RUN = $(GIVEN) IMAGE= $(TAXIWAY)
RUN_ON_KUBEFLOW = $(GIVEN) BASE_CONFIG=kubeflow \
  IMAGE=$(if $(filter-out taxiway:dev,$(value IMAGE)),$(call quoted,IMAGE)) $(TAXIWAY)
UV = $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
WORKERS ?= 2
TARGET ?=
ROWS ?=
ADD ?=
ALONE ?=
REPEAT ?= 1
SOAK ?= 3600
LONG ?= 14400
# All sizes go into the repository, and ADD's in the place of theirs; ROWS' go below var/.
BENCH = --repeat $(REPEAT) $(if $(ROWS)$(ADD),--rows $(ROWS)$(ADD) $(if $(ALONE),--alone $(ALONE)),--alone 3.4m) \
  $(if $(ROWS),--output var/benchmarks,--page docs/explanation/speed.md) $(if $(ADD),--add)
BASE ?= debian:trixie-slim
CUDA ?=
export BASE CUDA
# Where bytecode must not be written, every process compiles all that TFX imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install data run-local serve compile compile-kubeflow submit-kubeflow doctor check test test-fast test-long coverage bench bench-startup bench-registry bench-runs bench-serving profile lock clean config-reference signing clients protos axe mlflow tensorboard ui bench-ui notebook notebooks notebooks-setup notebooks-sync
.PHONY: base-image image test-image test-outside-image test-in-image dask-certs dask-up docs

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  CONFIG="local mine.yaml" and SET="key.path=value ..." go to all that reads a config;'
	@echo '  a value ends where the next key begins, so it may have blanks.'

install: .venv/installed ## Set up .venv from requirements.lock.

# Whatever Python there is, since this is for machines where `make install` does not work yet.
doctor: ## Say what is missing here, and how to get it, before anything is set up; TARGET=image for one.
	@for python in .venv/bin/python python3; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null && \
	  exec "$$python" -m taxiway.scaffold.doctor $(call quoted,TARGET); \
	done; echo "no python3 from 3.8 on, for example:  apt-get install python3" >&2; exit 1

data: .venv/installed ## Export the example's spans below var/data.
	@$(RUN) data

run-local: data ## Run the whole training pipeline on this machine and push the model.
	@$(RUN) run training

mlflow: .venv/installed ## Serve MLflow over the runs that SET="tracking.kind=mlflow" mirrors, until Ctrl-C.
	@$(RUN) mlflow

tensorboard: .venv/installed ## Show the training curves of all runs, until Ctrl-C.
	@$(RUN) tensorboard

serve: .venv/installed ## Answer requests with the model that was pushed, until Ctrl-C.
	@$(RUN) serve

ui: .venv/installed ## Show runs, models, lineage and the audit in a browser, until Ctrl-C.
	@$(RUN) ui

compile: .venv/installed ## Compile the training pipeline to TFX's IR (pipeline.json).
	@$(RUN) compile training --target ir --output pipeline.json

compile-kubeflow: .venv/installed ## Compile it for Kubeflow Pipelines (pipeline.yaml); needs no cluster.
	@$(RUN_ON_KUBEFLOW) compile training --target kubeflow --output pipeline.yaml

submit-kubeflow: .venv/installed ## Run it on Kubeflow Pipelines, and wait for its end.
	@$(RUN_ON_KUBEFLOW) submit training --wait

check: .venv/installed ## Format, lint, types and layers.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: .venv/installed ## Run all tests, with branch coverage; MODEL=mine runs the template's on one model.
	$(if $(value MODEL),.venv/bin/python -m taxiway.testing $(call quoted,MODEL),\
	  .venv/bin/pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term:skip-covered)

test-fast: .venv/installed ## Run the tests that need neither TensorFlow nor a Dask cluster, in about two minutes.
	.venv/bin/pytest -m "not pipeline and not cluster and not long" -n $(WORKERS)

# One after the other, since what is measured is to have the machine for itself.
test-long: .venv/installed ## Run what takes long: simulations, a soak of SOAK seconds; within LONG seconds.
	SOAK_SECONDS=$(call quoted,SOAK) timeout --kill-after=60 $(call quoted,LONG) .venv/bin/pytest -m long --durations=0

coverage: test ## Write htmlcov/index.html from a full test run.
	.venv/bin/coverage html

profile: data ## Draw where a run's time goes: a flame graph, $(PROFILE).
	@$(GIVEN) IMAGE= .venv/bin/py-spy record --subprocesses --rate 50 --format flamegraph \
	  --output $(call quoted,PROFILE) -- $(TAXIWAY) run training

bench: .venv/installed ## Time stock TFX against Taxiway at four sizes; ROWS=27k is a quick one.
	@.venv/bin/python -m benchmarks $(BENCH)

bench-startup: .venv/installed ## Time help, completion, imports, and a run with nothing to do.
	@.venv/bin/python -m benchmarks.startup

bench-registry: .venv/installed ## Time lists and searches of a registry with 5,000 versions.
	@.venv/bin/python -m benchmarks.registry

bench-runs: .venv/installed ## Time lists, searches and comparisons of 5,000 runs.
	@.venv/bin/python -m benchmarks.runs

bench-serving: .venv/installed .mlserver/installed ## Time the gateway beside plain FastAPI and MLServer, and have accidents under load.
	@.venv/bin/python -m benchmarks.serving

bench-ui: .venv/installed ## Time the pages of a registry with 5,000 runs and 5,000 versions.
	@.venv/bin/python -m benchmarks.ui

dask-up: .venv/installed ## Start a Dask cluster on this machine, for engine.workers.kind=dask.
	@sh tools/dask-up.sh

dask-certs: ## Make certificates for a Dask cluster in var/dask/certificates.
	@sh tools/dask-certs.sh var/dask/certificates

image: ## Build the container image, $(IMAGE), from $(BASE); CUDA=1 adds what GPUs need.
	@sh tools/build-image.sh runtime $(call quoted,IMAGE)

base-image: ## Make a base image from Debian's packages, where none can be pulled.
	@sh tools/base-image.sh taxiway-base:trixie

test-image: image test-outside-image test-in-image ## Build the image, look at it from outside, and run the tests in it.

test-outside-image: .venv/installed ## Look at the image from outside, and run tasks in it as Kubeflow does.
	TAXIWAY_IMAGE=$(IMAGE) .venv/bin/python -m pytest -n $(WORKERS) --dist loadgroup \
	  tests/deploy/test_image.py tests/taxiway/runners/kubeflow/test_in_docker.py

# All but what is the same on both stacks and takes long (the marker one_stack; CONTRIBUTING.md).
# Without a network only `localhost` has an address, and Beam's job server is known by its host's name.
test-in-image: ## Run the tests in the image that may end otherwise on its stack.
	@sh tools/build-image.sh test $(IMAGE)-test
	docker run --rm --init --read-only --tmpfs /tmp:exec --network none --hostname localhost $(IMAGE)-test \
	  python -m pytest -m "not one_stack and not long" -p no:cacheprovider -n $(WORKERS) --dist loadgroup

docs: .docs/installed ## Build the documentation's site in site/; a broken link fails it.
	@.docs/env/bin/python tools/docs-pages.py .docs/pages
	@.docs/env/bin/zensical build --clean --strict
	@! grep -rnoE --include='*.html' '<(script|link|img|iframe)[^>]*(src|href)="?(https?:)?//[^" >]*' site || \
	  { echo "site/: these pages load something from elsewhere; see zensical.toml" >&2; exit 1; }

signing: .signing/installed ## Set up .signing/env, which signs and verifies models on the classic stack.

clients: .clients/installed ## Set up .clients/env: clients of the gateway that clash with the lock, for its tests.

# What tests ask whether a page is accessible; of the npm registry, by the hash in the lock.
axe: .axe/installed ## Set up .axe with axe-core, which looks at pages in the tests; needs npm.

notebook: .notebooks/installed ## Open the notebooks in JupyterLab, on this machine only.
	@.notebooks/env/bin/jupyter lab --ip 127.0.0.1 notebooks

notebooks: .notebooks/installed ## Run every notebook from a clean kernel on the smoke data; results go to var/notebooks.
	@.notebooks/env/bin/jupyter nbconvert --to notebook --execute --output-dir var/notebooks \
	  $(addprefix notebooks/,explore.ipynb experiment.ipynb deliver.ipynb)

notebooks-setup: .notebooks/installed ## Have git diff and merge notebooks by cells, and commit none of their outputs.
	@tool=$(call quoted,CURDIR)/.notebooks/env/bin && \
	  git config filter.nbstripout.clean "'$$tool/nbstripout'" && git config filter.nbstripout.smudge cat && \
	  git config diff.jupyternotebook.command "'$$tool/git-nbdiffdriver' diff" && \
	  git config merge.jupyternotebook.name "cells of notebooks" && \
	  git config merge.jupyternotebook.driver "'$$tool/git-nbmergedriver' merge %O %A %B %L %P" && \
	  echo "git diffs and merges notebooks by cells now, and commits them without outputs"

notebooks-sync: .notebooks/installed ## Write each notebook from its script, or the script from it: the newer one counts.
	@.notebooks/env/bin/jupytext --quiet --sync notebooks/*.py

protos: .clients/installed ## Write taxiway/serving/protos/descriptors.binpb from the .proto files beside it.
	cd taxiway/serving/protos && ../../../.clients/env/bin/python -m grpc_tools.protoc -I. --include_imports \
	  --descriptor_set_out=descriptors.binpb *.proto

config-reference: .venv/installed ## Write docs/reference/config.md from the config's docstrings.
	.venv/bin/python -m taxiway.config.reference docs/reference/config.md

lock: | .uv-ready ## Renew requirements.lock from pyproject.toml, and those of the documentation, CUDA, signing, clients, MLServer and notebooks.
	$(UV) pip compile --universal --generate-hashes --python-version 3.10 --all-extras --group dev --no-header \
	  --no-annotate --quiet pyproject.toml -o requirements.lock
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  --quiet docs/requirements.in -o docs/requirements.txt
	$(UV) pip compile --generate-hashes --python-version 3.13 --python-platform x86_64-manylinux_2_40 \
	  --constraint requirements.lock --no-header --no-annotate --quiet deploy/cuda.in -o deploy/cuda.lock
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  --quiet deploy/signing.in -o deploy/signing.lock
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  --quiet deploy/clients.in -o deploy/clients.lock
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  --quiet deploy/mlserver.in -o deploy/mlserver.lock
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	  --quiet deploy/notebooks.in -o deploy/notebooks.lock
	awk '/^[^ ]/ {ours = /^nvidia-/} ours' deploy/cuda.lock >deploy/cuda.lock.tmp && mv deploy/cuda.lock.tmp deploy/cuda.lock

clean: ## Remove .venv and caches; keeps var/, which holds your runs.
	rm -rf .venv .uv .docs .signing .clients .mlserver .notebooks .cache site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache htmlcov .coverage* dist

.PHONY: .uv-ready
.uv-ready:
	@$(UV) --version >/dev/null 2>&1 || { echo "setting up uv" && python3 -m venv .uv && .uv/bin/pip install --quiet uv; }

.venv/installed: requirements.lock pyproject.toml | .uv-ready
	@command -v c++ >/dev/null || { \
	  echo "Taxiway needs a C++ compiler: pyfarmhash, which TFX wants, comes as source only." >&2; \
	  echo "Install one, for example:  apt-get install g++ python3-dev" >&2; exit 1; }
	@python=$${PYTHON:-$$(sh tools/find-python.sh $(UV))} && [ -n "$$python" ] && \
	  echo "setting up .venv with $$($$python --version): about 3 GB of packages, some minutes the first time" && \
	  { [ -x .venv/bin/python ] || $(UV) venv --quiet --python "$$python" .venv; } && \
	  $(UV) pip sync --quiet --require-hashes --python .venv/bin/python requirements.lock && \
	  $(UV) pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable . && \
	  touch $@

.docs/installed: docs/requirements.txt | .uv-ready
	@echo "setting up .docs/env" && $(UV) venv --quiet --clear --python '>=3.11' .docs/env && \
	  $(UV) pip sync --quiet --require-hashes --python .docs/env/bin/python docs/requirements.txt && \
	  touch $@

.signing/installed: deploy/signing.lock | .uv-ready
	@echo "setting up .signing/env" && $(UV) venv --quiet --clear --python '>=3.11' .signing/env && \
	  $(UV) pip sync --quiet --require-hashes --python .signing/env/bin/python deploy/signing.lock && \
	  touch $@

.clients/installed: deploy/clients.lock | .uv-ready
	@echo "setting up .clients/env" && $(UV) venv --quiet --clear --python '>=3.11' .clients/env && \
	  $(UV) pip sync --quiet --require-hashes --python .clients/env/bin/python deploy/clients.lock && \
	  touch $@

.axe/installed: tools/axe/package-lock.json tools/axe/package.json
	@mkdir -p .axe && cp tools/axe/package.json tools/axe/package-lock.json .axe/ && \
	  npm ci --prefix .axe --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@

.notebooks/installed: deploy/notebooks.lock tools/notebook-kernel.sh .venv/installed | .uv-ready
	@echo "setting up .notebooks/env" && $(UV) venv --quiet --clear --python '>=3.11' .notebooks/env && \
	  $(UV) pip sync --quiet --require-hashes --python .notebooks/env/bin/python deploy/notebooks.lock && \
	  sh tools/notebook-kernel.sh .notebooks/env/share/jupyter/kernels && touch $@

.mlserver/installed: deploy/mlserver.lock | .uv-ready
	@echo "setting up .mlserver/env: about 1.5 GB" && $(UV) venv --quiet --clear --python '>=3.11,<3.14' .mlserver/env && \
	  $(UV) pip sync --quiet --require-hashes --python .mlserver/env/bin/python deploy/mlserver.lock && \
	  touch $@
