package workload

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
)

// What may be said in a ChatCluster is what the detector has: a pod that does not know a locale does not start.
func TestLocalesAreTheDetectors(t *testing.T) {
	types, err := os.ReadFile(filepath.Join("..", "..", "api", "v1alpha1", "processors_types.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(types), "Locale is a language that the detector of profanity has a list of.\n// +kubebuilder:validation:Enum=")
	if !ok {
		t.Fatal("the enumeration is not where it was")
	}
	list, _, _ := strings.Cut(after, "\n")
	if d := cmp.Diff(slices.Sorted(slices.Values(profanity.Locales())), slices.Sorted(slices.Values(strings.Split(list, ";")))); d != "" {
		t.Errorf("(-detector +API):\n%s", d)
	}
}
