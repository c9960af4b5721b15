package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/cmd/internal/output"
)

// states of a ChatCluster as a whole. They are part of the output for programs.
const (
	stateReady       = "Ready"
	stateReconciling = "Reconciling"
	stateStalled     = "Stalled"
	statePaused      = "Paused"
	statePlanned     = "Planned"
	stateDeleting    = "Deleting"
)

// summary is what status says of a ChatCluster.
type summary struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	State     string `json:"state"`
	// WaitsFor is empty when it is Ready.
	WaitsFor string    `json:"waitsFor,omitempty"`
	Image    string    `json:"image,omitempty"`
	Endpoint string    `json:"endpoint,omitempty"`
	Concerns []concern `json:"concerns,omitempty"`
}

// concern is one condition, and what it is about.
type concern struct {
	Condition string `json:"condition"`
	Ready     bool   `json:"ready"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`
	Details   []part `json:"details,omitempty"`
}

// part is a table, topic or pod.
type part struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Fine  bool   `json:"fine"`
}

func (p *plugin) statusCommand() *cobra.Command {
	var f output.Format
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "status [NAME]", Short: "Show how a ChatCluster is getting on, and what is waited for; all of the namespace without a name", Args: cobra.MaximumNArgs(1),
		Example: `  kubectl chatcluster status -n chat
  kubectl chatcluster status chat -n chat --wait 30m && echo it serves
  kubectl chatcluster status chat -n chat -o json | jq -r .waitsFor`,
		ValidArgsFunction: p.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.connect(p.flags)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return p.statusOfAll(cmd.Context(), c, f)
			}
			return p.statusOf(cmd.Context(), c, args[0], f, wait)
		},
	}
	f.Bind(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 0, "With a name: how long to wait until it is Ready, or Stalled")
	return cmd
}

func (p *plugin) statusOfAll(ctx context.Context, c *cluster, f output.Format) error {
	var list v1alpha1.ChatClusterList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace)); err != nil {
		return err
	}
	all := make([]summary, 0, len(list.Items))
	for i := range list.Items {
		s := summarize(&list.Items[i], nil)
		s.Concerns = nil
		all = append(all, s)
	}
	return f.Print(p.out, all, func(w io.Writer) error {
		if len(all) == 0 {
			_, err := fmt.Fprintf(w, "No ChatClusters in namespace %s.\n", c.namespace)
			return err
		}
		rows := [][]string{{"NAME", "STATE", "IMAGE", "WAITS FOR"}}
		for _, s := range all {
			rows = append(rows, []string{s.Name, s.State, output.OrNone(s.Image), output.OrNone(s.WaitsFor)})
		}
		return output.Columns(w, rows)
	})
}

func (p *plugin) statusOf(ctx context.Context, c *cluster, name string, f output.Format, wait time.Duration) error {
	deadline := p.now().Add(wait)
	for {
		s, err := lookAt(ctx, c, name)
		if err != nil {
			return err
		}
		settled := s.State == stateReady || s.State == stateStalled
		if !settled && p.now().Before(deadline) {
			p.progress.Say("%s: waits for %s (%s left)", s.State, output.OrNone(s.WaitsFor), deadline.Sub(p.now()).Round(time.Second))
			if err := p.wait(ctx, time.Second); err != nil {
				return err
			}
			continue
		}
		p.progress.End()
		if err := f.Print(p.out, s, func(w io.Writer) error { return tree(w, s) }); err != nil {
			return err
		}
		switch {
		case s.State == stateReady:
			return nil
		case s.State == stateStalled:
			return exit{code: exitStalled}
		case wait > 0:
			return exit{exitTimedOut, fmt.Sprintf("not Ready after %s", wait)}
		}
		return exit{code: exitWaiting}
	}
}

func lookAt(ctx context.Context, c *cluster, name string) (summary, error) {
	cc, err := c.get(ctx, name)
	if err != nil {
		return summary{}, err
	}
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(c.namespace), podsOf(name)); err != nil {
		return summary{}, err
	}
	return summarize(cc, pods.Items), nil
}

// podsOf selects the pods of a ChatCluster.
func podsOf(name string) client.MatchingLabels {
	return client.MatchingLabels{
		"app.kubernetes.io/name": "chatcluster", "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "chatcluster-operator",
	}
}

