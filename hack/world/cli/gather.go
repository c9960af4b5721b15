package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/components"
	"github.com/chatcluster/chatcluster/hack/world/host"
	"github.com/chatcluster/chatcluster/hack/world/image"
	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/sandbox"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// pieces are what `up` needs itself, beside what the supervisor runs.
type pieces struct {
	kubectl, helm           string
	manager, chatd, coredns world.Image
	next                    world.Image // only where it was asked for
}

func needs(l world.Layout, u upOptions) host.Needs {
	enginesOnly := u.enginesOnly
	_, running := sandbox.Running(l)
	cached := components.Kubernetes().Ready(l.Repo, l.Cache) || enginesOnly
	return host.Needs{
		Kubernetes: !enginesOnly, Fetch: !components.Engines().Ready(l.Repo, l.Cache),
		Web:   !enginesOnly && !u.noOperator && !components.WebClientReady(l.Repo, l.Cache),
		State: l.State, Cache: l.Cache, Cached: cached, Running: running,
	}
}

// gather builds and fetches everything that a world runs and returns where it is. Ports are still open.
func gather(ctx context.Context, l world.Layout, u upOptions, r *report.Reporter) (world.Config, pieces, error) {
	cfg := world.Config{Layout: l, EnginesOnly: u.enginesOnly}
	var p pieces
	var err error
	if cfg.Revision, err = hashFile("/proc/self/exe"); err != nil {
		return cfg, p, err
	}
	if cfg.Java, err = exec.LookPath("java"); err != nil {
		return cfg, p, err
	}
	if cfg.Postgres, err = host.PostgresBin(); err != nil {
		return cfg, p, err
	}
	if err := os.MkdirAll(l.Cache, 0o755); err != nil {
		return cfg, p, err
	}
	if cfg.Standins, err = buildStandins(ctx, l, r); err != nil {
		return cfg, p, err
	}
	if cfg.Engines, err = components.Engines().Ensure(ctx, l.Repo, l.Cache, r); err != nil || u.enginesOnly {
		return cfg, p, err
	}
	var coredns, helm string
	for _, s := range []struct {
		set components.Set
		to  *string
	}{{components.Etcd(), &cfg.Etcd}, {components.Kubernetes(), &cfg.Kubernetes}, {components.CoreDNS(), &coredns}, {components.Helm(), &helm}} {
		if *s.to, err = s.set.Ensure(ctx, l.Repo, l.Cache, r); err != nil {
			return cfg, p, err
		}
	}
	p.kubectl, p.helm = filepath.Join(cfg.Kubernetes, "bin", "kubectl"), filepath.Join(helm, "bin", "helm")
	if err := linkTool(l.Repo, p.kubectl); err != nil {
		return cfg, p, err
	}
	pause, err := buildPause(ctx, l, r)
	if err != nil {
		return cfg, p, err
	}
	if p.coredns, err = image.Ensure(imageFolder(l), image.Spec{Repository: "chatcluster.local/coredns", Binary: filepath.Join(coredns, "bin", "coredns"), Entrypoint: "/coredns"}); err != nil {
		return cfg, p, err
	}
	cfg.PauseImage, cfg.NodeImages = pause.Ref, []world.Image{pause, p.coredns}
	if u.noOperator {
		return cfg, p, nil
	}
	if p.manager, p.chatd, err = buildProduct(ctx, l, r); err == nil && u.nextImage {
		p.next, err = buildNext(ctx, l, r)
	}
	return cfg, p, err
}

func imageFolder(l world.Layout) string { return filepath.Join(l.Cache, "images") }

