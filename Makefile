# Everything a person or CI runs. `make demo` and `make test` are the two commands of the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPARK := $(VENV)/.installed-spark

.PHONY: help demo test lint types imports unit docs commands-page notebooks bench bench-spark spark quality vectors lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): requirements/all.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("blindlink needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/all.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(SPARK): $(STAMP) requirements/spark.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-build-isolation -r requirements/spark.lock
	touch $@

spark: $(SPARK) ## install Spark (450 MB) for its tests and benchmark; it needs Java 17

demo: $(STAMP) ## the whole study on synthetic data, into demo-out/
	$(BIN)/blindlink demo --out demo-out --force

test: lint types imports unit docs ## everything that CI runs

lint: $(STAMP) ## format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

imports: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

unit: $(STAMP) ## unit, vector, property, command-line and end-to-end tests
	$(BIN)/pytest

docs: $(STAMP) ## build the documentation strictly
	$(BIN)/zensical build --strict --clean

commands-page: $(STAMP) ## write docs/reference/commands.md from the tool's own help
	$(BIN)/python tests/docs/commands_page.py

notebooks: $(STAMP) ## run docs/notebooks/*.ipynb, keep their outputs, and write their pages (five minutes)
	$(BIN)/python tests/docs/notebooks.py

bench-spark: $(SPARK) ## Spark's overhead and scaling on this machine (about six minutes)
	$(BIN)/python benchmarks/bench_spark.py

bench: $(STAMP) ## speed against clkhash and anonlink, as ratios in one run
	$(BIN)/pytest benchmarks --benchmark-only

COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --override requirements/overrides.txt --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade --quiet

quality: $(STAMP) ## linkage quality over many sets, and interval coverage over 200 studies (hours)
	$(BIN)/python -m benchmarks.quality --page docs/reference/quality.md
	$(BIN)/python -m benchmarks.splink_peer --page docs/reference/quality.md  # needs requirements/quality.lock
	$(BIN)/python benchmarks/interval_coverage.py --studies 200 --requirements 4000

# The tests of the trust protocol, which cover its modules on every branch (see tests/trust_coverage.ini).
TRUST_TESTS = tests/unit/keys tests/unit/messages tests/vectors/test_vectors.py \
  $(addprefix tests/unit/owner/test_,$(addsuffix .py,submission spool controls generalise)) \
  $(addprefix tests/unit/linker/test_,$(addsuffix .py,release project_folder)) \
  $(addprefix tests/unit/analyst/test_,$(addsuffix .py,dishonest_parties cohort)) \
  $(addprefix tests/cli/test_,$(addsuffix .py,keygen agreement audit owner_linker outputs three_owners)) \
  $(addprefix tests/properties/test_,canaries.py project_states.py)

trust-coverage: $(STAMP) ## 100 % branch coverage of keys, agreement, submission, release and audit, or fail
	$(BIN)/pytest -q --cov --cov-config=tests/trust_coverage.ini --cov-report=term-missing:skip-covered \
	  --cov-fail-under=100 $(TRUST_TESTS)

.PHONY: statistics
statistics: $(STAMP) ## interval coverage over 200 studies, the study against the publication over 20 (half an hour)
	$(BIN)/python benchmarks/interval_coverage.py --studies 200 --requirements 4000 --imputations 0 --out docs/reference/coverage.md
	$(BIN)/python benchmarks/study_targets.py --seeds 20 --first 61 --out docs/reference/study-targets.md

vectors: $(STAMP) ## write the single-fault vectors of tests/vectors anew
	$(BIN)/python tests/vectors/make_vectors.py

lock: $(STAMP) ## resolve requirements/*.lock anew
	$(COMPILE) --all-extras --group dev --no-emit-package pyspark --no-emit-package py4j -o requirements/all.lock
	$(COMPILE) --all-extras --group dev --group quality --no-emit-package pyspark --no-emit-package py4j -o requirements/quality.lock
	$(COMPILE) --extra spark -o requirements/spark.lock
	$(COMPILE) --extra linker --extra service --extra s3 -o requirements/service.lock
	echo hatchling | $(subst pyproject.toml,-,$(COMPILE)) -o requirements/build.lock

clean: ## remove what the other targets made
	rm -rf $(VENV) demo-out site .pytest_cache .mypy_cache .ruff_cache .benchmarks
