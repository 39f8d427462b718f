# Two commands: `make run` shows what vexlab does, `make test` tests vexlab itself. Both set the checkout up first.
SHELL := /bin/sh
VENV := .venv/bin
JOBS ?= 2

.PHONY: help setup setup-test run test test-full test-infra tofu bench bench-fuzz lint lock clean

help:
	@echo "make run        set up, build the reference target, run level 1, print the verdict"
	@echo "make test       set up, check and test vexlab itself, real machines included"
	@echo "make test-full  the long checks as well"
	@echo "make test-infra OpenTofu, Ansible, Packer and clusters, each for real (some minutes; OpenTofu is built once)"
	@echo "make bench      measure what the documentation claims"
	@echo "make bench-fuzz look for eight hidden mistakes by fuzzing, with the layout and blind"

setup:
	@scripts/setup

setup-test:
	@scripts/setup test

run: setup
	@$(VENV)/vexlab run --target targets/vexfs --level 1 --jobs $(JOBS)

lint: setup-test
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check -q .
	@$(VENV)/mypy

test: lint
	@$(VENV)/pytest -q -m "not long and not machine" -n 2
	@$(VENV)/pytest -q -m "machine and not long" -n 2 --dist load --maxschedchunk 1 --durations 15

test-full: lint
	@$(VENV)/mypy --python-version 3.14
	@$(VENV)/pytest -q
	@$(VENV)/python -m bench

# What the tests of the infrastructure need beside: packages of Debian, Ansible in an environment of its own, OpenTofu
# built from its Go module, once, into the cache. Where something is missing, its tests say so and are skipped.
tofu:
	@scripts/infra-tools tofu

test-infra: setup-test
	@scripts/infra-tools
	@$(VENV)/pytest -q -m infra -n 0

bench: setup-test
	@$(VENV)/python -m bench

bench-fuzz: setup-test
	@$(VENV)/python -m bench.fuzz --blind

COMPILE := pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links
lock: setup-test
	@$(VENV)/$(COMPILE) --extra setup -o requirements.lock pyproject.toml
	@$(VENV)/$(COMPILE) --all-extras -c requirements.lock -o requirements-test.lock pyproject.toml
	@$(VENV)/$(COMPILE) --extra setup --extra report -c requirements-test.lock -o requirements-report.lock pyproject.toml
	@cd integrations/avocado && ../../$(VENV)/$(COMPILE) --extra setup --extra variants -o requirements.lock pyproject.toml
	@cd integrations/avocado && ../../$(VENV)/$(COMPILE) --all-extras -c requirements.lock -o requirements-vt.lock pyproject.toml

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
