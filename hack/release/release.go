package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/chatcluster/chatcluster/hack/release/notes"
	"github.com/chatcluster/chatcluster/hack/release/publish"
	"github.com/chatcluster/chatcluster/hack/release/set"
	"github.com/chatcluster/chatcluster/hack/release/source"
)

// release is one run.
type release struct {
	repo, dest, version, registry, cosign, builder, epoch string
	dryRun, cold                                          bool
	out, progress                                         io.Writer
}

func (r *release) run(ctx context.Context) error {
	src, err := r.check(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.dest, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(r.dest, ".making-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	// Both copies come first: in a rehearsal the tree may change meanwhile. Their names differ in length: a path that got into a program
	// would move what is behind it.
	names := []string{"first", "the-second-one"}
	copies := make([]source.Source, len(names))
	for i, name := range names {
		if copies[i], err = src.Copy(ctx, filepath.Join(tmp, name, "source")); err != nil {
			return err
		}
	}
	first, err := r.build(ctx, copies[0], tmp, names[0], "")
	if err != nil {
		return err
	}
	cache := ""
	if r.cold {
		cache = filepath.Join(tmp, "cache")
	}
	second, err := r.build(ctx, copies[1], tmp, names[1], cache)
	if err != nil {
		return err
	}
	differ, err := set.Differences(first.Dir, second.Dir)
	if err != nil {
		return err
	}
	if len(differ) > 0 {
		return fmt.Errorf("two builds differ in %s: they are in %s and %s", strings.Join(differ, ", "), r.keep(first.Dir), r.keep(second.Dir))
	}
	final := filepath.Join(r.dest, r.version)
	if err := errors.Join(os.RemoveAll(final), os.Rename(first.Dir, final)); err != nil {
		return err
	}
	first.Dir = final
	if err := r.show(first); err != nil {
		return err
	}
	return r.publish(ctx, first)
}

// check refuses what must not become a release, before anything is built.
func (r *release) check(ctx context.Context) (source.Source, error) {
	src, err := source.Open(ctx, r.repo, r.epoch)
	if err != nil {
		return src, err
	}
	if src.Dirty && !r.dryRun {
		return src, errors.New("the tree has changes that no commit has: commit them, or rehearse with DRY_RUN=1")
	}
	if r.version == "" && r.dryRun {
		if r.version, err = chartVersion(r.repo); err != nil {
			return src, err
		}
	}
	if err := notes.CheckVersion(r.version); err != nil {
		return src, err
	}
	if r.cosign != "" && r.registry == "" {
		return src, errors.New("what is not in a registry cannot be signed there: COSIGN needs REGISTRY")
	}
	changelog, err := os.ReadFile(filepath.Join(r.repo, "CHANGELOG.md"))
	if err != nil {
		return src, err
	}
	_, err = notes.For(string(changelog), r.version, r.dryRun)
	return src, err
}

func chartVersion(repo string) (string, error) {
	data, err := os.ReadFile(filepath.Join(repo, "charts", "chatcluster", "Chart.yaml"))
	if err != nil {
		return "", err
	}
	var chart struct {
		Version string `json:"version"`
	}
	err = yaml.Unmarshal(data, &chart)
	return chart.Version, err
}

// build builds the set of a copy.
func (r *release) build(ctx context.Context, src source.Source, tmp, name, cache string) (set.Set, error) {
	return set.Build(ctx, src, filepath.Join(tmp, name, "set"), set.Options{
		Version: r.version, Unreleased: r.dryRun, Registry: r.registry, Builder: r.builder, Cache: cache,
		Progress: func(step string) { fmt.Fprintf(r.progress, "%s build: %s\n", name, step) },
	})
}

// keep moves a set that differs to where it is not removed, and says where.
func (r *release) keep(dir string) string {
	to := filepath.Join(r.dest, "differs-"+filepath.Base(filepath.Dir(dir)))
	if err := errors.Join(os.RemoveAll(to), os.Rename(dir, to)); err != nil {
		return err.Error()
	}
	return to
}

func (r *release) show(s set.Set) error {
	sums, err := os.ReadFile(filepath.Join(s.Dir, set.Sums))
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s\n%s holds the same bytes, built twice:\n", strings.TrimSpace(string(sums)), s.Dir)
	for _, img := range s.Images {
		fmt.Fprintf(r.out, "%s@%s\n", img.Reference, img.Digest)
	}
	return nil
}

// publish pushes and signs, or says what it would push and sign.
func (r *release) publish(ctx context.Context, s set.Set) error {
	if r.registry == "" {
		return nil
	}
	if r.dryRun {
		var refs []string
		for _, img := range s.Images {
			refs = append(refs, strings.TrimSuffix(img.Reference, ":"+r.version)+"@"+img.Digest)
		}
		for _, ref := range refs {
			fmt.Fprintf(r.out, "would push %s\n", ref)
		}
		fmt.Fprintf(r.out, "would push %s:%s\n", path.Join(r.registry, "charts", "chatcluster"), r.version)
		if r.cosign != "" {
			for _, line := range publish.Signatures(r.cosign, s.Dir, refs) {
				fmt.Fprintf(r.out, "would run %s\n", strings.Join(line, " "))
			}
		}
		return nil
	}
	pushed, err := publish.Push(ctx, r.registry, s)
	for _, ref := range pushed {
		fmt.Fprintf(r.out, "pushed %s\n", ref)
	}
	if err != nil || r.cosign == "" {
		return err
	}
	return publish.Run(ctx, publish.Signatures(r.cosign, s.Dir, pushed), r.progress)
}
