# make demo   record a short lecture, package, deliver and verify it
# make test   everything that CI runs: format, lint, types, all tests
# make classroom   the virtual classroom (as root, on Debian): docs/reliability.md
# make kill-loop  N=200 times kill -9 of a random process of a recording room
# make model  random days of a room against a model, N=2000 of them
# make benchmark  bytes, CPU and memory against ffmpeg and GStreamer: docs/performance.md
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
ARGS ?=
APP_STAMP := $(VENV)/.installed-app
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo test test-quick model kill-loop lint format system-packages classroom clean

demo: $(APP_STAMP)
	$(BIN)/edge-agent demo

# Tests with real recorders wait for real time, so two go side by side; those that measure what a
# busy PC loses have it for themselves.
test: lint
	$(BIN)/python -m pytest -m "not slow" -n auto $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m "slow and not alone" -n 2 $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m alone $(PYTEST_ARGS)

test-quick: system-packages $(DEV_STAMP)
	$(BIN)/python -m pytest -m "not slow" -n auto $(PYTEST_ARGS)

model: $(DEV_STAMP)
	MODEL_DAYS=$(or $(N),2000) $(BIN)/python -m pytest -s --timeout 0 tests/test_room_model.py

kill-loop: $(APP_STAMP)
	$(BIN)/python -m tests.faults.kill_loop $(or $(N),200) $(SEED)

lint: system-packages $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV_STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# make classroom ARGS="deliver power" runs these scenarios only.
classroom: $(DEV_STAMP)
	tests/install-system-packages tests/appliance/host-packages.txt
	$(BIN)/python -m tests.appliance $(ARGS)

system-packages:
	tests/install-system-packages

$(VENV)/bin/python:
	tests/make-venv "$(PYTHON)" "$(VENV)"

$(APP_STAMP): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# The dependency group is read by our own line: pip before 25.1 (Debian 12, Ubuntu 24.04) cannot.
$(DEV_STAMP): pyproject.toml | $(APP_STAMP)
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev-requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)/dev-requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A long lecture in real time: sound and picture together, nothing grows. In no other target.
MINUTES ?= 30
PPM ?= 100
.PHONY: soak
soak: $(DEV_STAMP)
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --ppm $(PPM)

# Honest power cuts in several rooms at once, as root: make power-cuts N=500. LECTURES=500: each
# room keeps so many past lectures in its spool.
.PHONY: power-cuts mutations
power-cuts: system-packages $(DEV_STAMP)
	$(BIN)/python -m tests.faults.power_cuts --cuts $(or $(N),30) $(if $(SEED),--seed $(SEED)) \
		$(if $(LECTURES),--lectures $(LECTURES))

# Is the suite itself any good? Breaks a copy of the product; a named test must fail, as root.
mutations: system-packages $(DEV_STAMP)
	$(BIN)/python -m tests.faults.mutations

# Against ffmpeg and GStreamer, in pairs; three quarters of an hour. make benchmark ARGS="--pairs 3 slides camera"
.PHONY: benchmark
benchmark: system-packages $(DEV_STAMP)
	tests/install-system-packages benchmarks/system-packages.txt
	$(BIN)/python -m benchmarks $(ARGS)

# The classroom panel: its words after a change of a .po file; its looks in every language, theme
# and size (half an hour; ARGS="--part 3/8" runs one part of eight); its pictures for the documents.
.PHONY: catalogues panel-matrix panel-pictures
catalogues: $(DEV_STAMP)
	$(BIN)/python -m tools.catalogues extract
	$(BIN)/python -m tools.catalogues compile

panel-matrix: system-packages $(DEV_STAMP)
	$(BIN)/python -m tests.panel.matrix $(ARGS)

panel-pictures: system-packages $(DEV_STAMP)
	$(BIN)/python -m tests.panel.pictures

# docs/it-guide.md: a room brought into service, as the program really answers. Two minutes.
.PHONY: it-guide
it-guide: system-packages $(DEV_STAMP)
	$(BIN)/python -m tests.it_guide
