package engines

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// dynamodb shares one database between all credentials and regions, so that the operator, the pods and a person with
// the AWS command line see the same tables.
func dynamodb(c world.Config, w world.World) supervisor.Component {
	dir, lib := c.Layout.Path("dynamodb"), filepath.Join(c.Engines, "dynamodb", "lib")
	_, port, _ := strings.Cut(hostport(w.DynamoDB.Inside), ":")
	return supervisor.Component{
		Name:    "dynamodb",
		Prepare: func(context.Context) error { return os.MkdirAll(dir, 0o700) },
		Path:    c.Java,
		Args: []string{
			"-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + dir, "-Djava.library.path=" + lib,
			"-cp", filepath.Join(lib, "*"), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
			"-port", port, "-sharedDb", "-dbPath", dir, "-disableTelemetry",
		},
		Env: []string{path}, Dir: dir, Ready: responds(w.DynamoDB.Inside + "/"), ReadyWithin: readyWithin,
	}
}
