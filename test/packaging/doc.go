// Package packaging holds the tests of what is shipped beside the code: the Helm chart, the kustomizations, rules, dashboards and IAM
// policies. It is a module of its own because what it tests with (Helm, kustomize, Prometheus) is no dependency of the product.
package packaging
