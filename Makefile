# The two commands: `make demo` shows what the program does, `make test` checks it. Everything they write stays in this folder.
#
#   make demo                     install into .venv, train five games, write runs/demo/lewis, naming, glyph, dialogue, unseen, sketch
#   make test                     lint, types and the whole suite against the built wheel, in .venv-test
#   make test TESTS=tests/test_rules.py WORKERS=0
#   make PYTHON=python3.12 demo   with another Python
#   make clean                    remove what make made; runs/ stays

PYTHON  ?= python3
OUT     ?= runs/demo
TESTS   ?=
WORKERS ?= 2

EXTRAS  := dev,docs,data,tensorboard,wandb,film,clip
# Folders are listed too: a deleted file changes its folder's date, and the wheel must follow.
SOURCES := pyproject.toml README.md LICENSE $(shell find semiosis -name __pycache__ -prune -o -print)
PIP     := -m pip --disable-pip-version-check -qq

.PHONY: help demo test clean

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

demo: .venv/.ready
	.venv/bin/semiosis demo --out $(OUT)

# The scripts of an environment never put the current folder on the path, and PYTHONSAFEPATH says the same to the processes that
# tests start: `import semiosis` finds the wheel, not the checkout.
test: .venv-test/.ready
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/pyright --pythonpath .venv-test/bin/python
	PYTHONPATH= PYTHONSAFEPATH=1 SEMIOSIS_EXPECT_WHEEL=1 .venv-test/bin/pytest -n $(WORKERS) --dist loadfile $(TESTS)

clean:
	rm -rf .venv .venv-test dist .pytest_cache .ruff_cache

.venv/.ready: $(SOURCES)
	$(call environment,.venv)
	@echo "Installing semiosis into .venv; the first time fetches about 170 MB."
	.venv/bin/python $(PIP) install .
	@touch $@

.venv-test/.ready: $(SOURCES)
	$(call environment,.venv-test)
	@echo "Building the wheel and installing it into .venv-test; the first time fetches about 390 MB."
	rm -rf dist
	.venv-test/bin/python $(PIP) wheel --no-deps --wheel-dir dist .
	.venv-test/bin/python $(PIP) uninstall --yes semiosis
	.venv-test/bin/python $(PIP) install "$$(echo dist/*.whl)[$(EXTRAS)]"
	@touch $@

# An environment is made once, by a Python that is new enough and not too new.
define environment
	@[ -x $(1)/bin/python ] || command -v $(PYTHON) >/dev/null || \
		{ echo "semiosis needs Python 3.11 to 3.13 and found no '$(PYTHON)': install one, or name another: make PYTHON=python3.12"; exit 1; }
	@[ -x $(1)/bin/python ] || $(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else \
		"semiosis needs Python 3.11 to 3.13 and $(PYTHON) is %d.%d: name another, for example make PYTHON=python3.12" % v)'
	@[ -x $(1)/bin/python ] || $(PYTHON) -m venv $(1)
endef
