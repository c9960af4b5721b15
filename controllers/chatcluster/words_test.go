package chatcluster

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// A word is kept once, a part of a larger one keeps no more than itself, and what is known is bounded.
func TestWordsAreKeptOnce(t *testing.T) {
	w := words{all: map[string]string{}}
	text := "Ready is what it says"
	first, again := w.one(text[:5]), w.one(fmt.Sprint("Rea", "dy"))
	if first != "Ready" || unsafe.StringData(first) != unsafe.StringData(again) || unsafe.StringData(first) == unsafe.StringData(text) {
		t.Errorf("%q and %q are not one", first, again)
	}
	for i := range 3 * maxWords {
		if got := w.one(fmt.Sprint(i)); got != fmt.Sprint(i) {
			t.Fatalf("%d became %q", i, got)
		}
	}
	if len(w.all) > maxWords {
		t.Errorf("%d are known", len(w.all))
	}
}

// What is tidied says the same, keeps one copy of each string, and has no room that it does not use.
func TestTidy(t *testing.T) {
	made := func() *v1alpha1.ChatTenant {
		ct := &v1alpha1.ChatTenant{}
		ct.Spec.Issuer.URL = strings.Clone("https://id.example")
		ct.Spec.Retention.Messages = &metav1.Duration{Duration: 5}
		ct.Spec.Push = &v1alpha1.TenantPush{}
		ct.Status.Conditions = append(make([]metav1.Condition, 0, 8), metav1.Condition{Type: strings.Clone("Ready"), LastTransitionTime: metav1.Now()})
		return ct
	}
	one, other := made(), made()
	other.Status.Conditions[0].LastTransitionTime = one.Status.Conditions[0].LastTransitionTime
	want := one.DeepCopy()
	for _, ct := range []*v1alpha1.ChatTenant{one, other} {
		tidy(reflect.ValueOf(ct).Elem())
	}
	if d := cmp.Diff(want, one); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	same := func(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }
	if !same(one.Spec.Issuer.URL, other.Spec.Issuer.URL) || !same(one.Status.Conditions[0].Type, other.Status.Conditions[0].Type) {
		t.Error("strings are kept twice")
	}
	if cap(one.Status.Conditions) != 1 {
		t.Errorf("there is room for %d conditions", cap(one.Status.Conditions))
	}
}

// Children of one owner have one list of owners; any other list is its own.
func TestChildrenShareTheirOwner(t *testing.T) {
	f := family{all: map[types.UID][]metav1.OwnerReference{}}
	owner := func(uid types.UID, controls bool) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: "ChatCluster", Name: "demo", UID: uid, Controller: ptr.To(controls)}}
	}
	first, again := f.one(owner("u", true)), f.one(owner("u", true))
	if &first[0] != &again[0] {
		t.Error("two children of one owner have a list each")
	}
	for reason, other := range map[string][]metav1.OwnerReference{
		"another owner": owner("v", true), "the same in another way": owner("u", false), "two owners": append(owner("u", true), owner("v", false)...), "none": nil,
	} {
		want := append([]metav1.OwnerReference(nil), other...)
		if d := cmp.Diff(want, f.one(other)); d != "" {
			t.Errorf("%s (-want +got):\n%s", reason, d)
		}
	}
	for i := range 2 * maxWords {
		f.one(owner(types.UID(fmt.Sprint(i)), true))
	}
	if len(f.all) > maxWords {
		t.Errorf("%d owners are known", len(f.all))
	}
}

// Objects with the same labels have one set of them.
func TestSameLabelsAreKeptOnce(t *testing.T) {
	l := labelSets{all: map[string]map[string]string{}}
	one, same := l.one(map[string]string{"a": "1", "b": "2"}), l.one(map[string]string{"b": "2", "a": "1"})
	if reflect.ValueOf(one).Pointer() != reflect.ValueOf(same).Pointer() {
		t.Error("they are kept twice")
	}
	for _, other := range []map[string]string{{"a": "1"}, {"a": "2", "b": "1"}, {"a": "1", "b": "2", "c": "3"}} {
		if d := cmp.Diff(other, l.one(other)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	if l.one(nil) != nil || l.one(map[string]string{}) != nil {
		t.Error("no labels take room")
	}
	for i := range 2 * maxWords {
		l.one(map[string]string{"a": fmt.Sprint(i)})
	}
	if len(l.all) > maxWords {
		t.Errorf("%d sets are known", len(l.all))
	}
}

// Annotations that are not ours are no news and take no room; ours stay.
func TestOthersAnnotationsAreNoNews(t *testing.T) {
	cached := func(annotations map[string]string) *v1alpha1.ChatTenant {
		o, err := slimOurs(&v1alpha1.ChatTenant{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}})
		if err != nil {
			t.Fatal(err)
		}
		return o.(*v1alpha1.ChatTenant)
	}
	plain := cached(nil)
	for name, tc := range map[string]struct {
		annotations map[string]string
		news        bool
	}{
		"kubectl's": {map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}, false},
		"Argo CD's": {map[string]string{"argocd.argoproj.io/tracking-id": "a"}, false},
		"a request": {map[string]string{v1alpha1.AnnotationReconcile: "now", "other.example/x": "y"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := cached(tc.annotations)
			if got := (predicate.AnnotationChangedPredicate{}).Update(event.UpdateEvent{ObjectOld: plain, ObjectNew: after}); got != tc.news {
				t.Errorf("is news: %t", got)
			}
			if !tc.news && after.Annotations != nil {
				t.Errorf("kept %v", after.Annotations)
			}
		})
	}
}
