package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// maxObjectBytes bounds what is read of an object: no manifest is as large.
const maxObjectBytes = 1 << 20

// ObjectAPI is what is called of S3.
type ObjectAPI interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// Bucket is a Destination in S3, or in what speaks like it, whose objects are locked. The bucket must have Object Lock, and so versions:
// an object of the same name that comes later takes nothing away.
type Bucket struct {
	API  ObjectAPI
	Name string
	// Prefix is what all names begin with; a slash is put after it.
	Prefix string
	// Retain is how long an object cannot be changed or deleted from when it is written. It must be positive.
	Retain time.Duration
	// Governance has who holds s3:BypassGovernanceRetention lift the lock; otherwise nobody can, the account's root included.
	Governance bool
}

// NewObjectAPI returns a client of S3. Another endpoint than the Region's is spoken to with the bucket in the path, as most such stores want it.
func NewObjectAPI(cfg aws.Config, endpoint string) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			o.UsePathStyle = true
		}
	})
}

func (b Bucket) key(name string) string {
	if b.Prefix == "" {
		return name
	}
	return strings.TrimSuffix(b.Prefix, "/") + "/" + name
}

// List implements Destination.
func (b Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	pages := s3.NewListObjectsV2Paginator(b.API, &s3.ListObjectsV2Input{Bucket: aws.String(b.Name), Prefix: aws.String(b.key(prefix))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list bucket %s: %w", b.Name, err)
		}
		for _, o := range page.Contents {
			names = append(names, strings.TrimPrefix(aws.ToString(o.Key), b.key("")))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Read implements Destination.
func (b Bucket) Read(ctx context.Context, name string) (_ []byte, err error) {
	out, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.Name), Key: aws.String(b.key(name))})
	if err != nil {
		return nil, fmt.Errorf("read %s in bucket %s: %w", name, b.Name, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxObjectBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s in bucket %s: %w", name, b.Name, err)
	}
	if len(data) > maxObjectBytes {
		return nil, fmt.Errorf("%s in bucket %s is larger than a manifest", name, b.Name)
	}
	return data, nil
}

// Write implements Destination. S3 compares the checksum before it takes the object, and locks it in the same call.
func (b Bucket) Write(ctx context.Context, name string, data []byte) error {
	if b.Retain <= 0 {
		return errors.New("an object is locked for a time: name one")
	}
	mode := types.ObjectLockModeCompliance
	if b.Governance {
		mode = types.ObjectLockModeGovernance
	}
	sum := sha256.Sum256(data)
	_, err := b.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(b.Name), Key: aws.String(b.key(name)), Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		ContentType:               aws.String(contentType(name)),
		ChecksumAlgorithm:         types.ChecksumAlgorithmSha256,
		ChecksumSHA256:            aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		ObjectLockMode:            mode,
		ObjectLockRetainUntilDate: aws.Time(time.Now().Add(b.Retain).UTC()),
	})
	if err != nil {
		return fmt.Errorf("write %s to bucket %s: %w", name, b.Name, err)
	}
	return nil
}

func contentType(name string) string {
	if strings.HasSuffix(name, signatureSuffix) {
		return "application/octet-stream"
	}
	return "application/json"
}
