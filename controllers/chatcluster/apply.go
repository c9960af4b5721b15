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
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// FieldOwner owns the fields that the operator applies.
const FieldOwner = client.FieldOwner("chatcluster-operator")

// ownerKind is the kind in the children's owner references.
const ownerKind = "ChatCluster"

// annotationApplied on a child is the hash of what was applied. With it a field that is no longer applied is noticed, which
// comparing with the live object cannot.
const annotationApplied = "chatcluster.io/applied"

// noVersion is a version that no object has: the first revision of etcd holds none.
const noVersion = "1"

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
	data, err := json.Marshal(config)
	if err != nil {
		return applied{}, fmt.Errorf("marshal: %w", err)
	}
	kind, name := named(config)
	what := kind + " " + name
	live, err := s.live(ctx, into, client.ObjectKey{Namespace: s.cc.Namespace, Name: name})
	if err != nil {
		return applied{}, kubernetes("get "+what, err)
	}
	child := idOf(into, name)
	if live != nil {
		if err := s.mine(live, what); err != nil {
			return applied{}, err
		}
		if s.seen.asApplied(s.cc.UID, child, data, live) {
			return applied{live: live}, nil
		}
	}
	desired, version, err := describe(data)
	if err != nil {
		return applied{}, err
	}
	if live == nil && s.plan == nil && !s.seen.has(s.cc.UID, child) {
		// Nobody knows of it, so most likely it is not there: a version that no object has holds only for one that is to be made.
		desired.SetResourceVersion(noVersion)
		err := s.write(ctx, desired)
		if apierrors.IsConflict(err) {
			// There is one. Now it is looked at past the cache.
			s.seen.note(s.cc.UID, child, nil, nil)
			return s.apply(ctx, into, config)
		}
		if err != nil {
			return applied{}, kubernetes("apply "+what, err)
		}
		s.seen.note(s.cc.UID, child, data, nil)
		return applied{changed: true}, nil
	}
	var lacks []string
	if live != nil {
		if lacks, err = lacking(live, desired); err != nil {
			return applied{}, err
		}
		if len(lacks) == 0 {
			s.seen.note(s.cc.UID, child, data, live)
			return applied{live: live}, nil
		}
	}
	s.planApply(what, live != nil, lacks)
	desired.SetResourceVersion(version)
	if err := s.write(ctx, desired); err != nil {
		return applied{live: live}, kubernetes("apply "+what, err)
	}
	if s.plan == nil {
		s.seen.note(s.cc.UID, child, data, nil)
	}
	return applied{live: live, changed: true}, nil
}

// named returns the kind and the name of what is applied.
func named(config any) (kind, name string) {
	switch c := config.(type) {
	case workload.Object:
		return c.Kind, *c.Metadata.Name
	case interface {
		GetKind() *string
		GetName() *string
	}:
		return ptr.Deref(c.GetKind(), ""), ptr.Deref(c.GetName(), "")
	}
	return "", ""
}

// write applies a child.
func (s *scope) write(ctx context.Context, desired *unstructured.Unstructured) error {
	err := s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), FieldOwner, client.ForceOwnership)
	s.wrote = s.wrote || err == nil
	return err
}

// describe returns what is applied: the configuration, without the version that the live object must have, and with its hash.
func describe(config []byte) (desired *unstructured.Unstructured, version string, err error) {
	desired = &unstructured.Unstructured{}
	if err := desired.UnmarshalJSON(config); err != nil {
		return nil, "", fmt.Errorf("unmarshal: %w", err)
	}
	version = desired.GetResourceVersion()
	desired.SetResourceVersion("")
	hash, err := hashOf(desired.Object)
	if err != nil {
		return nil, "", err
	}
	if err := unstructured.SetNestedField(desired.Object, hash, "metadata", "annotations", annotationApplied); err != nil {
		return nil, "", fmt.Errorf("annotate: %w", err)
	}
	return desired, version, nil
}

// lacking lists what a live child lacks of what is desired.
func lacking(live client.Object, desired *unstructured.Unstructured) ([]string, error) {
	whole, err := unpack(live)
	if err != nil {
		return nil, err
	}
	have, err := runtime.DefaultUnstructuredConverter.ToUnstructured(whole)
	if err != nil {
		return nil, fmt.Errorf("convert %s %s: %w", desired.GetKind(), desired.GetName(), err)
	}
	return missing(have, desired.Object), nil
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

// live returns the child as it is, nil when there is none. The cache holds only what carries the operator's labels, and may be behind:
// what was here before and is not in it is looked up past it. What has never been here is found when it is applied.
func (s *scope) live(ctx context.Context, into client.Object, key client.ObjectKey) (client.Object, error) {
	child := idOf(into, key.Name)
	err := s.Get(ctx, key, into)
	if apierrors.IsNotFound(err) && (s.plan != nil || s.seen.has(s.cc.UID, child)) {
		err = s.APIReader.Get(ctx, key, into)
	}
	if apierrors.IsNotFound(err) {
		s.seen.drop(s.cc.UID, child)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return into, nil
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
