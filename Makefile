# ChatCluster. `make help` lists the targets; `make up` and `make test` are all the set-up there is.

SHELL := /usr/bin/env bash -euo pipefail -c
.DEFAULT_GOAL := help

BIN     := $(CURDIR)/bin
PKGS     = $(shell go list ./... | grep -v -e /test/e2e -e 'pb$$')
# These need a real kube-apiserver and etcd.
ENVTEST := %/controllers/chatcluster %/controllers/chattenant %/test/controlplane %/test/docs/manifests
WORLD    = go run -C hack/world .
NAME    ?= dev
SITE    := hack/site
NPM      = $(NODE_FIRST); npm --prefix $(SITE)
# Engine, fault and e2e tests each run in a world of their own, beside any other.
ENGINES := test-engines
E2E     := test-e2e
BROWSER := test-browser
FAULTS  := test-faults
DURATION ?= 30m
# A Node.js that is recent enough comes first in PATH: the machine's own, or one that its npm has fetched.
NODE_FIRST = node="$$($(WORLD) node)"; export PATH="$${node:+$$node:}$$PATH"
GOTEST   = go test -race -count=1 -timeout 20m

##@ Run it

.PHONY: up down status logs doctor images dev web
dev: ## The data plane alone in one process, for who builds a client; ARGS="--ephemeral" and more
	@$(WORLD) web --if-node
	CGO_ENABLED=0 go build -o $(BIN)/chatd ./cmd/chatd
	exec $(BIN)/chatd dev $(ARGS)

up: ## Everything on this machine: engines, Kubernetes, operator, one ChatCluster, two demo users
	$(WORLD) up --name $(NAME)

down: ## Stop it all; PURGE=1 deletes the data as well
	$(WORLD) down --name $(NAME) $(if $(PURGE),--purge)

status: ## What runs, how much it uses, which conditions hold
	$(WORLD) status --name $(NAME)

logs: ## Logs of a component: make logs C=kafka
	$(WORLD) logs --name $(NAME) $(C)

doctor: ## Is this machine able to run it?
	$(WORLD) doctor

web: node ## Build the web client into runtime/web/dist, from where chatd embeds it
	$(WORLD) web

images: ## Build the two images, without a registry, into dist/
	$(WORLD) images --out $(CURDIR)/dist

##@ Test it

.PHONY: test compiler node chromium test-docs test-unit test-web test-envtest assets test-engines test-faults test-e2e test-browser test-world check
test: compiler lint verify test-docs test-unit test-web test-world test-envtest test-engines test-faults test-e2e test-browser ## Every rung of the ladder
	@echo "all rungs passed: lint, verify, docs, unit, web, world, envtest, engines, faults, e2e, browser"

compiler: # The race detector needs a C compiler.
	@command -v cc >/dev/null || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends gcc libc6-dev; }

node: # Node.js of any age will do: npm fetches a newer one where it has to.
	@{ command -v node && command -v npm; } >/dev/null || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nodejs npm; }

chromium:
	@command -v $${CHROMIUM:-chromium} >/dev/null || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; }

test-unit: compiler ## Unit tests, embedded engines included, with the race detector
	$(GOTEST) $(filter-out $(ENVTEST),$(PKGS))
	cd test/packaging && $(GOTEST) ./...

test-web: node ## The SDK for browsers and the web app: lint, types, units, the suite for clients, size, and talk through chatd dev; needs Node
	CGO_ENABLED=0 go build -o $(BIN)/chatd ./cmd/chatd
	$(NODE_FIRST); cd runtime/web; npm ci --ignore-scripts; CHATD=$(BIN)/chatd npm run verify

test-world: compiler node ## Unit tests of the local world's own program, of what makes releases, and of what audits and judges the benchmarks
	cd hack/world && $(GOTEST) ./...
	cd hack/release && $(GOTEST) ./...
	cd hack/bench && $(GOTEST) ./load/... ./operator/... ./paired/... ./process/... ./progress/... ./scenario/... ./server/...

