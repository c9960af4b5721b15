package deploy

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

const (
	operatorNamespace = "chatcluster-system"
	operatorRelease   = "chatcluster"
	sampleNamespace   = "chat"
	sampleName        = "demo"
)

// Operator installs or upgrades the operator from its Helm chart and waits until it runs.
func (d Deployment) Operator(ctx context.Context) error {
	logFile := d.Layout.Log("helm")
	return d.Report.Step(ctx, "Installing the operator from its chart", logFile, 4*time.Minute, func(ctx context.Context, s *report.Status) error {
		repository, tag, _ := strings.Cut(d.Manager, ":")
		s.Set("helm upgrade --install %s", operatorRelease)
		return d.helm(ctx, logFile, "upgrade", operatorRelease, filepath.Join(d.Layout.Repo, "charts", "chatcluster"),
			"--install", "--namespace", operatorNamespace, "--create-namespace",
			"--set", "image.repository="+repository, "--set", "image.tag="+tag, "--set", "image.pullPolicy=IfNotPresent",
			// The engines are on the node, over plain HTTP: what a production operator refuses.
			"--set", "allowAwsEndpoints=true", "--set", "allowInsecureIssuers=true", "--set", "allowPrivateIssuers=true",
			"--wait", "--timeout", "3m")
	})
}

// Sample applies config/samples/chatcluster.yaml, with the namespace and Secrets that it names and the image that was
// just built, and waits until it is Ready and its gateway answers.
func (d Deployment) Sample(ctx context.Context) error {
	prerequisites, err := d.prerequisites()
	if err != nil {
		return err
	}
	file := filepath.Join(d.Layout.Repo, "config", "samples", "chatcluster.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sample, err := inWorld(text, d.Chatd, d.World.Issuer.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	title := fmt.Sprintf("Applying the sample ChatCluster %s/%s", sampleNamespace, sampleName)
	return d.Report.Step(ctx, title, d.Layout.Path("log", "pods"), 5*time.Minute, func(ctx context.Context, s *report.Status) error {
		if err := d.apply(ctx, prerequisites); err != nil {
			return err
		}
		if err := d.apply(ctx, sample); err != nil {
			return err
		}
		if err := d.awaitReady(ctx, s); err != nil {
			return err
		}
		if err := until(ctx, s, "every pod to be ready", d.podsReady); err != nil {
			return err
		}
		return until(ctx, s, "the gateway to answer", func(ctx context.Context) error { return Reach(ctx, d.World, world.SampleGateway) })
	})
}

// prerequisites are the namespace, which enforces Pod Security `restricted`, and the Secrets of the engines.
func (d Deployment) prerequisites() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels: {pod-security.kubernetes.io/enforce: restricted}
`, sampleNamespace)
	for _, s := range []struct{ name, key, file string }{
		{"postgres-credentials", "password", d.World.Postgres.PasswordFile},
		{"redis-credentials", "password", d.World.Redis.PasswordFile},
		{"aws-credentials", "credentials", d.World.DynamoDB.CredentialsFile},
	} {
		value, err := os.ReadFile(s.file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `---
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s}
data: {%s: %s}
`, s.name, sampleNamespace, s.key, base64.StdEncoding.EncodeToString(value))
	}
	return b.Bytes(), nil
}

// inWorld gives the sample the image that was just built, whose tag names its content, so that pods roll when it changes and only then, and the
// issuer as this world's browsers reach it: worlds have ports of their own.
func inWorld(sample []byte, image, issuer string) ([]byte, error) {
	var object map[string]any
	if err := yaml.UnmarshalStrict(sample, &object); err != nil {
		return nil, err
	}
	spec, ok := object["spec"].(map[string]any)
	if !ok || object["kind"] != "ChatCluster" {
		return nil, errors.New("one ChatCluster with a spec is expected")
	}
	spec["image"] = image
	auth, _ := spec["auth"].(map[string]any)
	issuers, _ := auth["issuers"].([]any)
	if len(issuers) != 1 {
		return nil, errors.New("one issuer is expected")
	}
	first, ok := issuers[0].(map[string]any)
	if !ok {
		return nil, errors.New("an issuer with fields is expected")
	}
	first["issuer"] = issuer
	return yaml.Marshal(object)
}

// awaitReady prints each condition as it changes until all of them are as they should be.
func (d Deployment) awaitReady(ctx context.Context, s *report.Status) error {
	shown := map[string]string{}
	return until(ctx, s, "the ChatCluster to be Ready", func(ctx context.Context) error {
		out, err := d.kubectl(ctx, nil, "get", "chatcluster", sampleName, "-n", sampleNamespace, "-o", "json")
		if err != nil {
			return err
		}
		var c object
		if err := json.Unmarshal(out, &c); err != nil {
			return err
		}
		for _, cond := range c.Status.Conditions {
			now := cond.Status + " " + cond.Reason + " " + cond.Message
			if shown[cond.Type] != now && cond.Type != "Ready" {
				d.Report.Printf("  · %s", strings.TrimSpace(cond.Type+" "+now))
			}
			shown[cond.Type] = now
		}
		return ready(c)
	})
}

// podsReady wants every pod of the sample ready: after a restart of the world the ChatCluster's own status may be from
// before it.
func (d Deployment) podsReady(ctx context.Context) error {
	out, err := d.kubectl(ctx, nil, "get", "pods", "-n", sampleNamespace, "-o", "json")
	if err != nil {
		return err
	}
	var list struct {
		Items []pod `json:"items"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return err
	}
	var errs []error
	for _, p := range list.Items {
		errs = append(errs, p.ready())
	}
	return errors.Join(errs...)
}

// pod is what this package reads of a pod.
type pod struct {
	object
	Status struct {
		Phase      string      `json:"phase"`
		Conditions []Condition `json:"conditions"`
	} `json:"status"`
}

func (p pod) ready() error {
	if p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" {
		return nil // over: a Job's, or one that its Deployment has replaced
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("pod %s is %s and not ready", p.Metadata.Name, p.Status.Phase)
}

// ready explains what a ChatCluster lacks to be Ready at its present generation.
func ready(c object) error {
	for _, cond := range c.Status.Conditions {
		if cond.Type != "Ready" {
			continue
		}
		switch {
		case cond.ObservedGeneration != c.Metadata.Generation:
			return errors.New("the operator has not seen the latest spec")
		case cond.Status == "True":
			return nil
		default:
			return fmt.Errorf("not Ready: %s: %s", cond.Reason, cond.Message)
		}
	}
	return errors.New("the operator has not reported yet")
}
