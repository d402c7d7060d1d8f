# make app   the explorer in a browser          make test   everything that must pass
# make class the same for many, behind a proxy  make bundle what installs without internet
# make docs  the API reference                   more        see CONTRIBUTING.md
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

.PHONY: app class bundle messages test test-pythons test-lowest check-wheel docs lint clean

app: .venv/app-installed
	@$(BIN)/python -m lowrank app --port $(PORT)

# The same for a class: WORKERS processes behind HAProxy or Caddy.
WORKERS ?= 2
class: .venv/app-installed
	@$(BIN)/python -m lowrank class --port $(PORT) --workers $(WORKERS)

# One folder with the wheels and the model, for a school without internet.
bundle: .venv/dev-installed
	$(BIN)/python -m scripts.bundle

# One BLAS thread each: two test workers, the app and a browser share the cores.
test: export OPENBLAS_NUM_THREADS = 1
test: lint .venv/dev-installed
	@$(BIN)/python -m lowrank fetch
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

# The suite without a browser on each Python from 3.11 to 3.13 found here, and once on the lowest
# versions allowed; T="tests/exact" runs less.
test-pythons test-lowest: export OPENBLAS_NUM_THREADS = 1
test-pythons: .venv/bin/python
	$(BIN)/python -m scripts.pythons $(T)
test-lowest: .venv/bin/python
	$(BIN)/python -m scripts.pythons --lowest --only 3.11 $(T)

# The wheel in an empty environment, every page of it in Chromium.
check-wheel: .venv/dev-installed
	$(BIN)/python -m scripts.check_wheel

# The documentation with its API reference, as a site in site/.
docs: .venvs/docs/installed
	.venvs/docs/bin/python -m mkdocs build --strict --quiet

.venvs/docs/installed: requirements-docs.txt
	$(PYTHON) -m venv .venvs/docs
	.venvs/docs/bin/python -m pip install --disable-pip-version-check --quiet -r requirements-docs.txt
	@touch $@

# The catalogues of translations brought up to date with the code, and compiled.
messages: .venv/dev-installed
	$(BIN)/python -m scripts.messages

lint: .venv/dev-installed
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "lowrank needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian: apt install python3-venv"; exit 1; }

.venv/app-installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@touch $@

.venv/dev-installed: requirements.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	@touch $@ .venv/app-installed

clean:
	rm -rf .venv .venvs site .mypy_cache .pytest_cache .ruff_cache .hypothesis
