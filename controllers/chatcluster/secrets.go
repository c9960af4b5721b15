package chatcluster

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/pinpoint"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// indexSecrets is the field index of the Secrets that a ChatCluster names, in its own namespace.
const indexSecrets = "secrets"

// rememberVersions is for how long what was read of Secrets holds, at least, while none of them has another version.
const rememberVersions = 24 * time.Hour

// secrets finds out whether every Secret that the pods mount is there. A pod without one waits for ever, and nothing in its
// status says why.
func (s *scope) secrets(ctx context.Context) {
	files := s.cluster.Secrets()
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	versions, err := s.versions(ctx, names...)
	if err != nil {
		s.facts.secrets = failed(err)
		return
	}
	type wish struct {
		Files    []workload.SecretFile
		Versions string
	}
	wanted := wish{files, versions}
	if _, ok := s.memo.get(s.cc.UID, "secrets", wanted); ok {
		return
	}
	for _, f := range files {
		if _, err := s.secret(ctx, f.Name, f.Key); err != nil {
			s.facts.secrets = secretFact(err)
			return
		}
	}
	s.memo.put(s.cc.UID, "secrets", wanted, nil, jitter(rememberVersions))
}

// versions are those that the cache knows of Secrets; of one that is not there it is empty. As long as they are the same, so is what the Secrets
// hold, and nothing has to be read past the cache.
func (s *scope) versions(ctx context.Context, names ...string) (string, error) {
	var all strings.Builder
	for _, name := range names {
		known := &metav1.PartialObjectMetadata{}
		known.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		if err := s.Get(ctx, types.NamespacedName{Namespace: s.cc.Namespace, Name: name}, known); client.IgnoreNotFound(err) != nil {
			return "", kubernetes("get the version of Secret "+name, err)
		}
		all.WriteString(version(known))
	}
	return all.String(), nil
}

func version(o metav1.Object) string { return string(o.GetUID()) + " " + o.GetResourceVersion() + "\n" }

// secretNames are the Secrets that a ChatCluster names or waits for, sorted. Those that the operator makes are not among them: its own
// writes tell it nothing. It is pure.
func secretNames(cc *v1alpha1.ChatCluster) []string {
	cluster := workload.Cluster{Namespace: cc.Namespace, Name: cc.Name, Spec: effective(cc)}
	var names []string
	for _, f := range cluster.Secrets() {
		names = append(names, f.Name)
	}
	names = append(names, pinpoint.SecretNames(cluster.Spec.Pinpoint.Channels)...)
	if cluster.Spec.InternalTLS.IssuerRef != nil {
		// cert-manager makes them.
		for _, role := range cluster.SecuredRoles() {
			names = append(names, cluster.CertificateName(role))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func secretsIndexer(o client.Object) []string {
	if cc, ok := o.(*v1alpha1.ChatCluster); ok {
		return secretNames(cc)
	}
	return nil
}

// clustersOfSecret are the ChatClusters that name a Secret that came, changed or went. What was found with what it held is forgotten.
// A pass that is on its way may remember it once more: then the next look now and then sees it.
func (r *Reconciler) clustersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	var list v1alpha1.ChatClusterList
	if err := r.List(ctx, &list, client.InNamespace(secret.GetNamespace()), client.MatchingFields{indexSecrets: secret.GetName()}); err != nil {
		// They look again by themselves, later.
		log.FromContext(ctx).Error(err, "list ChatClusters that name a Secret")
		return nil
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		r.memo.doubt(list.Items[i].UID)
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}

// slimSecret is what the cache keeps of a Secret's metadata: annotations may hold what was applied, the values included.
func slimSecret(o any) (any, error) {
	if m, ok := o.(*metav1.PartialObjectMetadata); ok {
		m.ObjectMeta = metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation}
	}
	return o, nil
}
