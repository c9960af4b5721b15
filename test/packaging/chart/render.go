package chart

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// Render renders the chart in dir with values, as a new release "chatcluster" in namespace "chatcluster-system". It returns the
// templates' text by their name; those that come out empty are left out. Values that the schema refuses are an error.
func Render(ctx context.Context, dir string, values []byte) (map[string]string, error) {
	chart, err := loader.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("load the chart: %w", err)
	}
	given := map[string]any{}
	if err := yaml.Unmarshal(values, &given); err != nil {
		return nil, fmt.Errorf("read the values: %w", err)
	}
	top, err := util.ToRenderValues(chart, given, common.ReleaseOptions{Name: "chatcluster", Namespace: "chatcluster-system", Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{Strict: true}.RenderWithContext(ctx, chart, top)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for name, text := range rendered {
		if strings.TrimSpace(text) != "" {
			found[strings.TrimPrefix(name, chart.Name()+"/templates/")] = text
		}
	}
	return found, nil
}

// Manifests is the objects of what was rendered, without notes and what is generated, in the order of the templates' names.
func Manifests(rendered map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if path.Ext(name) != ".yaml" || strings.HasPrefix(name, "generated/") {
			continue
		}
		text := strings.TrimSpace(rendered[name])
		fmt.Fprintf(&b, "---\n# %s\n%s\n", name, strings.TrimSpace(strings.TrimPrefix(text, "---")))
	}
	return b.String()
}
