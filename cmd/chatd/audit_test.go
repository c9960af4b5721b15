package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/chatcluster/chatcluster/runtime/audit"
	"github.com/chatcluster/chatcluster/runtime/config"
)

func TestAuditDestinations(t *testing.T) {
	for where, want := range map[string]string{
		"/a/b": "folder /a/b", "a": "folder a", "file:///a/b": "folder /a/b",
		"s3://vault": "bucket vault ", "s3://vault/a/b/": "bucket vault a/b",
		"": "", "s3:///a": "", "file://host/a": "", "http://x": "", "s3://%zz": "",
	} {
		to, err := auditDestination(aws.Config{Region: "local"}, "", config.Audit{ExportTo: where})
		got := ""
		switch to := to.(type) {
		case audit.Folder:
			got = "folder " + to.Dir
		case audit.Bucket:
			got = "bucket " + to.Name + " " + to.Prefix
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", where, got, err, want)
		}
	}
}