// summarize is pure.
func summarize(cc *v1alpha1.ChatCluster, pods []corev1.Pod) summary {
	s := summary{Namespace: cc.Namespace, Name: cc.Name, Image: cc.Status.Image, Endpoint: cc.Status.Endpoints.Gateway}
	conditions := cc.Status.Conditions
	says := func(kind string) string {
		if c := meta.FindStatusCondition(conditions, kind); c != nil {
			return c.Message
		}
		return ""
	}
	stalled := meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled)
	seen := cc.Status.ObservedGeneration == cc.Generation
	switch {
	case cc.Spec.Paused:
		s.State, s.WaitsFor = statePaused, "spec.paused to be false"
	case cc.Annotations[v1alpha1.AnnotationPlan] == "true":
		s.State, s.WaitsFor = statePlanned, "the annotation "+v1alpha1.AnnotationPlan+" to go"
	case !seen:
		s.State, s.WaitsFor = stateReconciling, fmt.Sprintf("the operator to see generation %d", cc.Generation)
	case stalled:
		s.State, s.WaitsFor = stateStalled, says(v1alpha1.ConditionStalled)
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady):
		s.State = stateReady
	default:
		s.State, s.WaitsFor = stateReconciling, says(v1alpha1.ConditionReady)
	}
	if !cc.DeletionTimestamp.IsZero() && s.State != stateStalled && s.State != statePaused {
		s.State, s.WaitsFor = stateDeleting, says(v1alpha1.ConditionReady)
	}
	for _, c := range conditions {
		if !strings.HasSuffix(c.Type, "Ready") || c.Type == v1alpha1.ConditionReady {
			continue
		}
		s.Concerns = append(s.Concerns, concern{
			Condition: c.Type, Ready: c.Status == metav1.ConditionTrue, Reason: c.Reason, Message: c.Message, Details: details(cc, c.Type, pods),
		})
	}
	return s
}

// details are what a condition is about, in the order of the status.
func details(cc *v1alpha1.ChatCluster, condition string, pods []corev1.Pod) []part {
	var parts []part
	switch condition {
	case v1alpha1.ConditionTablesReady:
		for _, t := range cc.Status.Tables {
			parts = append(parts, part{t.Name, t.State, t.State == "ACTIVE"})
		}
	case v1alpha1.ConditionTopicsReady:
		for _, t := range cc.Status.Topics {
			state := fmt.Sprintf("%d partitions", t.Partitions)
			if t.Partitions == 0 {
				state = "missing"
			}
			parts = append(parts, part{t.Name, state, t.Partitions > 0})
		}
	default:
		for _, role := range roles {
			if role.condition == condition {
				parts = append(parts, podParts(role.name, pods)...)
			}
		}
	}
	return parts
}

// roles are the Deployments' names, after the ChatCluster's, and the conditions that speak of them.
var roles = []struct{ name, condition string }{
	{"gateway", v1alpha1.ConditionGatewayReady}, {"chat", v1alpha1.ConditionChatReady},
	{"notify", v1alpha1.ConditionNotificationsReady}, {"project", v1alpha1.ConditionProjectorReady},
	{"spam", v1alpha1.ConditionProcessorsReady}, {"profanity", v1alpha1.ConditionProcessorsReady}, {"fraud", v1alpha1.ConditionProcessorsReady},
	{"analytics", v1alpha1.ConditionProcessorsReady}, {"audit", v1alpha1.ConditionProcessorsReady},
	{"admin", v1alpha1.ConditionAdminReady},
}

func podParts(role string, pods []corev1.Pod) []part {
	var parts []part
	for i := range pods {
		pod := &pods[i]
		if pod.Labels["app.kubernetes.io/component"] != role {
			continue
		}
		state, fine := podState(pod)
		parts = append(parts, part{pod.Name, state, fine})
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.Name, b.Name) })
	return parts
}

// podState says why a pod is not ready, as far as it tells.
func podState(pod *corev1.Pod) (state string, fine bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return "ready", true
		}
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "not scheduled: " + c.Message, false
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return strings.TrimSuffix(c.State.Waiting.Reason+": "+c.State.Waiting.Message, ": "), false
		}
	}
	return strings.ToLower(string(pod.Status.Phase)) + ", not ready", false
}

// tree prints what is not ready with all its parts, and what is in a line.
func tree(w io.Writer, s summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "ChatCluster %s/%s: %s\n", s.Namespace, s.Name, s.State)
	for _, line := range [][2]string{{"waits for", s.WaitsFor}, {"image", s.Image}, {"endpoint", s.Endpoint}} {
		if line[1] != "" {
			fmt.Fprintf(&b, "│ %s: %s\n", line[0], line[1])
		}
	}
	for i, c := range s.Concerns {
		branch, stem := "├─", "│ "
		if i == len(s.Concerns)-1 {
			branch, stem = "└─", "  "
		}
		fmt.Fprintf(&b, "%s %s %s: %s\n", branch, mark(c.Ready), c.Condition, c.Message)
		if c.Ready {
			continue
		}
		for j, d := range c.Details {
			twig := "├─"
			if j == len(c.Details)-1 {
				twig = "└─"
			}
			fmt.Fprintf(&b, "%s %s %s %s: %s\n", stem, twig, mark(d.Fine), d.Name, d.State)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func mark(fine bool) string {
	if fine {
		return "✓"
	}
	return "✗"
}
