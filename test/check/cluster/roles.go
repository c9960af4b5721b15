package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
	"github.com/chatcluster/chatcluster/test/check/fault"
)

// declare writes the roles' configuration, in which everybody is behind a proxy, and names their processes.
func (c *Cluster) declare(ctx context.Context) error {
	cfg := c.direct
	host, port, err := hostPort(c.lines.postgres.Addr())
	if err != nil {
		return err
	}
	cfg.AWS.Endpoints.DynamoDB = c.lines.dynamo.URL()
	cfg.Kafka.Brokers = []string{c.lines.kafka.Addr()}
	cfg.Redis.Addresses = []string{c.lines.redis.Addr()}
	cfg.AWS.Endpoints.Pinpoint = "http://" + c.lines.push.Addr()
	cfg.Postgres.Host, cfg.Postgres.Port = host, port
	var taken ports
	defer taken.release()
	chatPort, err := taken.free(ctx)
	if err != nil {
		return err
	}
	cfg.Chat.Service = "chat.check.invalid:" + chatPort
	var pods []string
	for i := range c.o.Chats {
		// A pod is known by its address, and all have one port: so have the proxies before them.
		before := fmt.Sprintf("127.0.2.%d", i+1)
		pods = append(pods, net.JoinHostPort(fmt.Sprintf("127.0.1.%d", i+1), chatPort))
		if err := c.lines.toChat(ctx, net.JoinHostPort(before, chatPort), pods[i]); err != nil {
			return err
		}
		cfg.Chat.Addresses = append(cfg.Chat.Addresses, before)
	}
	if !c.o.Bare {
		if cfg.Processors, err = c.detectors(); err != nil {
			return err
		}
	}
	data, err := yaml.Marshal(cfg)
	if err != nil {
		return err
	}
	path := filepath.Join(c.o.Dir, "config.yaml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	if c.judge, err = newJudge(cfg.Chat.Service, cfg.Chat.Addresses); err != nil {
		return err
	}
	add := func(role string, i int, listen string) error {
		ops, err := taken.free(ctx)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s-%d", role, i+1)
		p := &process{
			name: name, program: c.o.Chatd, ops: "127.0.0.1:" + ops, logPath: filepath.Join(c.o.Dir, name+".log"), died: c.died,
			args: []string{role, "--config", path, "--pod", name, "--ops-listen", "127.0.0.1:" + ops, "--log-level", c.o.Level},
			env:  []string{"AWS_SHARED_CREDENTIALS_FILE=" + c.o.World.DynamoDB.CredentialsFile, "AWS_EC2_METADATA_DISABLED=true"},
		}
		if listen != "" {
			p.args = append(p.args, "--listen", listen)
		}
		c.processes = append(c.processes, p)
		return nil
	}
	for i, listen := range pods {
		if err := add("chat", i, listen); err != nil {
			return err
		}
	}
	var gateways []string
	for i := range c.o.Gateways {
		port, err := taken.free(ctx)
		if err != nil {
			return err
		}
		gateways = append(gateways, "127.0.0.1:"+port)
		if err := add("gateway", i, gateways[i]); err != nil {
			return err
		}
	}
	if err := errors.Join(add(projector, 0, ""), add(notifier, 0, "")); err != nil {
		return err
	}
	c.serving = len(c.processes)
	if !c.o.Bare {
		for _, role := range []string{profanity.Name, fraud.Name, spam.Name, "audit", "analytics"} {
			if err := add(role, 0, ""); err != nil {
				return err
			}
		}
	}
	c.lines.clients, err = fault.NewTCP(ctx, gateways...)
	return err
}

// Roles of which there is one process.
const (
	projector = "project"
	notifier  = "notify"
)

// role is the first process of a role.
func (c *Cluster) role(name string) *process {
	for _, p := range c.processes {
		if p.name == name+"-1" {
			return p
		}
	}
	return nil
}

// ports are ports that nobody else gets until they are released.
type ports struct{ held []net.Listener }

func (p *ports) free(ctx context.Context) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.held = append(p.held, ln)
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}

func (p *ports) release() {
	for _, ln := range p.held {
		_ = ln.Close()
	}
}
