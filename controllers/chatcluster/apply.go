package chatcluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// FieldOwner owns the fields that the operator applies.
const FieldOwner = client.FieldOwner("chatcluster-operator")

// ownerKind is the kind in the children's owner references.
const ownerKind = "ChatCluster"

// annotationApplied on a child is the hash of what was applied. With it a field that is no longer applied is noticed, which
// comparing with the live object cannot.
const annotationApplied = "chatcluster.io/applied"

// applied tells what apply found and did.
type applied struct {
	// live is the object before, nil when there was none.
	live client.Object
	// changed is true when something was written.
	changed bool
}

// apply makes a child as config says, by server-side apply. It writes nothing when the live object was made from the same
// configuration and still holds all of it. into is an empty object of the child's type. A namesake that is not this
// ChatCluster's is a terminal error.
func (s *scope) apply(ctx context.Context, into client.Object, config any) (applied, error) {
	desired, err := toUnstructured(config)
	if err != nil {
		return applied{}, err
	}
	// A version that the live object must have is for the write alone.
	version := desired.GetResourceVersion()
	desired.SetResourceVersion("")
	hash, err := hashOf(desired.Object)
	if err != nil {
		return applied{}, err
	}
	if err := unstructured.SetNestedField(desired.Object, hash, "metadata", "annotations", annotationApplied); err != nil {
		return applied{}, fmt.Errorf("annotate: %w", err)
	}
	what := desired.GetKind() + " " + desired.GetName()
	live, err := s.live(ctx, into, client.ObjectKeyFromObject(desired))
	if err != nil {
		return applied{}, kubernetes("get "+what, err)
	}
	var lacks []string
	if live != nil {
		if err := s.mine(live, what); err != nil {
			return applied{}, err
		}
		have, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
		if err != nil {
			return applied{}, fmt.Errorf("convert %s: %w", what, err)
		}
		if lacks = missing(have, desired.Object); len(lacks) == 0 {
			return applied{live: live}, nil
		}
	}
	s.planApply(what, live != nil, lacks)
	desired.SetResourceVersion(version)
	err = s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), FieldOwner, client.ForceOwnership)
	if err != nil {
		return applied{live: live}, kubernetes("apply "+what, err)
	}
	delete(s.absent, absentKey(into, desired.GetName()))
	s.wrote = true
	return applied{live: live, changed: true}, nil
}

// planApply notes what would be applied, while that is all that may be done.
func (s *scope) planApply(what string, exists bool, lacks []string) {
	if s.plan == nil {
		return
	}
	if !exists {
		s.plan.note("create %s", what)
		return
	}
	applied := "metadata.annotations." + annotationApplied
	lacks = slices.DeleteFunc(lacks, func(l string) bool { return len(lacks) > 1 && strings.HasPrefix(l, applied) })
	s.plan.note("change %s: %s", what, strings.Join(lacks, "; "))
}

// live returns the child as it is, nil when there is none. The cache holds only what carries the operator's labels, so what
// it does not know is looked up once more, once in a pass.
func (s *scope) live(ctx context.Context, into client.Object, key client.ObjectKey) (client.Object, error) {
	err := s.Get(ctx, key, into)
	if apierrors.IsNotFound(err) {
		what := absentKey(into, key.Name)
		if s.absent[what] {
			return nil, nil
		}
		if err = s.APIReader.Get(ctx, key, into); apierrors.IsNotFound(err) {
			s.absent[what] = true
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return into, nil
}

func absentKey(o client.Object, name string) string {
	return fmt.Sprintf("%T %s %s", o, o.GetObjectKind().GroupVersionKind().Kind, name)
}

// mine tells whether a live child is this ChatCluster's. One of a ChatCluster of the same name that was deleted is about to
// be collected: its place is free soon.
func (s *scope) mine(live client.Object, what string) error {
	if metav1.IsControlledBy(live, s.cc) {
		return nil
	}
	owner := metav1.GetControllerOf(live)
	if owner != nil && owner.APIVersion == v1alpha1.GroupVersion.String() && owner.Kind == ownerKind && owner.Name == s.cc.Name {
		return fault.Transient(v1alpha1.ReasonPending, "%s is left from an earlier ChatCluster of this name: waits for it to go", what)
	}
	return fault.Terminal(v1alpha1.ReasonNotOwned, "%s exists and is not this ChatCluster's: delete it, or choose another name for the ChatCluster", what)
}

func toUnstructured(config any) (*unstructured.Unstructured, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(b); err != nil {
		return nil, fmt.Errorf("unmarshal: %w", err)
	}
	return u, nil
}

func hashOf(object map[string]any) (string, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("hash: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}

// kubernetes gives an error of the API server its kind.
func kubernetes(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return fault.Terminal(v1alpha1.ReasonInvalid, "%s: %s", doing, err)
	case apierrors.IsForbidden(err):
		return fault.Terminal(v1alpha1.ReasonAccessDenied, "%s: %s", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
