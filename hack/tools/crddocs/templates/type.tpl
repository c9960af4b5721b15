{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}
## {{ $type.Name }}
{{ if $type.Doc }}
{{ $type.Doc }}
{{ end }}
{{- if $type.IsAlias }}
Written as {{ markdownRenderTypeLink $type.UnderlyingType }}.
{{ end }}
{{- if $type.References }}
Part of{{ range $i, $r := $type.SortedReferences }}{{ if $i }},{{ end }} {{ markdownRenderTypeLink $r }}{{ end }}.
{{ end }}
{{- if $type.Members }}
| field | type | | rules |
| --- | --- | --- | --- |
{{- if $type.GVK }}
| `apiVersion` | string | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | |
| `kind` | string | `{{ $type.GVK.Kind }}` | |
{{- end }}
{{- range $type.Members }}
| `{{ .Name }}` | {{ markdownRenderType .Type }} | {{ template "type_members" . }} | {{ range $i, $rule := .Validation }}{{ if eq $rule "Required: {}" }}**required** {{ else if ne $rule "Optional: {}" }}{{ markdownRenderFieldDoc $rule }}<br />{{ end }}{{ end }}{{ with .Default }}default: {{ markdownRenderDefault . }}{{ end }} |
{{- end }}
{{ end }}
{{- if $type.EnumValues }}
| value | |
| --- | --- |
{{- range $type.EnumValues }}
| `{{ .Name }}` | {{ markdownRenderFieldDoc .Doc }} |
{{- end }}
{{ end }}
{{- end }}
{{- end -}}
