package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chatcluster/chatcluster/runtime/dial/dialtest"
)

func someone(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "hunter2", SessionToken: "session"}, nil
}

func identity() Identity {
	return Identity{AWS: aws.CredentialsProviderFunc(someone), Region: "eu-central-1", now: func() time.Time { return time.Unix(1_700_000_000, 0) }}
}

// A token is a URL that AWS can check: who, what for, until when, and no secret.
func TestTokens(t *testing.T) {
	cases := map[string]struct {
		make    func(Identity) (string, error)
		host    string
		service string
		want    map[string]string
	}{
		"Postgres": {
			make: func(i Identity) (string, error) { return i.Postgres(t.Context(), "db.example", 5432, "chatd") },
			host: "db.example:5432", service: "rds-db", want: map[string]string{"Action": "connect", "DBUser": "chatd"},
		},
		"Redis": {
			make: func(i Identity) (string, error) { return i.Redis(t.Context(), "Cache-1", "chatd", false) },
			host: "cache-1", service: "elasticache", want: map[string]string{"Action": "connect", "User": "chatd"},
		},
		"RedisServerless": {
			make: func(i Identity) (string, error) { return i.Redis(t.Context(), "cache-1", "chatd", true) },
			host: "cache-1", service: "elasticache", want: map[string]string{"Action": "connect", "User": "chatd", "ResourceType": "ServerlessCache"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			token, err := tc.make(identity())
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse("https://" + token)
			if err != nil || u.Host != tc.host || u.Path != "/" {
				t.Fatalf("token %q, %v; want one for %s", token, err, tc.host)
			}
			q := u.Query()
			for k, v := range tc.want {
				if q.Get(k) != v {
					t.Errorf("%s is %q, want %q", k, q.Get(k), v)
				}
			}
			if got, want := q.Get("X-Amz-Credential"), "AKIDEXAMPLE/20231114/eu-central-1/"+tc.service+"/aws4_request"; got != want {
				t.Errorf("scope %s, want %s", got, want)
			}
			if q.Get("X-Amz-Expires") != "900" || q.Get("X-Amz-Signature") == "" || q.Get("X-Amz-Security-Token") != "session" || strings.Contains(token, "hunter2") {
				t.Errorf("token %q", token)
			}
		})
	}
	broken := Identity{AWS: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("no role") })}
	if _, err := broken.Postgres(t.Context(), "h", 1, "u"); err == nil || !strings.Contains(err.Error(), "no role") {
		t.Errorf("without credentials: %v", err)
	}
}

// A new authority is trusted from the next connection on.
func TestAuthoritiesAreReadEachTime(t *testing.T) {
	old, renewed := dialtest.New(t), dialtest.New(t)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", renewed.Server(false))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = c.(*tls.Conn).Handshake()
				_ = c.Close()
			}()
		}
	}()
	path := filepath.Join(t.TempDir(), "ca.crt")
	trust := func(pem string) {
		if err := os.WriteFile(path, []byte(pem), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dialer := TLS{CA: File(path)}.Dialer(5 * time.Second)
	connect := func() error {
		c, err := dialer(t.Context(), "tcp", ln.Addr().String())
		if err == nil {
			err = c.Close()
		}
		return err
	}
	trust(old.PEM())
	if err := connect(); err == nil {
		t.Error("a server of an authority that is not trusted was taken")
	}
	trust(renewed.PEM())
	if err := connect(); err != nil {
		t.Errorf("after the bundle was renewed: %v", err)
	}
	trust("no PEM")
	if err := connect(); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("a bundle that is none: %v", err)
	}
}

