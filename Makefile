# Everything a person or CI runs. `make demo` and `make test` are the two commands of the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# Each file of tests runs in one process, since its tests share what is costly to make.
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile
STAMP := $(VENV)/.installed
SPARK := $(VENV)/.installed-spark

.PHONY: help demo test quick quick-unit lint types imports unit trust-coverage hidden-needs docs commands-page plug-ins-page notebooks walk report-picture slow \
  bench bench-spark spark quality before vectors lock lowest python clean

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

quick: $(STAMP) ## what to run at every change: lint, types, unit tests without slow ones
	$(MAKE) --no-print-directory -j $(JOBS) --output-sync=target lint types imports quick-unit

quick-unit: $(STAMP)
	$(PYTEST) -q -m "not slow" tests/unit tests/project

types: $(STAMP) ## mypy, strict, on sources and tests
	$(BIN)/mypy

imports: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

unit: $(STAMP) ## unit, vector, property, command-line and end-to-end tests
	$(PYTEST)

docs: $(STAMP) ## build the documentation strictly
	$(BIN)/zensical build --strict --clean

commands-page: $(STAMP) ## write docs/reference/commands.md from the tool's own help
	$(BIN)/python tests/docs/commands_page.py

notebooks: $(STAMP) ## run docs/notebooks/*.ipynb, keep their outputs, and write their pages (five minutes)
	$(BIN)/python tests/docs/notebooks.py

walk: $(STAMP) ## follow docs/tutorials/files-of-your-own.md and write what its commands print (a few minutes)
	$(BIN)/python tests/docs/walk.py

report-picture: demo ## the picture of the README, from the demo's report (needs chromium)
	$(BIN)/python tests/docs/report_picture.py demo-out

plug-ins-page: $(STAMP) ## write docs/reference/plug-ins.md from the plug-ins' own models
	$(BIN)/python tests/docs/plug_ins_page.py

bench-spark: $(SPARK) ## Spark's overhead and scaling on this machine (about six minutes)
	$(BIN)/python benchmarks/bench_spark.py

bench: $(STAMP) ## speed against clkhash and anonlink, as ratios in one run
	$(BIN)/pytest benchmarks --benchmark-only

# pandas 3 is an override for a test library; the lowest versions are those of the package alone.
LOWEST = grep -v '^pandas' requirements/overrides.txt >$(VENV)/lowest-overrides.txt && $(BIN)/uv pip compile \
  --python-version 3.11 --override $(VENV)/lowest-overrides.txt --no-emit-index-url --no-emit-find-links \
  --no-annotate --no-header --upgrade --quiet

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
  tests/attacks tests/unit/analyst/test_cohort.py \
  $(addprefix tests/cli/test_,$(addsuffix .py,keygen agreement audit owner_linker outputs three_owners)) \
  $(addprefix tests/properties/test_,canaries.py project_states.py)

trust-coverage: $(STAMP) ## 100 % branch coverage of keys, agreement, submission, release and audit, or fail
	$(PYTEST) --cov --cov-config=tests/trust_coverage.ini --cov-report=term-missing:skip-covered \
	  --cov-fail-under=100 $(TRUST_TESTS)

hidden-needs: $(STAMP) ## hide each need in turn: its tests skip, with its notice, and nothing fails
	$(BIN)/python tests/hidden_needs.py

slow: $(STAMP) ## measure every unit test alone and write tests/slow.txt, which 'make quick' leaves out
	$(BIN)/python tests/slow.py

.PHONY: statistics
statistics: $(STAMP) ## interval coverage over 200 studies, the study against the publication over 20 (half an hour)
	$(BIN)/python benchmarks/interval_coverage.py --studies 200 --requirements 4000 --imputations 0 --out docs/reference/coverage.md
	$(BIN)/python benchmarks/study_targets.py --seeds 20 --first 61 --out docs/reference/study-targets.md

.PHONY: worlds linked-coverage
worlds: $(STAMP) ## the report's intervals where its assumptions do not hold, twelve worlds (half an hour)
	$(BIN)/python benchmarks/worlds.py --seeds 9 --people 6000 --out docs/reference/worlds.md

