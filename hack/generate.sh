#!/usr/bin/env bash
# Generates what is made from api/ and from RBAC markers, and the chart's copies of it. Run by `make manifests`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
gen=bin/controller-gen
header=hack/boilerplate.go.txt

$gen object:headerFile=$header paths=./api/...
$gen applyconfiguration:headerFile=$header paths=./api/...
$gen crd:maxDescLen=1024 paths=./api/... output:crd:dir=config/crd/bases
