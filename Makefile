# CLUTCH. `make help` lists what there is to do.
PYTHON ?= python3
VENV := .venv
# Of the store that judges signatures (tests/s3.py).
JUDGE := .venv-s3
BIN := $(VENV)/bin
UV_COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
             --no-header --no-emit-index-url --no-emit-find-links --no-annotate

# Each of many processes would compile all modules anew: a fifth of the start of each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run seed test check lint format browser bench lock clean

help: ## Say what each command does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

run: $(VENV)/run.ok ## Start everything: MongoDB, Redis, worker, API, real-time server
	@exec $(BIN)/python app.py

seed: $(VENV)/run.ok ## Seed a running CLUTCH with 001's two videos (see seed_videos.py --help)
	@$(BIN)/python seed_videos.py

test: lint browser $(JUDGE)/s3.ok ## Run every check and every test, with coverage (what CI runs)
	@$(BIN)/pytest -q -n 2 --dist loadgroup --cov --cov-report= --cov-fail-under=0
	@$(BIN)/coverage report

check: $(VENV)/dev.ok ## Run the fast tests: no browser, no encoding, no killed processes
	@$(BIN)/pytest -q -n 2 -m "not stack and not browser and not media"

lint: $(VENV)/dev.ok ## Check style, types and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/hadolint Dockerfile deploy/rtmp/Dockerfile

format: $(VENV)/dev.ok ## Put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

browser: $(VENV)/dev.ok ## Find Chromium, and nginx with its modules; install Debian's packages where that is allowed
	@sh deploy/browser.sh

bench: $(VENV)/dev.ok ## Measure this machine and print the table that the README quotes
	@$(BIN)/python -m bench

lock: ## Write the requirements files anew from requirements/*.in (needs uv)
	$(UV_COMPILE) requirements/dev.in -o requirements/dev.txt
	$(UV_COMPILE) -c requirements/dev.txt requirements/embedded.in -o requirements.txt
	$(UV_COMPILE) -c requirements/dev.txt requirements/server.in -o requirements/server.txt

clean: ## Remove the environment and caches; data in var/ stays
	rm -rf $(VENV) $(JUDGE) .ruff_cache .import_linter_cache htmlcov .coverage .coverage.*

# An environment is whole or it is not there: each marker is written last.
$(VENV)/run.ok: requirements.txt
	@echo "Setting up the environment in $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	  || { echo "CLUTCH needs Python 3.11 or 3.12; set PYTHON=/path/to/it"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/dev.ok: requirements/dev.txt tests/npm/package-lock.json $(VENV)/run.ok
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(BIN)/python -m tests.npm
	@touch $@

$(JUDGE)/s3.ok: requirements/s3-judge.txt $(VENV)/run.ok
	@$(PYTHON) -m venv $(JUDGE)
	@$(JUDGE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