linked-coverage: $(STAMP) ## coverage of estimates across anybody's links (five minutes)
	$(BIN)/python benchmarks/linked_coverage.py --seeds 50 --out docs/reference/coverage-linked.md

.PHONY: disclosure-attacks
disclosure-attacks: $(STAMP) ## whole studies of four sizes by each method of disclosure control, attacked in their files (hours)
	$(BIN)/python benchmarks/disclosure_attacks.py --people 150000,15000,5000,1500 --seeds 20

before: $(STAMP) ## the demo as the tag v0.1-one-study makes it, of 15,000 people, into before-out/
	rm -rf before-src
	git worktree add --force --detach before-src v0.1-one-study
	PYTHONPATH=before-src/src $(BIN)/python -m blindlink demo --people 15000 --out before-out --force
	git worktree remove --force before-src

FUZZ_SECONDS ?= 3600
.PHONY: fuzz
fuzz: $(STAMP) ## an hour on every parser behind a signature; what it finds is kept (FUZZ_SECONDS=60: a minute)
	PYTHONPATH=tests $(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS) --save

.PHONY: sbom dist
sbom: $(STAMP) ## bills of materials (CycloneDX) of the locked packages, into dist/
	mkdir -p dist
	$(BIN)/python requirements/sbom.py requirements/all.lock >dist/blindlink-all.cdx.json
	$(BIN)/python requirements/sbom.py requirements/service.lock >dist/blindlink-service.cdx.json

dist: sbom ## what a release consists of, into dist/: wheel, source, bills of materials, their digests
	rm -f dist/*.whl dist/*.tar.gz dist/SHA256SUMS*
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build --directory dist
	cd dist && sha256sum -- *.whl *.tar.gz *.cdx.json >SHA256SUMS

.PHONY: model
model: $(STAMP) ## the formal model of the protocol, by Spin (apt-get install spin gcc; three minutes)
	$(BIN)/python tests/formal/run.py

vectors: $(STAMP) ## write the single-fault vectors of tests/vectors anew
	$(BIN)/python tests/vectors/make_vectors.py

lock: $(STAMP) ## resolve requirements/*.lock anew
	$(COMPILE) --all-extras --group dev --no-emit-package pyspark --no-emit-package py4j -o requirements/all.lock
	$(COMPILE) --all-extras --group dev --group quality --no-emit-package pyspark --no-emit-package py4j -o requirements/quality.lock
	$(COMPILE) --extra spark -o requirements/spark.lock
	$(COMPILE) --extra linker --extra service --extra s3 -o requirements/service.lock
	$(LOWEST) --resolution lowest-direct --extra owner --extra linker --extra analyst --extra client \
	  --extra service pyproject.toml -o requirements/lowest.in
	$(LOWEST) --override requirements/lowest.in --generate-hashes requirements/lowest.in requirements/tests.in -o requirements/lowest.lock
	rm requirements/lowest.in
	echo hatchling | $(subst pyproject.toml,-,$(COMPILE)) -o requirements/build.lock

# The quick tests need what the package itself has and no more: not the oracles of whole-file tests.
CHECKED = tests/unit tests/cli/test_selfcheck.py
CHECK = -m blindlink selfcheck

lowest: .venv-lowest/.installed ## unit tests with the lowest versions that the package claims
	.venv-lowest/bin/python $(CHECK)
	.venv-lowest/bin/pytest -n $(JOBS) --dist loadfile -q -m "not slow" $(CHECKED)

.venv-lowest/.installed: requirements/lowest.lock pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/lowest.lock
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

python: ## unit tests and selfcheck on another Python: make python PYTHON=/path/to/python3.13
	$(PYTHON) -m venv --clear .venv-python
	.venv-python/bin/pip install --quiet --disable-pip-version-check -r requirements/tests.in \
	  --editable '.[owner,linker,analyst,client,service]'
	.venv-python/bin/python $(CHECK)
	.venv-python/bin/pytest -n $(JOBS) --dist loadfile -q -m "not slow" $(CHECKED)

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-* dist demo-out before-out before-src site .pytest_cache .mypy_cache .ruff_cache .benchmarks
