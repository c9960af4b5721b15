//go:build engines

package audit

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	osexec "os/exec" // exec is a statement, in this package
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// vault starts the S3 server at CHATCLUSTER_TEST_S3_SERVER (versitygw) and makes a bucket with Object Lock there.
func vault(t *testing.T) (*s3.Client, Bucket) {
	t.Helper()
	const program = "CHATCLUSTER_TEST_S3_SERVER"
	if os.Getenv(program) == "" {
		t.Fatalf("%s is not set: this test needs an S3 server with Object Lock", program)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, sub := range []string{"objects", "versions", "metadata"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var output bytes.Buffer
	cmd := osexec.Command(os.Getenv(program), "--port", addr, "--access", "id", "--secret", "secret", "--region", "local", "--quiet",
		"posix", "--sidecar", filepath.Join(dir, "metadata"), "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "objects"))
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the S3 server said:\n%s", output.String())
		}
	})
	cfg := aws.Config{Region: "local", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	client := NewObjectAPI(cfg, "http://"+addr)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	made := func() error {
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("vault"), ObjectLockEnabledForBucket: aws.Bool(true)})
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for err := made(); err != nil; err = made() {
		select {
		case <-ctx.Done():
			t.Fatalf("no bucket with Object Lock: %v", err)
		case <-tick.C:
		}
	}
	return client, Bucket{API: client, Name: "vault", Prefix: "audit", Retain: time.Hour}
}

// What was exported to a real bucket with Object Lock comes back, and its owner can neither delete nor replace it.
func TestExportToALockedBucketThatIsReal(t *testing.T) {
	client, to := vault(t)
	m := chainOf("acme", 3)
	exported(t, m, to)
	m.add(Entry{Tenant: "acme"})
	exported(t, m, to)
	if d := cmp.Diff(m.entries, lines(t, to)); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	versions, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("vault")})
	if err != nil {
		t.Fatal(err)
	}
	if len(versions.Versions) != 4 {
		t.Fatalf("%d versions, want two exports and their manifests", len(versions.Versions))
	}
	for _, v := range versions.Versions {
		lock, err := client.GetObjectRetention(t.Context(), &s3.GetObjectRetentionInput{Bucket: aws.String("vault"), Key: v.Key, VersionId: v.VersionId})
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(aws.ToTime(lock.Retention.RetainUntilDate)); lock.Retention.Mode != types.ObjectLockRetentionModeCompliance || left < 55*time.Minute || left > time.Hour {
			t.Errorf("%s is locked by %s for %s", *v.Key, lock.Retention.Mode, left)
		}
		for how, remove := range map[string]func() error{
			"deletes it": func() error {
				_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("vault"), Key: v.Key, VersionId: v.VersionId})
				return err
			},
			"deletes it with every permission": func() error {
				_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{
					Bucket: aws.String("vault"), Key: v.Key, VersionId: v.VersionId, BypassGovernanceRetention: aws.Bool(true),
				})
				return err
			},
			"shortens its time": func() error {
				_, err := client.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{
					Bucket: aws.String("vault"), Key: v.Key, VersionId: v.VersionId, BypassGovernanceRetention: aws.Bool(true),
					Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: aws.Time(time.Now().Add(time.Second))},
				})
				return err
			},
		} {
			var refused smithy.APIError
			if err := remove(); !errors.As(err, &refused) {
				t.Errorf("somebody %s: %s, error %v", how, *v.Key, err)
			}
		}
	}
	if versions, err = client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("vault")}); err != nil || len(versions.Versions) != 4 {
		t.Fatalf("after that %d versions are there, %v", len(versions.Versions), err)
	}
	// Who writes another object under a name takes nothing away.
	key, first := versions.Versions[0].Key, versions.Versions[0].VersionId
	was, err := to.Read(t.Context(), trimmed(to, *key))
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Write(t.Context(), trimmed(to, *key), []byte("something else")); err != nil {
		t.Fatal(err)
	}
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("vault"), Key: key, VersionId: first})
	if err != nil {
		t.Fatal(err)
	}
	var kept bytes.Buffer
	_, err = kept.ReadFrom(out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil || !bytes.Equal(kept.Bytes(), was) {
		t.Errorf("the first version is %q, %v", kept.Bytes(), err)
	}
}

func trimmed(b Bucket, key string) string { return key[len(b.key("")):] }

// Where Object Lock is off nothing is taken: what is exported would not be locked.
func TestABucketWithoutObjectLockIsRefused(t *testing.T) {
	client, to := vault(t)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("plain")}); err != nil {
		t.Fatal(err)
	}
	to.Name = "plain"
	var refused smithy.APIError
	if err := to.Write(t.Context(), "a", []byte("1")); !errors.As(err, &refused) {
		t.Errorf("an object without a lock was taken, error %v", err)
	}
}
