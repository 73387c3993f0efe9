# Every target sets up .venv by itself. It needs Python 3.10 to 3.13, and nothing else; after the set-up it needs no network.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PORT ?= 8000
# How many notebooks are executed at a time, by the build and by test-notebooks.
export JOBS ?= 2
# Builds and tests never wait for a server: what has to be downloaded is a reader's own choice.
export HF_HUB_OFFLINE ?= 1
# Threads that wait sleep instead of spinning, which matters where several processes share a few cores.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: book serve pdf zip test test-package test-book test-notebooks test-browser lint lint-types lint-style lint-imports format bench gpu gpu-folder lab clean distclean help

book: $(READY)  ## build the book into _build/html, notebooks two at a time (warnings are errors)
	VIT_BOOK_BUILD=1 $(BIN)/jupyter-book build . -W --keep-going -q

serve: book  ## build the book and show it at http://localhost:8000
	@echo "The book is at http://localhost:$(PORT) (Ctrl-C ends)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

pdf: book  ## the whole book as one PDF, _build/vision-transformers.pdf (needs Chromium; minutes)
	$(BIN)/python -m book.offline pdf

zip: book  ## the built book as a zip to read without a network, _build/vision-transformers.zip
	$(BIN)/python -m book.offline zip

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab .

test: lint test-package test-notebooks test-book test-browser  ## everything that has to hold

test-package: $(READY)  ## the package's unit tests, two at a time (JOBS=1: one after the other)
	$(BIN)/python -m pytest tests/package $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist worksteal)

# Those that train longest begin first, then the largest: at the end no core waits long for the other.
LONGEST := chapters/04_segmentation/02_building.ipynb chapters/08_cases/02_segmentation.ipynb chapters/05_optimisation/02_strategies.ipynb

test-notebooks: $(READY)  ## every notebook in a fresh kernel, two at a time, the longest first (JOBS=1: one after the other); the book is built from them
	@{ ls $(LONGEST); find chapters appendices -name '*.ipynb' -not -path '*/.*' | xargs ls -S; } | awk '!seen[$$0]++' | VIT_BOOK_BUILD=1 xargs -n 1 -P $(JOBS) $(BIN)/python -m pytest -p book.nbval_keeps --nbval-lax --nbval-cell-timeout=600 -p no:warnings

test-book: book  ## the built pages, links, citations and records, two workers (JOBS=1: none)
	$(BIN)/python -m pytest tests/book $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadscope)

test-browser: book  ## the built pages in headless Chromium (skipped where there is none), two workers (JOBS=1: none)
	$(BIN)/python -m pytest tests/browser $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist loadscope)

lint:  ## format, style, types and the order of imports, two at a time (JOBS=1: one after the other)
	@$(MAKE) --no-print-directory -j $(JOBS) lint-types lint-style lint-imports

lint-types: $(READY)
	$(BIN)/mypy

lint-style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lint-imports: $(READY)
	$(BIN)/lint-imports

bench: $(READY)  ## speed beside timm, torchvision, transformers and vit-pytorch (minutes; ARGS=--record keeps it)
	$(BIN)/python -m benchmarks $(ARGS)

gpu: $(READY)  ## what a CUDA card does, as records in gpu-records/ (nine minutes; ARGS="--minutes 20 --data FOLDER")
	$(BIN)/python -m benchmarks.gpu $(ARGS)

gpu-folder: $(READY)  ## the folder that takes make gpu to a machine without a network (ARGS="OUT --cifar10 FOLDER --camvid FOLDER")
	$(BIN)/python -m benchmarks.gpu.folder $(ARGS)

format: $(READY)  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what was built
	rm -rf _build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

distclean: clean  ## and the environment
	rm -rf .venv

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else "Python %d.%d is not supported: name one of 3.10 to 3.13, as in make PYTHON=python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python has no venv here: install it (Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "Setting up .venv (the first time this downloads several GB: PyTorch with its CUDA libraries)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps panopticapi-lite==0.2.0  # for tests; asks for numpy<2, runs with 2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1 - /'

# Two checks that download several GB and so are not part of `make test`. Their environments stay; `make distclean` does not remove them.
PYTHON312 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python) python3.12)
COLAB := .venv-colab/bin/python
NEWEST := .venv-newest/bin/python
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: test-colab test-newest

test-colab:  ## two notebooks and the live figures with the versions that Colab has (needs Python 3.12; skipped where there is none)
	@if ! $(PYTHON312) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then \
		echo "skipped: there is no Python 3.12; name it, as in make test-colab PYTHON312=/path/to/python3.12"; exit 0; fi; set -ex; \
	test -x $(COLAB) || $(PYTHON312) -m venv .venv-colab; \
	$(COLAB) $(PIP_INSTALL) -c tests/colab.txt --editable . ipykernel ipython nbval pytest hypothesis; \
	$(COLAB) -m pytest --nbval-lax --nbval-cell-timeout=600 -p no:warnings chapters/01_overview/01_origins.ipynb chapters/02_architecture/01_3_feedforward.ipynb; \
	$(COLAB) -m pytest tests/package/test_widgets_explorer.py tests/package/test_widgets_scene.py tests/package/test_live.py

test-newest:  ## the package's tests with the newest versions that the ranges allow
	test -x $(NEWEST) || $(PYTHON) -m venv .venv-newest
	$(NEWEST) $(PIP_INSTALL) --upgrade --upgrade-strategy eager -r requirements.txt
	$(NEWEST) $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	$(NEWEST) -m pytest tests/package $(if $(filter-out 1,$(JOBS)),-n $(JOBS) --dist worksteal)
