package set

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// machines are the platforms as ELF knows them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// binaries are the programs' contents, by name and platform.
type binaries map[[2]string][]byte

// programs builds all programs for all platforms, packs each with the license and lists what is in it.
func (b *builder) programs(ctx context.Context) (binaries, error) {
	license, err := b.read("LICENSE")
	if err != nil {
		return nil, err
	}
	if err := b.client(ctx); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "chatcluster-programs-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	bins := binaries{}
	for _, arch := range platforms {
		b.Progress("building the programs for linux/" + arch)
		dir := filepath.Join(tmp, arch)
		if err := b.compile(ctx, arch, dir); err != nil {
			return nil, err
		}
		for _, name := range programs {
			file := filepath.Join(dir, name)
			bin, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if err := b.inspect(ctx, file, bin, arch); err != nil {
				return nil, fmt.Errorf("%s for %s: %w", name, arch, err)
			}
			bins[[2]string{name, arch}] = bin
			stem := fmt.Sprintf("%s_%s_linux_%s", name, b.Version, arch)
			packed, err := tarGzip([]entry{{"LICENSE", 0o644, license}, {name, 0o755, bin}}, b.source.Time)
			if err != nil {
				return nil, err
			}
			if err := b.write(stem+".tar.gz", packed); err != nil {
				return nil, err
			}
			bom, err := b.sbom(name, arch, file, bin)
			if err != nil {
				return nil, fmt.Errorf("SBOM of %s: %w", name, err)
			}
			if err := b.write(stem+".cdx.json", bom); err != nil {
				return nil, err
			}
		}
	}
	return bins, nil
}

// compile builds the programs into dir. The environment's own settings do not count, but where modules come from.
func (b *builder) compile(ctx context.Context, arch, dir string) error {
	// gRPC's page of its own traces, which nobody serves, brings html/template, and with that the linker drops nothing that nobody calls.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-tags=grpcnotrace", "-ldflags=-s -w -buildid= -X main.version=" + b.Version, "-o", dir + "/"}
	for _, name := range programs {
		args = append(args, "./cmd/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.source.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off")
	if b.Cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+b.Cache)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build for %s: %w\n%s", arch, err, bytes.TrimSpace(out))
	}
	return nil
}

// inspect says what is wrong with a program.
func (b *builder) inspect(ctx context.Context, file string, bin []byte, arch string) error {
	f, err := elf.NewFile(bytes.NewReader(bin))
	if err != nil {
		return err
	}
	if f.Machine != machines[arch] {
		return fmt.Errorf("it is for %s", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it is not static: an image of it alone cannot run")
		}
	}
	if arch != runtime.GOARCH || runtime.GOOS != "linux" {
		return nil // It does not run here; it is of the same sources.
	}
	out, err := exec.CommandContext(ctx, file, "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("it does not run: %w: %s", err, bytes.TrimSpace(out))
	}
	if !strings.Contains(string(out), b.Version) {
		return fmt.Errorf("it does not say that it is %s, but %q", b.Version, bytes.TrimSpace(out))
	}
	return nil
}
