package workload

// Where the data plane's containers find their files.
const (
	configDir  = "/etc/chatcluster"
	configFile = "config.yaml"
	secretsDir = "/var/run/secrets/chatcluster"
	// certificateDir is a volume of its own: only roles that talk to each other have it.
	certificateDir = "/var/run/secrets/chatcluster-certificate"

	postgresPasswordFile = "postgres-password"
	redisPasswordFile    = "redis-password"
	awsCredentialsFile   = "aws-credentials"
	kafkaPasswordFile    = "kafka-password"
	kafkaCertFile        = "kafka.crt"
	kafkaKeyFile         = "kafka.key"
	kafkaCAFile          = "kafka-ca.crt"
	postgresCAFile       = "postgres-ca.crt"
	redisCAFile          = "redis-ca.crt"

	// AWSCredentialsKey is the key of spec.aws.credentials' Secret.
	AWSCredentialsKey = "credentials"
)

// Ports of the containers.
const (
	opsPort     = 9090
	gatewayPort = 8080
	chatPort    = 7400
	adminPort   = 8090
)
