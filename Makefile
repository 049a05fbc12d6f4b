# Needs Go, make, git and, for the tests, PostgreSQL and a C compiler; the last
# two are installed where that is possible (root on Debian), else named.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LINT_VERSION := v2.15.0
LINT := $(CURDIR)/.bin/golangci-lint-$(LINT_VERSION)
GOTEST := $(CURDIR)/.bin/gotest
FUZZTIME ?= 5s
SEEDS ?= 1-200
DAYS ?= 60
CUSTOMERS ?= 200

# Every module of the repository that has code, the main one first.
MODULES := $(shell find . -name go.mod -not -path './.*' -not -path '*/testdata/*' | xargs -n 1 dirname | sort | \
	while read -r m; do [ -z "$$(find "$$m" -name '*.go' -print -quit)" ] || echo "$$m"; done)
EACH := for m in $(MODULES); do (cd "$$m" && echo "== $$m" &&
WITH_POSTGRES := go run ./internal/pgtest/cmd

.PHONY: help demo test year race lint vet generate check-generated tidy bench seeds months contract build fuzz check postgres cc run-tests

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## watch it work: simulated providers, chaos on, no account needed
	go run ./cmd/trivet demo

test: postgres $(GOTEST) ## run all tests, on SQLite and PostgreSQL
	$(WITH_POSTGRES) $(MAKE) --no-print-directory run-tests FLAGS='-timeout 20m'

# Not with the race detector: what runs in one goroutine (the worlds of the demo,
# the stories at the root, what is pure), and the crash tests, whose subject is
# another process. SQLite's own code, a translation from C, is left as it is: to
# watch its every access takes most of the time and tells nothing of ours.
SINGLE := trivet$$|/internal/(demo|crash|year|shoptest|config|docgen|messenger)$$|/billing$$|/policy|/notify/(words|pdf)$$|/tools/|/cmd/

race: postgres cc $(GOTEST) ## run the tests with the race detector
	CGO_ENABLED=1 $(WITH_POSTGRES) $(GOTEST) -race -gcflags=modernc.org/...=-race=false -timeout 45m $$(go list ./... | grep -v -E '$(SINGLE)')

run-tests:
	@fail=0; $(EACH) $(GOTEST) $(FLAGS) ./...) || fail=1; done; \
	$(GOTEST) -tags failpoints ./internal/fail || fail=1; \
	$(GOTEST) -tags failpoints -run TestCrash ./internal/year || fail=1; exit $$fail

year: postgres $(GOTEST) ## tell every story of a year, with every fault and an end at every fail point (an hour)
	YEAR=all $(WITH_POSTGRES) $(GOTEST) -tags failpoints -timeout 3h ./internal/year

vet: ## gofmt and go vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted; run gofmt -w on:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@$(EACH) go vet ./...); done

lint: $(LINT) ## golangci-lint, as .golangci.yaml has it
	@$(EACH) $(LINT) run --config $(CURDIR)/.golangci.yaml ./...); done

generate: ## write the generated files anew
	@$(EACH) go generate ./...); done

check-generated: ## fail if a generated file is not what its generator writes
	tools/check-generated

tidy: ## fail if go.mod or go.sum is not tidy
	@$(EACH) go mod tidy -diff); done

bench: postgres ## measure intake, applies, checks and latency on both databases, beside bare inserts
	go run ./bench
	go test -run '^$$' -bench . -benchmem ./billing/... ./provider/... ./internal/api/...

seeds: ## prove SEEDS (1-200) in small worlds of 10 to 20 days: in step, every effect once (make test proves 1-50)
	TRIVET_SEEDS=$(SEEDS) go test -count=1 -timeout 40m -run Seeds ./internal/demo

months: ## run the demo for SEEDS (1-200), DAYS (60) and CUSTOMERS (200) each, and list what failed (hours)
	@dir=$$(mktemp -d) && trap 'rm -r "$$dir"' EXIT && go build -o "$$dir/trivet" ./cmd/trivet && \
	go build -o "$$dir/months" ./tools/months && "$$dir/months" -program "$$dir/trivet" -seeds $(SEEDS) -days $(DAYS) -customers $(CUSTOMERS)

contract: ## check simulators and drivers against the OpenAPI descriptions in the folder SPECS (docs/providers/descriptions.md)
	@[ -n "$(SPECS)" ] || { echo "name the folder: make contract SPECS=FOLDER; docs/providers/descriptions.md says what it holds" >&2; exit 2; }
	cd contract && TRIVET_SPECS=$(abspath $(SPECS)) go test -count=1 -v -tags specs -run 'Descriptions|Breaches' .

build: ## build ./trivet: one static binary, no cgo
	CGO_ENABLED=0 go build ./...
	@if [ -d cmd/trivet ]; then set -x; CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o trivet ./cmd/trivet; fi

fuzz: ## fuzz every target for FUZZTIME (5s)
	FUZZTIME=$(FUZZTIME) tools/fuzz

check: vet tidy lint test race check-generated build fuzz ## all of the above that can fail

postgres:
	@tools/need postgres

cc:
	@tools/need cc

$(LINT):
	@mkdir -p $(@D)/install
	GOBIN=$(@D)/install go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(@D)/install/golangci-lint $@

$(GOTEST): $(wildcard tools/gotest/*.go) go.mod
	@go build -o $@ ./tools/gotest
