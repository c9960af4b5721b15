package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// sysctls that the kubelet sets for the whole machine: inside, files with the values that it wants lie over them.
var sysctls = map[string]string{"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}

// mounts makes this mount namespace the world's own. keep are the folders that stay visible as they are on the host,
// wherever they lie.
func mounts(keep []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	held, err := hold(keep)
	if err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	for _, d := range []string{"/run/.var/upper", "/run/.var/work", "/run/.sys"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", "/var", "overlay", 0, "lowerdir=/var,upperdir=/run/.var/upper,workdir=/run/.var/work"); err != nil {
		return fmt.Errorf("mount an overlay over /var: %w", err)
	}
	if err := release(held); err != nil {
		return err
	}
	for name, value := range sysctls {
		file := filepath.Join("/run/.sys", strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, "/proc/sys/"+name, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hide sysctl %s: %w", name, err)
		}
	}
	return nil
}

type heldFolder struct {
	path string
	fd   int
}

// hold opens the folders that new mounts on /run and /var would hide.
func hold(keep []string) ([]heldFolder, error) {
	var held []heldFolder
	for _, path := range keep {
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(target, "/var/") && !strings.HasPrefix(target, "/run/") {
			continue
		}
		fd, err := unix.Open(target, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", target, err)
		}
		held = append(held, heldFolder{path: target, fd: fd})
	}
	return held, nil
}

// release binds the folders where they were.
func release(held []heldFolder) error {
	for _, h := range held {
		if err := os.MkdirAll(h.path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", h.fd), h.path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("keep %s visible: %w", h.path, err)
		}
		if err := unix.Close(h.fd); err != nil {
			return err
		}
	}
	return nil
}

// Snapshotter is overlayfs where the state folder's file system can carry one, else the slower native (a machine
// that is itself a container on overlayfs).
func Snapshotter(dir string) string {
	at, err := os.MkdirTemp(dir, "overlay-probe-")
	if err != nil {
		return "native"
	}
	defer func() { _ = os.RemoveAll(at) }()
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(at, d), 0o755); err != nil {
			return "native"
		}
	}
	merged := filepath.Join(at, "merged")
	opts := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", at)
	if err := unix.Mount("overlay", merged, "overlay", 0, opts); err != nil {
		return "native"
	}
	if err := unix.Unmount(merged, 0); err != nil {
		return "native"
	}
	return "overlayfs"
}
