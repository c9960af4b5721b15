package engines

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// redisConf is rendered with address, port, folder and password. Eviction is ElastiCache's default. Nothing is saved:
// the product promises to survive an empty cache, so a restart here is a test of that.
const redisConf = `bind %s
port %s
dir %s
requirepass %s
protected-mode yes
daemonize no
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
`

func redis(c world.Config, w world.World) supervisor.Component {
	dir := c.Layout.Path("redis")
	file := c.Layout.Path("redis", "redis.conf")
	return supervisor.Component{
		Name: "redis",
		Prepare: func(context.Context) error {
			password, err := secret(w.Redis.PasswordFile)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			host, port, _ := strings.Cut(w.Redis.Inside, ":")
			return world.WriteFile(file, fmt.Appendf(nil, redisConf, host, port, dir, password), 0o600)
		},
		Path: "redis-server", Args: []string{file}, Env: []string{path}, Dir: "/",
		Ready: redisPing(w.Redis), ReadyWithin: readyWithin,
	}
}

// redisPing authenticates, so that a server with another password does not count as ready.
func redisPing(r world.Redis) func(context.Context) error {
	return func(ctx context.Context) error {
		password, err := secret(r.PasswordFile)
		if err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.Inside)
		if err != nil {
			return err
		}
		defer conn.Close()
		if deadline, ok := ctx.Deadline(); ok {
			if err := conn.SetDeadline(deadline); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(conn, "AUTH %s\r\nPING\r\n", password); err != nil {
			return err
		}
		br := bufio.NewReader(conn)
		for _, want := range []string{"+OK\r\n", "+PONG\r\n"} {
			got, err := br.ReadString('\n')
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("redis answered %q", strings.TrimSpace(got))
			}
		}
		return nil
	}
}
