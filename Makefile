# Thin: each target is one command that you can as well type.
export CGO_ENABLED ?= 0
.PHONY: help demo test race bench lint format generate assets

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 18

demo: ## Fresnel with a simulated estate, nothing else needed
	go run ./cmd/fresnel demo

test: ## all tests, with PostgreSQL and Chromium (installed if missing); some of them: scripts/test ./internal/cost
	scripts/test

race: ## the race detector, as CI runs it
	scripts/test -race -short ./internal/...

bench: ## what Fresnel costs beside baselines measured in the same run; 20 million rows take most of ten minutes
	go run ./cmd/fresnel-bench

lint: ## the linters and the format (building the linter takes minutes the first time)
	go tool -modfile=tools/go.mod golangci-lint run ./...
	go tool -modfile=tools/go.mod golangci-lint fmt --diff ./...

format: ## gofumpt, as lint asks for it
	go tool -modfile=tools/go.mod golangci-lint fmt ./...

generate: ## Go from the templ files
	go tool templ generate

assets: ## CSS and JavaScript from their sources, with npm
	scripts/assets
