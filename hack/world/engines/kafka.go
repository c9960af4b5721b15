package engines

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/supervisor"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// kafkaHostListener is where clients connect that come through the host's loopback; each listener advertises its own side.
const kafkaHostListener = world.NodeIP + ":19092"

// kafkaClusterID is any 16 bytes in base64: one broker, one cluster, never merged with another.
const kafkaClusterID = "Y2hhdGNsdXN0ZXItZGV2MA"

// kafkaProperties is rendered with the inside listener, the host listener, the host's address and the data folder.
// One broker: every internal topic has one replica. Topics are the operator's to make.
const kafkaProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=WORLD://%[1]s,HOST://%[2]s,CONTROLLER://127.0.0.1:9093
advertised.listeners=WORLD://%[1]s,HOST://%[3]s
listener.security.protocol.map=WORLD:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=WORLD
log.dirs=%[4]s
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=5
group.initial.rebalance.delay.ms=0
log.segment.bytes=67108864
log.index.size.max.bytes=1048576
`

func kafka(c world.Config, w world.World) supervisor.Component {
	dir := c.Layout.Path("kafka")
	conf := filepath.Join(dir, "server.properties")
	jvm := []string{
		"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + dir,
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
		"-cp", filepath.Join(c.Engines, "kafka", "lib", "*"),
	}
	return supervisor.Component{
		Name: "kafka",
		Prepare: func(ctx context.Context) error {
			if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
				return err
			}
			props := fmt.Appendf(nil, kafkaProperties, w.Kafka.Inside, kafkaHostListener, w.Kafka.Address, filepath.Join(dir, "data"))
			if err := world.WriteFile(conf, props, 0o600); err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(dir, "data", "meta.properties")); err == nil {
				return nil
			}
			cmd := exec.CommandContext(ctx, c.Java, append(jvm, "kafka.tools.StorageTool", "format", "-t", kafkaClusterID, "-c", conf, "--ignore-formatted")...)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("format Kafka's storage: %w: %s", err, lastLine(out))
			}
			return nil
		},
		Path: c.Java, Args: append(jvm[:len(jvm):len(jvm)], "kafka.Kafka", conf), Env: []string{path}, Dir: dir,
		Ready: accepts(w.Kafka.Inside), ReadyWithin: readyWithin, Grace: 20 * time.Second,
	}
}

func lastLine(out []byte) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	return lines[len(lines)-1]
}
