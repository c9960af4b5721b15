// Package chart renders the Helm chart as Helm does, its schema included, and the kustomizations as kustomize does. Its tests compare
// what comes of several files of values with golden files, and the chart's copies with what they are copies of.
package chart