test-envtest: compiler ## The reconciler, the control plane for users' tests, and what the pages have people apply, against a real kube-apiserver and etcd
	assets="$$($(WORLD) assets)"; export KUBEBUILDER_ASSETS="$$assets"; $(GOTEST) $(filter $(ENVTEST),$(PKGS)); cd test/automation && $(GOTEST) ./...

assets: ## Build kube-apiserver and etcd for tests; print what KUBEBUILDER_ASSETS must be
	@$(WORLD) assets

test-engines: compiler $(BIN)/versitygw ## The runtime against real DynamoDB Local, Kafka, PostgreSQL, Redis (a cluster, too) and S3
	CHATCLUSTER_TEST_S3_SERVER=$(BIN)/versitygw $(WORLD) run --name $(ENGINES) --engines-only -- $(GOTEST) -tags engines ./runtime/... ./cmd/chatd ./controllers/external/...
	hack/leftovers.sh $(ENGINES)

test-faults: ## A minute of talk while roles are killed and engines broken; then P1 to P6 are verified
	CGO_ENABLED=0 go build -o $(BIN)/chatd ./cmd/chatd
	$(WORLD) run --name $(FAULTS) --engines-only -- $(BIN)/chatd check --duration 60s $(if $(SEED),--seed $(SEED))
	hack/leftovers.sh $(FAULTS)

check: ## The same for long: make check DURATION=30m; SEED=n makes the same plan again
	CGO_ENABLED=0 go build -o $(BIN)/chatd ./cmd/chatd
	$(WORLD) run --name $(FAULTS) --engines-only -- $(BIN)/chatd check --duration $(DURATION) --patience 10m $(if $(SEED),--seed $(SEED))

test-e2e: compiler ## Real pods on a real node: chat while pods, images, secrets and the operator change
	$(WORLD) run --name $(E2E) --next-image -- $(GOTEST) -tags e2e -v ./test/e2e/...
	hack/leftovers.sh $(E2E)

test-browser: node chromium ## The web client in two browsers on real pods: sign-in, talk, outages, a gateway that goes, accessibility
	$(NODE_FIRST); export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1; cd test/web; npm ci --ignore-scripts; npm run typecheck
	$(NODE_FIRST); $(WORLD) run --name $(BROWSER) -- npm --prefix test/web test
	hack/leftovers.sh $(BROWSER)

##@ Measure it

.PHONY: bench
bench: ## Benchmarks, on two cores: make bench S=S1 … S7, S2D2, P1, P2, O1 … O3, or all; QUICK=1 for a look
	cd hack/bench && go build -o $(BIN)/bench . && go build -o $(BIN)/bench-operator ./cmd/operator
	$(if $(filter P2 all,$(or $(S),all)),CGO_ENABLED=0 go build -o $(BIN)/chatd ./cmd/chatd)
	$(if $(filter O% all,$(or $(S),all)),KUBEBUILDER_ASSETS="$$($(WORLD) assets)") taskset -c 1 $(BIN)/bench run $(or $(S),all) $(if $(QUICK),--quick)

##@ Read it

.PHONY: docs docs-serve test-docs
docs: $(SITE)/node_modules/.package-lock.json ## The documentation as a site, into dist/site
	$(NPM) run build

docs-serve: $(SITE)/node_modules/.package-lock.json ## The same while you write, at http://127.0.0.1:5173
	$(NPM) run dev

test-docs: docs ## The site can be built: every page is in its navigation, no link is dead, every diagram can be drawn

$(SITE)/node_modules/.package-lock.json: $(SITE)/package.json $(SITE)/package-lock.json | node
	$(NPM) ci --ignore-scripts
	touch $@

##@ Release it

.PHONY: release
release: ## All of a release, built twice, in dist/release: make release VERSION=1.2.3 REGISTRY=… COSIGN=…; DRY_RUN=1 rehearses, COLD=1 compiles twice
	cd hack/release && CGO_ENABLED=0 go build -o $(BIN)/release .
	$(BIN)/release --repo $(CURDIR) --out $(CURDIR)/dist/release --version "$(VERSION)" $(if $(DRY_RUN),--dry-run) $(if $(COLD)$(if $(DRY_RUN),,1),--cold) \
	  $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(COSIGN),--cosign $(COSIGN)) $(if $(BUILDER),--builder $(BUILDER))

