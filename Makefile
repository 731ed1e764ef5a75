# Two commands: `make demo` shows it working, `make test` proves it. Needs Python 3.11+ and make.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
SERVE ?= 1
Q ?= 我今年还差多少学时？
WHO ?= t0001

# uv does not read pip's settings: hand on the folder of wheels where there is one, else ask for torch's CPU build.
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
UV_INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraints requirements.lock

.PHONY: demo ask test check audit bench bundle lock clean format
.DEFAULT_GOAL := demo

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Xueshi needs Python 3.11 or later; set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "· building the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check "uv==$$(sed -n 's/^# uv==//p' requirements.lock)"

$(VENV)/.run: $(BIN)/uv pyproject.toml requirements.lock
	@$(UV_INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(UV_INSTALL) $(if $(PIP_FIND_LINKS),,--torch-backend cpu) --editable '.[embedding,model,pgvector,postgres,spark]' --group dev
	@touch $@

demo: $(VENV)/.run
	@$(BIN)/xueshi demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

ask: $(VENV)/.run
	@$(BIN)/xueshi demo --no-serve --ask "$(Q)" --as "$(WHO)"

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto --dist worksteal
	@$(BIN)/python -m pytest -n auto --dist worksteal --database postgresql

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/xueshi eval
	@$(BIN)/xueshi eval hostile
	@$(MAKE) --no-print-directory test

# Known faults of the frozen dependencies; asks the network, so it is no part of `check`.
audit: $(VENV)/.dev
	@$(BIN)/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict

format: $(VENV)/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	@$(BIN)/python -m evals.bench

# One archive for machines without a package index; see the README.
bundle: $(BIN)/uv
	@PYTHON=$(BIN)/python deploy/bundle

# Frozen versions without addresses or "+cpu" suffixes, so that any index serves them. torch stays at a release that has
# CPU builds, and the GPU packages that its default build asks for are left out.
TORCH := 2.13.0
lock: $(BIN)/uv
	@echo "torch==$(TORCH)" > $(VENV)/torch.txt
	@{ echo "# uv==$$($(BIN)/uv --version | cut -d' ' -f2)"; \
	UV_FIND_LINKS= $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--constraints $(VENV)/torch.txt --extra embedding --extra model --extra pgvector --extra postgres --extra spark --group dev pyproject.toml \
		| grep -vE '^(nvidia|cuda|triton)'; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) .xueshi .mypy_cache .ruff_cache .pytest_cache .hypothesis
