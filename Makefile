# `make demo` shows what the project does, `make test` checks that it does.

PYTHON ?= python3.11
BIN := .venv/bin
DEMO := runs/demo

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint format clean

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Made anew whenever the requirements change.
.venv/installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e ".[all]"
	@touch $@

demo: .venv/installed ## Pre-trains on digits, judges the features, exports and verifies
	$(BIN)/python -m training.pretrain --recipe demo --data demo --workdir $(DEMO)
	$(BIN)/python -m training.reconstruct --model $(DEMO)/model.keras --data demo --output $(DEMO)/reconstructions.png
	$(BIN)/python -m training.knn --model $(DEMO)/model.keras --data demo
	$(BIN)/python -m training.linear_probe --model $(DEMO)/model.keras --data demo
	rm -rf $(DEMO)/served $(DEMO)/digits.*  # exports never overwrite
	$(BIN)/python -m export.to_saved_model --model $(DEMO)/model.keras --output $(DEMO)/served/digits
	$(BIN)/python -m export.to_onnx --model $(DEMO)/model.keras --output $(DEMO)/digits.onnx
	$(BIN)/python -m export.verify --model $(DEMO)/model.keras $(DEMO)/served/digits/1 $(DEMO)/digits.onnx

test: .venv/installed ## Runs the fast tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/installed ## Runs the tests that need minutes
	XLA_FLAGS= $(BIN)/python -m pytest -m slow

lint: .venv/installed ## Checks style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/installed ## Repairs style and format where it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Removes the environment, builds and runs
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache runs
	find . -name __pycache__ -prune -exec rm -rf {} +
