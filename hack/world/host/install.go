package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// services are what the packages would start at the next boot of a machine with systemd.
var services = map[string]string{"containerd": "containerd", "redis-server": "redis-server", "postgresql": "postgresql"}

// Install installs the packages that the findings ask for and starts none of their services. A name a|b|c means the
// first of them that the machine's archive has. Output goes to log.
func Install(ctx context.Context, findings []Finding, log io.Writer) error {
	var want []string
	for _, f := range findings {
		if !f.OK {
			want = append(want, f.Install...)
		}
	}
	if len(want) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("missing: %s; install them with this system's package manager (apt-get is not here)", strings.Join(want, ", "))
	}
	if err := aptRun(ctx, log, apt, "update"); err != nil {
		return err
	}
	for i, w := range want {
		if want[i], err = available(ctx, strings.Split(w, "|")); err != nil {
			return err
		}
	}
	// postgresql-common first: its configuration file is what keeps postgresql from making a cluster of its own.
	if slices.Contains(want, "postgresql") {
		if err := aptRun(ctx, log, apt, "install", "--no-install-recommends", "postgresql-common"); err != nil {
			return err
		}
	}
	if err := aptRun(ctx, log, apt, append([]string{"install", "--no-install-recommends"}, want...)...); err != nil {
		return err
	}
	return disable(ctx, log, want)
}

func available(ctx context.Context, names []string) (string, error) {
	for _, n := range names {
		out, err := exec.CommandContext(ctx, "apt-cache", "policy", n).Output()
		if err == nil && bytes.Contains(out, []byte("Candidate:")) && !bytes.Contains(out, []byte("Candidate: (none)")) {
			return n, nil
		}
	}
	return "", fmt.Errorf("the package archive has none of: %s", strings.Join(names, ", "))
}

// maskScript runs apt where the two programs by which maintainer scripts start services do nothing, and where a new
// postgresql makes no cluster. The masks are bind mounts in a private mount namespace: they end with it.
const maskScript = `set -e
mask=$1; shift
printf '#!/bin/sh\nexit 0\n' >"$mask/none"; chmod 755 "$mask/none"
for f in /usr/sbin/invoke-rc.d /usr/bin/deb-systemd-invoke; do [ ! -e "$f" ] || mount --bind "$mask/none" "$f"; done
if [ -e /etc/postgresql-common/createcluster.conf ]; then
  printf 'create_main_cluster = false\n' >"$mask/createcluster.conf"
  mount --bind "$mask/createcluster.conf" /etc/postgresql-common/createcluster.conf
fi
exec "$@"`

func aptRun(ctx context.Context, log io.Writer, apt string, args ...string) error {
	mask, err := os.MkdirTemp("", "chatcluster-mask-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(mask) }()
	argv := append([]string{"--mount", "--propagation", "private", "sh", "-c", maskScript, "sh", mask, apt, "-y", "-q", "-o", "DPkg::Lock::Timeout=120"}, args...)
	cmd := exec.CommandContext(ctx, "unshare", argv...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// disable keeps what was just installed from starting at the next boot.
func disable(ctx context.Context, log io.Writer, installed []string) error {
	if _, err := os.Stat("/run/systemd/system"); errors.Is(err, os.ErrNotExist) {
		return nil // no systemd, nothing starts
	}
	for _, pkg := range installed {
		unit, ok := services[pkg]
		if !ok {
			continue
		}
		cmd := exec.CommandContext(ctx, "systemctl", "disable", unit)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("systemctl disable %s: %w", unit, err)
		}
	}
	return nil
}

// PostgresBin is the folder of the newest PostgreSQL's programs.
func PostgresBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("no PostgreSQL under /usr/lib/postgresql")
	}
	slices.SortFunc(found, func(a, b string) int {
		va, vb := filepath.Base(filepath.Dir(filepath.Dir(a))), filepath.Base(filepath.Dir(filepath.Dir(b)))
		if len(va) != len(vb) {
			return len(va) - len(vb)
		}
		return strings.Compare(va, vb)
	})
	return filepath.Dir(found[len(found)-1]), nil
}
