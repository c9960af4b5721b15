package sandbox

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"
)

// podsGrace is what pods get to drain when the world goes down.
const podsGrace = 25 * time.Second

// EndPods asks every process of the world's pods to end, waits for them, and kills what stays. The kubelet is down by
// then, so nothing comes back.
func EndPods(ctx context.Context, log *slog.Logger, cgroup string) {
	ctx, cancel := context.WithTimeout(ctx, podsGrace)
	defer cancel()
	signalPods(log, cgroup, unix.SIGTERM)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := PodProcesses(cgroup)
		if err != nil || len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log.Warn("pods did not end in time", "processes", len(left))
			signalPods(log, cgroup, unix.SIGKILL)
			return
		}
	}
}

func signalPods(log *slog.Logger, cgroup string, sig unix.Signal) {
	pids, err := PodProcesses(cgroup)
	if err != nil {
		log.Warn("list the pods' processes", "err", err)
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, sig) // it may be gone already
	}
}
