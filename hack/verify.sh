#!/usr/bin/env bash
# Fails when something that is generated is not what `make generate` makes now, or when a module is not tidy. It compares
# contents, not commits, so it also serves before a commit; it leaves the newly generated files in place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

generated() {
  { find api config charts runtime docs/reference -type f \( -name 'zz_generated.*' -o -name '*.pb.go' -o -path 'config/crd/*' -o -path 'config/rbac/*' \
      -o -path config/argocd/argocd-cm.yaml -o -path config/prometheus/prometheusrule.yaml -o -path 'charts/*' -o -path '*/applyconfiguration/*' -o -path docs/reference/crds.md \) -print0 | sort -z | xargs -0 sha256sum; }
}

before="$(generated)"
make --no-print-directory generate >/dev/null
if ! changed="$(diff <(echo "$before") <(generated))"; then
  echo "These generated files were not current (they are now; commit them):" >&2
  awk '/^[<>]/ {print "  " $3}' <<<"$changed" | sort -u >&2
  exit 1
fi

failed=0
# What is stored and what is in topics outlives a release: nothing that the baseline knows may be removed or change its meaning.
if ! PATH="$PWD/bin:$PATH" buf breaking --against hack/proto/baseline.binpb; then
  echo "The protobuf messages break with hack/proto/baseline.binpb, which is what is out there" >&2
  failed=1
fi

for mod in . hack/bench hack/release hack/world hack/tools hack/tools/buf hack/tools/crddocs hack/tools/lint hack/tools/promtool hack/components/coredns hack/components/etcd hack/components/helm hack/components/kubernetes hack/components/s3 test/automation test/packaging; do
  if ! (cd "$mod" && go mod tidy -diff >/dev/null 2>&1); then
    echo "$mod: go.mod or go.sum is not tidy: run go mod tidy there" >&2
    failed=1
  fi
done

unformatted="$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)"
if [ -n "$unformatted" ]; then
  printf 'not gofmt-ed:\n%s\n' "$unformatted" >&2
  failed=1
fi
exit "$failed"
