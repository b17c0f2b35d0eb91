# From a machine with Python >= 3.11 (with venv) and make:
#   make demo [PORT=8000] [DATA=.local/demo] [BUSINESSES=20000]    the whole product with a demo city
#   make test [ARGS="tests/orgs -k coverage"]                      lint, types and all tests
#   make check                                                     lint and types only
#   make lint                                                      the same, and known holes in what is installed
#   make advisories                                                the last alone; fails also where nobody answers
#   make race                                                      two districts ask at once, 50,000 answers, none mixed up
#   make recount [ACTS=10000]                                      so many random acts, then every number counted by hand
#   make bench [ROWS=430000] [OUT=bench.json]                      the performance table
#   make lock                                                      new lock files from the *.in files

PYTHON ?= python3
PORT ?= 8000
ACTS ?= 10000
DATA ?= .local/demo
BUSINESSES ?= 20000
ROWS ?= 430000
OUT ?= bench.json
ARGS ?=

BIN = .venv/bin
SERVERS = $(BIN)/python devservices.py exec
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# uv is used where it is installed; it is several times faster, but nobody needs it.
INSTALL = $(if $(shell command -v uv),uv pip install -q --python $(BIN)/python,$(BIN)/python -m pip install -qq)

.PHONY: demo test check lint advisories race recount bench lock

# exec: signals of the shell's job control reach the launcher itself, not a shell around it.
demo: .venv/.run .venv/.assets
	@exec $(BIN)/python -m tools.demo --data "$(DATA)" --port "$(PORT)" --businesses "$(BUSINESSES)" --make $$PPID

test: check .venv/.assets
	$(SERVERS) --data .local/test --fast -- $(BIN)/pytest -n 2 $(ARGS)

check: .venv/.dev
	$(BIN)/ruff check -q .
	$(BIN)/djlint --quiet --lint .
	$(BIN)/mypy

# Not of `make test`: what became known last night says nothing of a change, and an intranet waits in vain for an answer.
lint: check
	$(BIN)/python -m tools.advisories

advisories: .venv/.dev
	$(BIN)/python -m tools.advisories --strict

race: .venv/.dev
	RACE_SECONDS=60 RACE_ANSWERS=50000 RACE_WORKERS=2 $(SERVERS) --data .local/race --fast -- $(BIN)/pytest -n 0 -s -q tests/test_race.py

recount: .venv/.dev
	RECOUNT_ACTS=$(ACTS) $(SERVERS) --data .local/recount --fast -- $(BIN)/pytest -n 0 -q tests/reports/test_touched.py -k equals_a_recount

bench: .venv/.dev .venv/.assets
	$(SERVERS) --data .local/bench -- $(BIN)/python tools/bench/run.py --rows "$(ROWS)" --out "$(OUT)"

lock:
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.txt
	npm install --package-lock-only --ignore-scripts

# The real interpreter, not a symlink to it: a venv made through a symlink dies with the symlink.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "需要 Python 3.11 或更高版本，可用 make PYTHON=/路径/python3.12 指定。")'
	@"$$($(PYTHON) -c 'import os, sys; print(os.path.realpath(sys.executable))')" -m venv .venv

# One stamp per step: a second `make` starts at once, a changed lock file repeats its own step only.
.venv/.run: requirements.txt | .venv/bin/python
	@echo "正在安装运行所需的软件包……"
	@$(INSTALL) --require-hashes -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@echo "正在安装检查和测试所需的软件包……"
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.assets: package-lock.json tools/assets.py .venv/.run
	@echo "正在下载前端资源……"
	@$(BIN)/python -m tools.assets
	@touch $@
