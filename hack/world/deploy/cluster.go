package deploy

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"text/template"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

//go:embed coredns.yaml.tmpl
var corednsManifests string

// Cluster makes the node usable: its DNS, and a wait until a Service is reached by its name.
func (d Deployment) Cluster(ctx context.Context) error {
	return d.Report.Step(ctx, "Readying Kubernetes: node, DNS, Services", d.Layout.Log("kubelet"), 3*time.Minute, func(ctx context.Context, s *report.Status) error {
		manifests, err := renderCoreDNS(d.CoreDNSImage)
		if err != nil {
			return err
		}
		if err := d.apply(ctx, manifests); err != nil {
			return err
		}
		if err := until(ctx, s, "the node", d.nodeReady); err != nil {
			return err
		}
		return until(ctx, s, "a Service's name to resolve and answer", func(ctx context.Context) error {
			return Reach(ctx, d.World, "kubernetes.default.svc.cluster.local:443")
		})
	})
}

func renderCoreDNS(image string) ([]byte, error) {
	t, err := template.New("coredns").Parse(corednsManifests)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{"Image": image, "IP": world.DNSIP})
	return b.Bytes(), err
}

// until asks again and again until check is content or ctx ends; the last answer is the error.
func until(ctx context.Context, s *report.Status, what string, check func(context.Context) error) error {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		s.Set("waiting for %s", what)
		err := check(ctx)
		if err == nil {
			s.Set("ready")
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("still waiting for %s: %w", what, last)
		}
	}
}

// nodeReady asks whether the node is Ready. The answer may date from before the world stopped; that DNS answers does not.
func (d Deployment) nodeReady(ctx context.Context) error {
	out, err := d.kubectl(ctx, nil, "get", "nodes", "-o", "json")
	if err != nil {
		return err
	}
	var list struct {
		Items []struct {
			Status struct {
				Conditions []Condition `json:"conditions"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return err
	}
	for _, n := range list.Items {
		for _, c := range n.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" {
				return nil
			}
			if c.Type == "Ready" {
				return fmt.Errorf("node: %s", c.Message)
			}
		}
	}
	return errors.New("the node has not registered")
}

// Reach connects to an address or Service name inside the world, through its proxy.
func Reach(ctx context.Context, w world.World, target string) error {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(w.Proxy, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", target); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("connect to %s: %w", target, err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("connect to %s: %s", target, res.Status)
	}
	return nil
}
