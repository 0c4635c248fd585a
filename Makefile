PYTHON ?= python3
BIN := .venv/bin

NEED_VENV = $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "$(PYTHON) has no venv: install the python3-venv package of your system." >&2; exit 2; }

.PHONY: console test wheel clean

console: .venv/installed
	$(BIN)/dairt-console

test: .venv/installed-for-tests
	$(BIN)/pytest
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

wheel: .venv/installed-for-tests
	$(BIN)/hatchling build -t wheel

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis

# Each says when its install was last brought up to date with pyproject.toml.
.venv/installed: pyproject.toml
	@$(NEED_VENV)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e .
	touch $@

.venv/installed-for-tests: pyproject.toml
	@$(NEED_VENV)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[test]'
	touch $@ .venv/installed
