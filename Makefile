# The front door. Logic lives in xtask; what must work before cargo exists lives in xtask/setup.sh.

CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/fewer
export CARGO_TARGET_DIR ?= $(CACHE)/target
export PATH := $(HOME)/.cargo/bin:$(PATH)
XTASK := cargo run --quiet --package xtask --

.PHONY: help run demo test lint bench fmt web deny setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## build everything, start collector, web and agent on this host, print the URL
	@$(XTASK) run

demo: setup ## a photo-sharing site under load, profiled; bounded with ARGS="--seconds 120"
	@$(XTASK) demo $(ARGS)

test: setup ## every test there is: Rust, browser, end to end
	@$(XTASK) test

lint: setup ## rustfmt, clippy, tidy, web lint
	@$(XTASK) lint

bench: setup ## the benchmarks; figures go to bench/out
	@$(XTASK) bench

web: setup ## build the browser pages into web/dist
	@$(XTASK) web

deny: setup ## licences, bans and sources of every dependency
	@$(XTASK) deny

fmt: setup ## format everything
	@$(XTASK) fmt

setup:
	@sh xtask/setup.sh

clean: ## remove what was built
	cargo clean
	rm -rf web/dist web/node_modules
