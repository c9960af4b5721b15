package engines

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

func testWorld(t *testing.T) (world.Config, world.World) {
	t.Helper()
	l, err := world.NewLayout("dev", t.TempDir(), t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ports := world.PlanPorts(18000, true, nil)
	return world.Config{Layout: l, Ports: ports, Java: "/usr/bin/java", Engines: "/engines", Standins: "/standins"}, world.Describe(l, ports, true)
}

// No secret may stand among a process's arguments: every user of the machine can read those.
func TestNoSecretInArguments(t *testing.T) {
	c, w := testWorld(t)
	for _, f := range []string{w.Postgres.PasswordFile, w.Redis.PasswordFile} {
		if err := world.WriteFile(f, []byte("s3cret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	components, err := Components(c, w)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, comp := range components {
		names = append(names, comp.Name)
		if all := strings.Join(append(comp.Args, comp.Env...), " "); strings.Contains(all, "s3cret") {
			t.Errorf("%s shows its password: %s", comp.Name, all)
		}
	}
	if want := []string{"postgres", "redis", "kafka", "dynamodb", "sink", "issuer"}; !slices.Equal(names, want) {
		t.Errorf("engines %v, want %v", names, want)
	}
}

func TestSetUpSQLQuotes(t *testing.T) {
	want := `SELECT 'CREATE ROLE "ro""le"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ro"le')\gexec
ALTER ROLE "ro""le" LOGIN CREATEDB PASSWORD 'it''s';
SELECT 'CREATE DATABASE "db" OWNER "ro""le"' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'db')\gexec
`
	if diff := cmp.Diff(want, setUpSQL(`ro"le`, "db", "it's")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Kafka must tell clients on the host the host's address and pods the node's: it sends them there for every partition.
func TestKafkaAdvertisesEachSideItsOwnAddress(t *testing.T) {
	c, w := testWorld(t)
	data := c.Layout.Path("kafka", "data")
	if err := world.WriteFile(filepath.Join(data, "meta.properties"), nil, 0o600); err != nil { // formatted already
		t.Fatal(err)
	}
	if err := kafka(c, w).Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(c.Layout.Path("kafka", "server.properties"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"advertised.listeners=WORLD://10.99.0.1:9092,HOST://127.0.0.1:18092\n",
		"listeners=WORLD://10.99.0.1:9092,HOST://10.99.0.1:19092,CONTROLLER://127.0.0.1:9093\n",
		"auto.create.topics.enable=false\n", "log.dirs=" + data + "\n",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in:\n%s", want, b)
		}
	}
}

func TestRedisIsReadyOnlyWithTheRightPassword(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, answer string
		ready          bool
	}{
		"Right": {reason: "It answers.", answer: "+OK\r\n+PONG\r\n", ready: true},
		"Wrong": {reason: "A server that refuses our password is not the one that pods can use.", answer: "-WRONGPASS\r\n-NOAUTH\r\n"},
		"Busy":  {reason: "A server that still loads is not ready.", answer: "+OK\r\n-LOADING\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var asked string
			var wg sync.WaitGroup
			wg.Go(func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				asked, _ = bufio.NewReader(c).ReadString('\n')
				_, _ = c.Write([]byte(tc.answer))
			})
			file := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(file, []byte("pw\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			err = redisPing(world.Redis{Inside: l.Addr().String(), PasswordFile: file})(t.Context())
			_ = l.Close()
			wg.Wait()
			if (err == nil) != tc.ready || asked != "AUTH pw\r\n" {
				t.Errorf("%s got %v after %q", tc.reason, err, asked)
			}
		})
	}
}
