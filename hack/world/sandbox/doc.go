// Package sandbox puts a world into network, mount and PID namespaces of its own, and takes it away again.
//
// On the host: Launch starts a copy of this program in new namespaces and hands it the host-loopback listeners;
// Stop ends it and sweeps the cgroups. Inside: Init is PID 1 (it reaps orphans and passes signals on, and is the
// only caller of wait besides the supervisor's own children's), Prepare makes mounts, network and cgroups ready.
//
// Invariants: nothing inside changes the host but below the world's state folder and its own cgroups. /run is a fresh
// tmpfs and /var an overlay whose upper layer is one, so what daemons insist on writing there ends with the
// namespaces. When PID 1 ends, for whatever reason, the kernel kills every process of the world.
package sandbox
