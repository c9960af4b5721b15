package v1alpha1_test

import (
	"encoding/json"
	"math/rand"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	"k8s.io/apimachinery/pkg/api/resource"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	applyv1alpha1 "github.com/chatcluster/chatcluster/api/v1alpha1/applyconfiguration/api/v1alpha1"
)

// rounds is how many objects of each kind are made up. Their seed is fixed, so that a failure comes back.
const rounds = 200

func funcs(serializer.CodecFactory) []any {
	return []any{
		// A quantity keeps its value over a round trip, not the way in which it was written.
		func(q *resource.Quantity, c randfill.Continue) {
			*q = *resource.NewQuantity(c.Int63n(1<<40), resource.BinarySI)
		},
		// A part's name stands in what it holds.
		func(p *v1alpha1.PodPart, c randfill.Continue) {
			p.Name = c.String(0)
			p.Raw.Raw = raw(map[string]any{"name": p.Name, "value": c.String(0)})
		},
		func(e *runtime.RawExtension, c randfill.Continue) { e.Raw = raw(map[string]any{"a": c.String(0)}) },
	}
}

func raw(value map[string]any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

func newFuzzer(codecs serializer.CodecFactory) *randfill.Filler {
	return fuzzer.FuzzerFor(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, funcs), rand.NewSource(1), codecs).NumElements(1, 3)
}

// Whatever the API holds comes back from JSON, YAML, CBOR and unstructured objects as it was.
func TestRoundTrip(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	codecs := serializer.NewCodecFactory(scheme)
	for _, kind := range []string{"ChatCluster", "ChatTenant"} {
		t.Run(kind, func(t *testing.T) {
			roundtrip.RoundTripSpecificKindWithoutProtobuf(t, v1alpha1.GroupVersion.WithKind(kind), scheme, codecs, newFuzzer(codecs), nil)
		})
	}
}

// What is applied by apply configurations is what the types say: no field is missing there or has another name.
func TestApplyConfigurationsHoldEverything(t *testing.T) {
	filler := newFuzzer(serializer.NewCodecFactory(runtime.NewScheme()))
	for range rounds {
		checkApplied(t, filler, &v1alpha1.ChatCluster{}, &v1alpha1.ChatCluster{}, &applyv1alpha1.ChatClusterApplyConfiguration{})
		checkApplied(t, filler, &v1alpha1.ChatTenant{}, &v1alpha1.ChatTenant{}, &applyv1alpha1.ChatTenantApplyConfiguration{})
		if t.Failed() {
			return
		}
	}
}

// notApplied are what only the API server writes.
var notApplied = cmpopts.IgnoreFields(metav1.ObjectMeta{}, "SelfLink", "ManagedFields")

func checkApplied(t *testing.T, filler *randfill.Filler, in, out, config any) {
	t.Helper()
	filler.Fill(in)
	convert(t, in, config)
	convert(t, config, out)
	if diff := cmp.Diff(in, out, cmpopts.EquateEmpty(), notApplied); diff != "" {
		t.Errorf("lost on the way through %T (-had +has):\n%s", config, diff)
	}
}

func convert(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}