// The brokers are logged in to with what is right at that moment.
func TestKafkaLogins(t *testing.T) {
	authority := dialtest.New(t)
	cert, key := authority.Sign("chatd")
	password := "hunter2"
	rotating := func() ([]byte, error) { return []byte(password + "\n"), nil }
	cases := map[string]struct {
		reason string
		broker []kfake.Opt
		login  Kafka
		fails  string
	}{
		"Plain": {reason: "nothing is asked for"},
		"SCRAM512": {
			reason: "MSK's mechanism", broker: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(SCRAMSHA512, "chatd", "hunter2")},
			login: Kafka{Mechanism: SCRAMSHA512, User: "chatd", Password: rotating},
		},
		"SCRAM256": {
			reason: "others'", broker: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(SCRAMSHA256, "chatd", "hunter2")},
			login: Kafka{Mechanism: SCRAMSHA256, User: "chatd", Password: rotating},
		},
		"WrongPassword": {
			reason: "a wrong password is refused", broker: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(SCRAMSHA512, "chatd", "hunter2")},
			login: Kafka{Mechanism: SCRAMSHA512, User: "chatd", Password: Value("s3cret")}, fails: "EOF", // kfake hangs up
		},
		"TLS": {
			reason: "an authority of one's own", broker: []kfake.Opt{kfake.TLS(authority.Server(false))}, login: Kafka{TLS: &TLS{CA: Value(authority.PEM())}},
		},
		"MTLS": {
			reason: "a certificate of one's own", broker: []kfake.Opt{kfake.TLS(authority.Server(true))},
			login: Kafka{TLS: &TLS{CA: Value(authority.PEM()), Cert: Value(cert), Key: Value(key)}},
		},
		"NoCertificate": {
			reason: "without it the broker refuses", broker: []kfake.Opt{kfake.TLS(authority.Server(true))},
			login: Kafka{TLS: &TLS{CA: Value(authority.PEM())}}, fails: "certificate required",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cluster, err := kfake.NewCluster(append(tc.broker, kfake.NumBrokers(1))...)
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			tc.login.Timeout = 5 * time.Second
			opts, err := tc.login.Options()
			if err != nil {
				t.Fatal(err)
			}
			client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RetryTimeout(3*time.Second), kgo.RequestRetries(1))...)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			err = client.Ping(t.Context())
			if (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%s: %v", tc.reason, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Error("the error holds the password")
			}
		})
	}
}

// MSK's own mechanism signs for the broker that is dialed, with the credentials of that moment.
func TestKafkaIAM(t *testing.T) {
	asked := 0
	k := Kafka{Mechanism: MSKIAM, AWS: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		asked++
		return someone(ctx)
	})}
	m, err := k.mechanism()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, challenge, err := m.Authenticate(t.Context(), net.JoinHostPort("b-1.demo.abc.c2.kafka.eu-central-1.amazonaws.com", "9098"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"AKIDEXAMPLE/", "/eu-central-1/kafka-cluster/aws4_request", "kafka-cluster:Connect"} {
			if !strings.Contains(string(challenge), part) {
				t.Errorf("the challenge lacks %s: %s", part, challenge)
			}
		}
		if strings.Contains(string(challenge), "hunter2") {
			t.Error("the challenge holds the secret")
		}
	}
	if asked != 2 {
		t.Errorf("credentials were asked for %d times in two logins", asked)
	}
	if _, err := (Kafka{Mechanism: MSKIAM}).Options(); err == nil {
		t.Error("IAM without credentials was accepted")
	}
	if _, err := (Kafka{Mechanism: "OTHER"}).Options(); err == nil {
		t.Error("an unknown mechanism was accepted")
	}
}

func TestSources(t *testing.T) {
	if File("") != nil || Value("") != nil {
		t.Error("no secret is a secret")
	}
	got, err := text(Value("x\r\n"))
	if diff := cmp.Diff("x", got); diff != "" || err != nil {
		t.Errorf("a trailing newline is the editor's (-want +got):\n%s %v", diff, err)
	}
	if _, err := text(File(filepath.Join(t.TempDir(), "absent"))); err == nil {
		t.Error("a file that is not there is an empty secret")
	}
}
