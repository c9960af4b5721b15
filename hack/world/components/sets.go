package components

import "time"

// KubernetesVersion is what hack/components/kubernetes pins; the binaries report it.
const KubernetesVersion = "v1.37.2"

const kubernetesFlags = "-s -w" +
	" -X k8s.io/component-base/version.gitVersion=" + KubernetesVersion +
	" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"

// Etcd is the cluster's store; with Kubernetes it is all that the operator's envtest suite needs.
func Etcd() Set {
	return goSet(Set{Name: "etcd", Title: "Building etcd (once, about 1 min)", Within: 20 * time.Minute, dir: "hack/components/etcd", inputs: []string{"go.mod", "go.sum"}},
		"-s -w", map[string]string{"etcd": "go.etcd.io/etcd/server/v3"})
}

// Kubernetes is the control plane, the node agent, the proxy and kubectl, in one build: they share most packages.
func Kubernetes() Set {
	bins := map[string]string{}
	for _, b := range []string{"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"} {
		bins[b] = "k8s.io/kubernetes/cmd/" + b
	}
	return goSet(Set{Name: "kubernetes-" + KubernetesVersion, Title: "Building Kubernetes " + KubernetesVersion + " (once, about 10 min on 2 cores)", Within: 60 * time.Minute, dir: "hack/components/kubernetes", inputs: []string{"go.mod", "go.sum"}},
		kubernetesFlags, bins)
}

// CoreDNS is the cluster's DNS.
func CoreDNS() Set {
	return goSet(Set{Name: "coredns", Title: "Building CoreDNS (once, about 2 min)", Within: 30 * time.Minute, dir: "hack/components/coredns", inputs: []string{"go.mod", "go.sum", "main.go"}},
		"-s -w", map[string]string{"coredns": "."})
}

// Helm installs the operator's chart.
func Helm() Set {
	return goSet(Set{Name: "helm", Title: "Building helm (once, about 1 min)", Within: 30 * time.Minute, dir: "hack/components/helm", inputs: []string{"go.mod", "go.sum"}},
		"-s -w", map[string]string{"helm": "helm.sh/helm/v4/cmd/helm"})
}

// Engines are Kafka and DynamoDB Local: folders kafka/lib and dynamodb/lib of jars.
func Engines() Set {
	return Set{
		Name: "engines", Title: "Fetching Kafka and DynamoDB Local (once)", Within: 20 * time.Minute,
		dir: "hack/components/engines", inputs: []string{"pom.xml", "kafka/pom.xml", "dynamodb/pom.xml"},
		make: fetch,
	}
}
