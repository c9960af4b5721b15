{{- define "gvList" -}}
# Custom resources

Generated from the types in [`api/v1alpha1`](../../api/v1alpha1) by `make manifests`. Do not edit. `kubectl explain chatcluster.spec --recursive` tells the
same, and [the samples](../../config/samples/README.md) show it in use. What [conditions](../conditions.md) and annotations mean has a page of its own.

{{ range . }}
{{ template "gvDetails" . }}
{{ end }}
{{- end -}}
