# freespan. `make` alone lists the targets.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PYTHON_IN_VENV := .venv/bin/python
TEST_PROCESSES := 2
MINUTES := 30

# Stamp files: a second call finds them newer than their sources and does nothing.
SETUP := .venv/.setup
SETUP_DEV := .venv/.setup-dev
SETUP_DOCS := .venv/.setup-docs
SETUP_FUZZ := build/fuzz-venv/.setup
SETUP_AUDIT := build/audit-venv/.setup
SETUP_JS := node_modules/.setup
MADE_FROM := pyproject.toml uv.lock scripts/make-venv.sh

.PHONY: help setup dev demo test audit browsers modules check check-python check-js format format-python format-js bench bench-test fuzz lab lab-test reverse-proxy-test screenshots switch-package programs-test wordpress-test wordpress-zip extension docs coverage wheel-test clean

help: ## list the targets
	@echo "freespan: visitors lend their browsers, so that blocked readers can read"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: $(SETUP) ## install freespan into .venv: .venv/bin/freespan

dev: $(SETUP_DEV) ## the same, with pytest, ruff, mypy and coverage

demo: $(SETUP) ## show a blocked page arriving through a real browser, all on this machine
	@.venv/bin/freespan demo

test: ## run every test, with real browsers; ARGS="-k invite" runs some, ARGS="-n 0" uses one process
	@$(MAKE) --jobs=2 $(SETUP_DEV) browsers modules
	@$(PYTHON_IN_VENV) -m pytest -n $(TEST_PROCESSES) $(ARGS)

check: check-python check-js ## check style, formatting and types of Python and JavaScript

docs: $(SETUP_DOCS) ## build the documentation as a site: dist/docs/index.html
	@$(PYTHON_IN_VENV) -m sphinx --quiet --fail-on-warning --nitpicky --keep-going -d build/doctrees docs dist/docs
	@echo "dist/docs/index.html"

coverage: $(SETUP_DEV) browsers modules ## measure which lines and branches the tests run; ARGS="tests/wire" runs some
	@$(PYTHON_IN_VENV) -m coverage erase
	@$(PYTHON_IN_VENV) -m coverage run -m pytest $(ARGS)
	@$(PYTHON_IN_VENV) -m coverage combine --quiet
	@$(PYTHON_IN_VENV) -m coverage report

bench: $(SETUP) browsers ## measure speed and size: prints a table, writes bench/results.json
	@$(PYTHON_IN_VENV) -m bench $(ARGS)

fuzz: $(SETUP_FUZZ) modules ## fuzz all that strangers send to, for MINUTES=30; ARGS="invite stun" chooses targets
	@build/fuzz-venv/bin/python -m fuzz --minutes $(MINUTES) $(ARGS)
	@build/fuzz-venv/bin/python -m fuzz.coverage_table

lab: $(SETUP) browsers ## try networks, NATs and censors on this machine (root); ARGS="sni dtls", ARGS="shell reader", ARGS=help
	@scripts/install-lab.sh
	@$(PYTHON_IN_VENV) -m lab $(ARGS)

bench-test: $(SETUP_DEV) browsers ## try the bench itself, its long groups too
	@FREESPAN_BENCH=1 $(PYTHON_IN_VENV) -m pytest tests/bench $(ARGS)

lab-test: $(SETUP_DEV) browsers ## run every test of the lab, the long ones too (root)
	@scripts/install-lab.sh
	@FREESPAN_LAB=1 $(PYTHON_IN_VENV) -m pytest tests/lab $(ARGS)

reverse-proxy-test: $(SETUP_DEV) ## try freespan doctor with nginx, Apache, HAProxy and Caddy set up right and wrong (root)
	@scripts/install-reverse-proxies.sh
	@FREESPAN_REVERSE_PROXIES=1 $(PYTHON_IN_VENV) -m pytest tests/reverse_proxies $(ARGS)