##@ Change it

.PHONY: generate manifests iam model proto proto-baseline lint verify fmt plugin
generate: manifests proto ## Everything that is generated

manifests: $(BIN)/controller-gen $(BIN)/crd-ref-docs ## Deepcopy, apply configurations, CRDs and their page, RBAC, and the chart's copies of them
	hack/generate.sh manifests

iam: ## The IAM policies, from what the code calls
	cd test/packaging && go test ./iam -update

model: ## The spam classifier's model, from its corpus
	go generate ./runtime/moderate/spam/classifier

plugin: ## kubectl-chatcluster, into bin/
	CGO_ENABLED=0 go build -o $(BIN)/kubectl-chatcluster ./cmd/kubectl-chatcluster

proto: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc ## Protobuf and gRPC code
	PATH="$(BIN):$$PATH" buf lint
	PATH="$(BIN):$$PATH" buf generate

proto-baseline: $(BIN)/buf ## With each release: what the next one may not break
	PATH="$(BIN):$$PATH" buf build --exclude-source-info -o hack/proto/baseline.binpb

lint: $(BIN)/golangci-lint $(BIN)/helm $(BIN)/promtool ## gofmt, go vet and golangci-lint on every module of ours; helm lint; rules and their tests
	cd hack/world && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	cd hack/release && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	cd hack/bench && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	cd test/automation && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	cd test/packaging && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...
	$(BIN)/golangci-lint run ./...
	$(BIN)/promtool check rules config/prometheus/rules/*.yaml
	$(BIN)/promtool test rules config/prometheus/tests/*.yaml
	$(BIN)/promtool check config --syntax-only config/prometheus/scrape.yaml
	$(BIN)/helm lint --strict charts/chatcluster
	$(BIN)/helm template chatcluster charts/chatcluster >/dev/null

verify: $(BIN)/controller-gen $(BIN)/crd-ref-docs $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc ## Generated files are current, modules are tidy
	hack/verify.sh

fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')

# Tools are pinned in modules of their own: hack/tools/*/go.mod.
$(BIN)/controller-gen: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && CGO_ENABLED=0 go build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen

$(BIN)/crd-ref-docs: hack/tools/crddocs/go.mod hack/tools/crddocs/go.sum
	cd hack/tools/crddocs && CGO_ENABLED=0 go build -o $@ github.com/elastic/crd-ref-docs

$(BIN)/protoc-gen-go: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && CGO_ENABLED=0 go build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go

$(BIN)/protoc-gen-go-grpc: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && CGO_ENABLED=0 go build -o $@ google.golang.org/grpc/cmd/protoc-gen-go-grpc

$(BIN)/buf: hack/tools/buf/go.mod hack/tools/buf/go.sum
	cd hack/tools/buf && CGO_ENABLED=0 go build -o $@ github.com/bufbuild/buf/cmd/buf

$(BIN)/golangci-lint: hack/tools/lint/go.mod hack/tools/lint/go.sum
	cd hack/tools/lint && CGO_ENABLED=0 go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(BIN)/helm: hack/components/helm/go.mod hack/components/helm/go.sum
	cd hack/components/helm && CGO_ENABLED=0 go build -o $@ helm.sh/helm/v4/cmd/helm

# An S3 server with Object Lock.
$(BIN)/versitygw: hack/components/s3/go.mod hack/components/s3/go.sum
	cd hack/components/s3 && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $@ github.com/versity/versitygw/cmd/versitygw

$(BIN)/promtool: hack/tools/promtool/go.mod hack/tools/promtool/go.sum
	cd hack/tools/promtool && CGO_ENABLED=0 go build -tags remove_all_sd,enable_kubernetes_sd -o $@ github.com/prometheus/prometheus/cmd/promtool

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
