#!/usr/bin/env bash
# Fails when a world that was taken down has left a process, a mount or a cgroup on this machine: leftovers.sh NAME.
set -euo pipefail
name="$1"
state="${XDG_STATE_HOME:-$HOME/.local/state}/chatcluster/$name"
found=0

complain() {
  echo "world \"$name\" left $1:" >&2
  sed 's/^/  /' <<<"$2" >&2
  found=1
}

# A world's processes name its state folder. The pattern comes from a file, or grep would find itself.
left="$(grep -lazF -f <(printf '%s' "$state/") /proc/[0-9]*/cmdline 2>/dev/null || true)"
[ -z "$left" ] || complain "processes" "$left"
left="$(grep -F -- " $state" /proc/self/mounts || true)"
[ -z "$left" ] || complain "mounts" "$left"
# Worlds of one name in two state folders differ by a hash of the folder.
left="$(find /sys/fs/cgroup -type d -name "chatcluster-$name-$(printf '%s' "$state" | sha256sum | cut -c1-6)*" 2>/dev/null || true)"
[ -z "$left" ] || complain "cgroups" "$left"
exit "$found"