wordpress-test: $(SETUP_DEV) browsers ## test the plugin in a real WordPress with real browsers (root)
	@scripts/install-wordpress.sh
	@FREESPAN_WORDPRESS=1 $(PYTHON_IN_VENV) -m pytest tests/wordpress $(ARGS)

programs-test: $(SETUP_DEV) browsers ## try programs that others wrote, and their tests, through the local proxy
	@scripts/install-programs.sh
	@FREESPAN_PROGRAMS=1 $(PYTHON_IN_VENV) -m pytest -n $(TEST_PROCESSES) tests/programs $(ARGS)

wordpress-zip: $(SETUP) ## build the WordPress plugin: dist/freespan-switch.zip
	@$(PYTHON_IN_VENV) scripts/wordpress_zip.py

extension: $(SETUP) ## build the browser extension: dist/freespan-chromium.zip, dist/freespan-firefox.xpi
	@$(PYTHON_IN_VENV) scripts/make_extension.py

screenshots: $(SETUP_DEV) browsers ## take the pictures of the documentation again
	@$(PYTHON_IN_VENV) scripts/screenshots.py
	@$(PYTHON_IN_VENV) scripts/globe_pictures.py --docs
	@$(PYTHON_IN_VENV) scripts/switch_pictures.py
	@$(PYTHON_IN_VENV) -m scripts.extension_picture

audit: $(SETUP_AUDIT) ## look for known vulnerabilities and other licences; list all parts: dist/freespan.cdx.json
	@build/audit-venv/bin/python -m scripts.audit $(ARGS)

wheel-test: ## build wheel and sdist, and try them in empty environments
	@scripts/try-wheel.sh $(ARGS)

switch-package: $(SETUP) ## build the switch as an npm package: dist/switch
	@$(PYTHON_IN_VENV) scripts/make_switch_package.py

format: format-python format-js ## put Python and JavaScript in the usual form

clean: ## remove everything that the targets above have made
	rm -rf .venv node_modules dist build htmlcov .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

browsers:
	@scripts/install-browsers.sh

check-python: $(SETUP_DEV)
	@$(PYTHON_IN_VENV) -m ruff check --quiet .
	@$(PYTHON_IN_VENV) -m ruff format --quiet --check . || { echo "run: make format"; exit 1; }
	@$(PYTHON_IN_VENV) -m mypy

format-python: $(SETUP_DEV)
	@$(PYTHON_IN_VENV) -m ruff check --quiet --fix-only .
	@$(PYTHON_IN_VENV) -m ruff format .

format-js:
	@if command -v npm >/dev/null 2>&1; then $(MAKE) $(SETUP_JS) && npm run --silent format; fi

# Needed by the tests of accessibility, which are skipped without it.
modules:
	@if command -v npm >/dev/null 2>&1; then $(MAKE) $(SETUP_JS); fi

check-js:
	@if command -v npm >/dev/null 2>&1; then $(MAKE) $(SETUP_JS) && npm run --silent check; \
	else echo "make check: npm is not installed, so the JavaScript is not checked; install Node.js 20.19 or newer"; fi

$(SETUP): $(MADE_FROM)
	@scripts/make-venv.sh
	@touch $@

$(SETUP_DEV): $(MADE_FROM)
	@scripts/make-venv.sh dev
	@touch $(SETUP) $@

$(SETUP_DOCS): $(MADE_FROM)
	@scripts/make-venv.sh docs
	@touch $(SETUP) $@

$(SETUP_FUZZ): pyproject.toml uv.lock scripts/make-fuzz-venv.sh
	@scripts/make-fuzz-venv.sh
	@touch $@

$(SETUP_AUDIT): pyproject.toml uv.lock scripts/make-audit-venv.sh
	@scripts/make-audit-venv.sh
	@touch $@

$(SETUP_JS): package.json $(wildcard package-lock.json)
	@npm $(if $(wildcard package-lock.json),ci,install) --silent --no-audit --no-fund --ignore-scripts
	@touch $@
