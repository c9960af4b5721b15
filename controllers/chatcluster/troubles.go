package chatcluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

const (
	imagePullBackOff = "ImagePullBackOff"
	crashLoopBackOff = "CrashLoopBackOff"
	// shownTroubles is how many different troubles of a role's pods are shown.
	shownTroubles = 2
	// maxTrouble bounds the text of one, in bytes.
	maxTrouble = 400
)

// podTrouble says why a pod is not getting on, and is empty when it is. It is pure, and says the same for as long as the
// cause is the same: it leaves out pods' names, counts and delays, and the states that a container alternates between.
func podTrouble(pod *corev1.Pod) string {
	if !pod.DeletionTimestamp.IsZero() || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return ""
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return shorten(corev1.PodReasonUnschedulable+": "+c.Message, maxTrouble)
		}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if t := containerTrouble(c); t != "" {
			return shorten(fault.Clean(t), maxTrouble)
		}
	}
	return ""
}

func containerTrouble(c corev1.ContainerStatus) string {
	waiting, ended := c.State.Waiting, c.State.Terminated
	switch {
	case ended != nil && ended.ExitCode == 0, c.Ready:
		return ""
	case ended != nil && c.RestartCount == 0:
		return describeEnd(ended)
	case ended != nil:
		return crashLoopBackOff + ": " + describeEnd(ended)
	case waiting == nil || waiting.Reason == crashLoopBackOff:
		// It runs again, or waits to: until it is ready, what counts is how it ended.
		if last := c.LastTerminationState.Terminated; last != nil {
			return crashLoopBackOff + ": " + describeEnd(last)
		}
		return ""
	}
	switch waiting.Reason {
	case "", "ContainerCreating", "PodInitializing":
		return ""
	case "ErrImagePull", imagePullBackOff:
		message := waiting.Message
		// While it backs off, the kubelet repeats the error behind these words.
		if _, cause, found := strings.Cut(message, ": ErrImagePull: "); found {
			message = cause
		}
		return strings.TrimSuffix(imagePullBackOff+": "+message, ": ")
	}
	return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
}

// describeEnd says how a container ended. Of its last words only chatd's own count: a log's other lines carry times.
func describeEnd(t *corev1.ContainerStateTerminated) string {
	how := fmt.Sprintf("ended with exit code %d, %s", t.ExitCode, t.Reason)
	lines := strings.Split(strings.TrimSpace(t.Message), "\n")
	for _, line := range slices.Backward(lines) {
		for _, prefix := range []string{"chatd: ", "panic: ", "fatal error: "} {
			if strings.HasPrefix(line, prefix) {
				return how + ": " + strings.TrimPrefix(line, "chatd: ")
			}
		}
	}
	return how
}

// troubles sums up why the pods of a role are not getting on, the most frequent cause first.
func troubles(pods []corev1.Pod) string {
	counts := map[string]int{}
	for i := range pods {
		if t := podTrouble(&pods[i]); t != "" {
			counts[t]++
		}
	}
	found := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	var parts []string
	for _, t := range found[:min(len(found), shownTroubles)] {
		noun := "pods"
		if counts[t] == 1 {
			noun = "pod"
		}
		parts = append(parts, fmt.Sprintf("%d %s: %s", counts[t], noun, t))
	}
	return strings.Join(parts, "; ")
}

// explainRole adds to a role that is on its way what its pods are held up by.
func (s *scope) explainRole(ctx context.Context, role string, f fact) fact {
	if f.ready() || f.err != nil {
		return f
	}
	if !s.facts.secrets.ready() {
		_, why := s.facts.secrets.explain()
		f.message += "; " + why
	}
	var pods corev1.PodList
	err := s.List(ctx, &pods, client.InNamespace(s.cc.Namespace), client.MatchingLabels(s.cluster.Labels(role)))
	if err != nil {
		return failed(kubernetes("list the pods of "+role, err))
	}
	if why := troubles(pods.Items); why != "" {
		f.message += "; " + why
	}
	return f
}

// slimPod is what the cache keeps of a pod: enough to tell why it waits and how it ended.
func slimPod(o any) (any, error) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return o, nil
	}
	pod.ManagedFields, pod.Annotations, pod.Spec = nil, nil, corev1.PodSpec{}
	pod.Status = corev1.PodStatus{
		Phase: pod.Status.Phase, Conditions: pod.Status.Conditions,
		ContainerStatuses: pod.Status.ContainerStatuses, InitContainerStatuses: pod.Status.InitContainerStatuses,
	}
	return pod, nil
}

// migrates tells whether a pod is a migration's.
func migrates(o client.Object) bool {
	return o.GetLabels()[workload.LabelComponent] == workload.ComponentMigrate
}