// linkTool puts a built program where people find it: bin/ in the work tree.
func linkTool(repo, program string) error {
	bin := filepath.Join(repo, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	link := filepath.Join(bin, filepath.Base(program))
	if to, err := os.Readlink(link); err == nil && to == program {
		return nil
	}
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(program, link)
}

// buildStandins builds the sink and the issuer, under a name that follows their content: a change is a new world.
func buildStandins(ctx context.Context, l world.Layout, r *report.Reporter) (string, error) {
	bin, err := build(ctx, l, r, "standins", l.Repo, "./hack/standins")
	if err != nil {
		return "", err
	}
	sum, err := hashFile(bin)
	if err != nil {
		return "", err
	}
	named := bin + "-" + sum
	if err := os.Link(bin, named); err != nil && !os.IsExist(err) {
		return "", err
	}
	return named, nil
}

// buildPause builds the pod sandbox's PID 1, a few lines of ours.
func buildPause(ctx context.Context, l world.Layout, r *report.Reporter) (world.Image, error) {
	bin, err := build(ctx, l, r, "pause", filepath.Join(l.Repo, "hack", "world"), "./pause")
	if err != nil {
		return world.Image{}, err
	}
	return image.Ensure(imageFolder(l), image.Spec{Repository: "chatcluster.local/pause", Binary: bin, Entrypoint: "/pause"})
}

// buildProduct builds the operator and the data plane with the web client in it, and their images.
func buildProduct(ctx context.Context, l world.Layout, r *report.Reporter) (manager, chatd world.Image, err error) {
	if err := components.EnsureWebClient(ctx, l.Repo, l.Cache, r); err != nil {
		return manager, chatd, fmt.Errorf("the web client: %w", err)
	}
	for _, b := range []struct {
		name string
		to   *world.Image
	}{{"manager", &manager}, {"chatd", &chatd}} {
		bin, err := build(ctx, l, r, b.name, l.Repo, "./cmd/"+b.name)
		if err != nil {
			return manager, chatd, err
		}
		if *b.to, err = image.Ensure(imageFolder(l), image.Spec{Repository: "chatcluster/" + b.name, Binary: bin, Entrypoint: "/" + b.name}); err != nil {
			return manager, chatd, err
		}
	}
	return manager, chatd, nil
}

// nextVersion is what the image says of itself that a world can be upgraded to.
const nextVersion = "next"

// buildNext builds a data plane that differs from the other one in its version alone: another image, with the same schema.
func buildNext(ctx context.Context, l world.Layout, r *report.Reporter) (world.Image, error) {
	bin, err := build(ctx, l, r, "chatd-"+nextVersion, l.Repo, "./cmd/chatd", "-X", "main.version="+nextVersion)
	if err != nil {
		return world.Image{}, err
	}
	return image.Ensure(imageFolder(l), image.Spec{Repository: "chatcluster/chatd-" + nextVersion, Binary: bin, Entrypoint: "/chatd"})
}

// tags leave out gRPC's page of its own traces, which nobody serves: it brings html/template, and with that the linker drops nothing that nobody
// calls. It is a third of a program.
const tags = "-tags=grpcnotrace"

// build compiles one of our own programs, statically, into bin/ of the work tree, and those that are no use to a
// person into the cache. Go's own cache makes it quick when nothing changed, and the same sources give the same bytes.
func build(ctx context.Context, l world.Layout, r *report.Reporter, name, module, pkg string, ldflags ...string) (string, error) {
	logFile := filepath.Join(l.Cache, "log", name+".log")
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return "", err
	}
	folder := filepath.Join(l.Repo, "bin")
	if name != "manager" && name != "chatd" {
		folder = filepath.Join(l.Cache, "build")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	out := filepath.Join(folder, name)
	return out, r.Step(ctx, "Building "+name, logFile, 20*time.Minute, func(ctx context.Context, s *report.Status) error {
		log, err := os.Create(logFile)
		if err != nil {
			return err
		}
		defer log.Close()
		tmp := fmt.Sprintf("%s.%d", out, os.Getpid()) // two worlds may build at once
		defer func() { _ = os.Remove(tmp) }()
		flags := []string{tags, "-ldflags=" + strings.Join(append([]string{"-s -w"}, ldflags...), " ")}
		if err := components.Build(ctx, module, tmp, flags, []string{pkg}, log, s); err != nil {
			return err
		}
		return os.Rename(tmp, out)
	})
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}
