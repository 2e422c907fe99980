# Vitrine: the commands of a working day. `make` alone lists them.
#
# `make test` is the one that decides: it prepares a fresh machine (only Go has
# to be there), then vets and runs every test, real clients included.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

# With -race comes a check of every unsafe pointer. SQLite, which is C written as
# Go, is made of them, and a third of all the time would go there; our own
# packages keep the check.
RACE = -race -gcflags=modernc.org/...=-d=checkptr=0

# Packages without the tests that need what scripts/setup-tests installs.
UNIT = $(shell go list ./... | grep -v /test/)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/vitrine, one static file
	CGO_ENABLED=0 go build -trimpath -o bin/vitrine ./cmd/vitrine

.PHONY: man
man: ## write the manual pages to bin/man
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) go run ./cmd/manpages bin/man

.PHONY: run
run: build ## build and serve ./vitrine-data on 127.0.0.1:8080
	bin/vitrine serve --listen 127.0.0.1:8080 --data vitrine-data

.PHONY: test
test: ## everything: set up what is missing, vet, all tests with the race detector
	scripts/setup-tests
	go vet ./...
	CGO_ENABLED=1 go test $(RACE) -count=1 -timeout 30m ./...

.PHONY: unit
unit: ## the fast Go tests only
	go test $(UNIT)

.PHONY: clients
clients: ## only the tests with curl, python-gitlab and the vitrine client
	scripts/setup-tests
	go test -count=1 -timeout 30m -v ./test/clients/...

.PHONY: browser
browser: ## only the tests of pages in Chromium; pictures go to test/out/browser
	scripts/setup-tests
	go test -count=1 -timeout 30m -v ./test/browser/...

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint, pinned
	$(GOLANGCI) run ./...

$(GOLANGCI):
	GOBIN="$(CURDIR)/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: fuzz
fuzz: ## every fuzz target for a short while (FUZZTIME=10s)
	scripts/fuzz

.PHONY: bench
bench: ## measure the server beside nginx and print a table
	bench/run

.PHONY: clean
clean: ## remove what the targets above made, the Python environment too
	rm -rf bin test/out bench/out .venv
