package sandbox

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Init is PID 1: it starts argv with the inherited descriptors 3 … 3+files-1, passes SIGTERM and SIGINT on to it,
// reaps whatever is orphaned, and returns argv's exit code when that ends.
//
// It waits with wait4(-1) and starts its child without os/exec, whose Wait would race for the same exit status.
func Init(argv []string, files int) (int, error) {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	fds := []uintptr{0, 1, 2}
	for i := range files {
		fds = append(fds, uintptr(3+i))
	}
	child, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: os.Environ(), Files: fds})
	if err != nil {
		return 1, fmt.Errorf("start %s: %w", argv[0], err)
	}
	for i := range files {
		_ = syscall.Close(3 + i) // the supervisor's now
	}
	for s := range signals {
		if s != syscall.SIGCHLD {
			_ = syscall.Kill(child, s.(syscall.Signal))
			continue
		}
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if pid == child {
				if status.Signaled() {
					return 128 + int(status.Signal()), nil
				}
				return status.ExitStatus(), nil
			}
			if err == syscall.EINTR {
				continue
			}
			if pid <= 0 || err != nil {
				break
			}
		}
	}
	return 0, nil
}
