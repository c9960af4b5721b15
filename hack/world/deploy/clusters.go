package deploy

import (
	"context"
	"encoding/json"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Condition is a Kubernetes condition.
type Condition struct {
	Type               string `json:"type"`
	Status             string `json:"status"`
	Reason             string `json:"reason"`
	Message            string `json:"message"`
	ObservedGeneration int64  `json:"observedGeneration"`
}

// object is what this package reads of a Kubernetes object.
type object struct {
	Metadata struct {
		Name       string `json:"name"`
		Namespace  string `json:"namespace"`
		Generation int64  `json:"generation"`
	} `json:"metadata"`
	Status struct {
		Conditions []Condition `json:"conditions"`
	} `json:"status"`
}

// Cluster is a ChatCluster and its conditions.
type Cluster struct {
	Namespace, Name string
	Conditions      []Condition
}

// Clusters lists a world's ChatClusters.
func Clusters(ctx context.Context, w world.World) ([]Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := kubectl(ctx, w.Kubectl, w.Kubeconfig, nil, "get", "chatclusters", "-A", "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []object `json:"items"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, err
	}
	var clusters []Cluster
	for _, c := range list.Items {
		clusters = append(clusters, Cluster{Namespace: c.Metadata.Namespace, Name: c.Metadata.Name, Conditions: c.Status.Conditions})
	}
	return clusters, nil
}
