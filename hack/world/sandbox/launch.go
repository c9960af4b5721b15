package sandbox

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Launch starts this program's hidden `init` command in new namespaces and a session of its own, and returns once it
// runs. The listeners become its descriptors 3 and up; the caller closes its own. Output goes to the supervisor's log.
func Launch(l world.Layout, listeners []*net.TCPListener) error {
	exe, err := copySelf(l.Path("bin", "world"))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(l.Log("supervisor"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	//nolint:noctx // it outlives this command: that is its purpose
	cmd := exec.Command(exe, "init", "--state-dir", l.State, "--files", strconv.Itoa(len(listeners)))
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
	}
	for _, tl := range listeners {
		f, err := tl.File()
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the supervisor in new namespaces: %w", err)
	}
	p, err := identify(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		return err
	}
	if err := p.save(l.PIDFile()); err != nil {
		_ = cmd.Process.Kill()
		return err
	}
	return cmd.Process.Release()
}

// copySelf keeps this program where the supervisor can run it: under `go run` the original is deleted at its end.
func copySelf(to string) (string, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer func() { _ = self.Close() }()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.OpenFile(to+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(tmp, self); err != nil {
		_ = tmp.Close()
		return "", err
	}
	if err := tmp.Close(); err != nil {
		return "", err
	}
	return to, os.Rename(to+".new", to)
}
