package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	// exportChunk is how many entries an object holds at most: a few megabytes.
	exportChunk = 10_000
	// manifestSuffix ends the names of manifests.
	manifestSuffix = ".manifest.json"
)

// ErrDiverged says that the log does not hold what was exported.
var ErrDiverged = errors.New("the audit log is not the one that was exported")

// Destination is where an audit log is exported to: a Folder or a Bucket.
type Destination interface {
	// List returns the names that begin with prefix, in order.
	List(ctx context.Context, prefix string) ([]string, error)
	Read(ctx context.Context, name string) ([]byte, error)
	// Write makes the object, whole or not at all. One of that name that is there already is kept, or kept as an older version.
	Write(ctx context.Context, name string, data []byte) error
}

// Manifest says what an exported object holds. It is written after the object: an object without one was cut off, and counts as none.
type Manifest struct {
	Version int    `json:"version"`
	Tenant  string `json:"tenant"`
	// From and To are the places of the first entry and the last one.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Prev is the hash of the entry before From, or the tenant's genesis; Head is that of To.
	Prev Hash `json:"prev"`
	Head Hash `json:"head"`
	// Object is the name of the lines, SHA256 what they hash to.
	Object string `json:"object"`
	SHA256 Hash   `json:"sha256"`
}

const manifestVersion = 1

// Exported is what an export wrote, and the head up to which there is an export now.
type Exported struct {
	Entries, Objects int64
	Head             Head
}

// folderOf is what the names of a tenant's objects begin with. No tenant's is the beginning of another's, nor a way out of the folder.
func folderOf(tenant string) string { return folderPrefix + url.QueryEscape(tenant) + "/" }

const folderPrefix = "tenant="

// Export writes what of a tenant's log has not been exported. It goes on where it was cut off, and wraps ErrDiverged where the log does not
// hold what was exported last, or is broken from there on. Only one process should export to a place; where two do, each writes the same.
// sign may be nil: then nothing is signed.
func Export(ctx context.Context, chain Chain, to Destination, tenant string, sign *Signer) (Exported, error) {
	var done Exported
	last, err := lastManifest(ctx, to, tenant)
	if err != nil {
		return done, err
	}
	head, _, err := chain.End(ctx, tenant)
	if err != nil {
		return done, err
	}
	done.Head = Head{Hash: Genesis(tenant)}
	if last != nil {
		done.Head = Head{last.To, last.Head}
		if err := holds(ctx, chain, tenant, done.Head); err != nil {
			return done, err
		}
	}
	for done.Head.N < head.N {
		entries, err := collect(ctx, chain, tenant, done.Head, head.N)
		if err != nil {
			return done, err
		}
		if err := writeObject(ctx, to, tenant, done.Head.Hash, entries, sign); err != nil {
			return done, err
		}
		end := entries[len(entries)-1]
		done.Head = Head{end.N, end.Hash}
		done.Entries += int64(len(entries))
		done.Objects++
	}
	return done, nil
}

// holds says whether the log has the entry that was exported.
func holds(ctx context.Context, chain Chain, tenant string, h Head) error {
	entries, err := chain.Entries(ctx, tenant, h.N-1, h.N, 1)
	if err != nil {
		return err
	}
	if len(entries) != 1 || entries[0].Hash != h.Hash {
		return fmt.Errorf("%w: entry %d", ErrDiverged, h.N)
	}
	return nil
}

// collect returns the entries of the next object. What does not follow is not exported: chatd audit verify says what is wrong.
func collect(ctx context.Context, chain Chain, tenant string, after Head, upTo int64) ([]Entry, error) {
	var entries []Entry
	for len(entries) < exportChunk && after.N < upTo {
		page, err := chain.Entries(ctx, tenant, after.N, upTo, min(verifyPage, exportChunk-len(entries)))
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return nil, fmt.Errorf("%w: entry %d is not there", ErrDiverged, after.N+1)
		}
		for _, e := range page {
			if e.N != after.N+1 || e.Prev != after.Hash || e.Sum() != e.Hash {
				return nil, fmt.Errorf("%w: entry %d does not follow entry %d", ErrDiverged, e.N, after.N)
			}
			after = Head{e.N, e.Hash}
		}
		entries = append(entries, page...)
	}
	return entries, nil
}

func writeObject(ctx context.Context, to Destination, tenant string, prev Hash, entries []Entry, sign *Signer) error {
	first, last := entries[0], entries[len(entries)-1]
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, e := range entries {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("encode an audit entry: %w", err)
		}
	}
	// Names sort by place.
	name := fmt.Sprintf("%s%019d-%019d", folderOf(tenant), first.N, last.N)
	m := Manifest{
		Version: manifestVersion, Tenant: tenant, From: first.N, To: last.N, Prev: prev, Head: last.Hash,
		Object: name + ".jsonl", SHA256: sha256.Sum256(lines.Bytes()),
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode a manifest: %w", err)
	}
	if err := to.Write(ctx, m.Object, lines.Bytes()); err != nil {
		return err
	}
	manifest = append(manifest, '\n')
	// The manifest is last: what is signed is whole.
	if sign != nil {
		if err := sign.write(ctx, to, name, manifest); err != nil {
			return err
		}
	}
	return to.Write(ctx, name+manifestSuffix, manifest)
}

// lastManifest returns the tenant's with the highest place, nil where there is none.
func lastManifest(ctx context.Context, from Destination, tenant string) (*Manifest, error) {
	names, err := manifests(ctx, from, folderOf(tenant))
	if err != nil || len(names) == 0 {
		return nil, err
	}
	var last *Manifest
	// Where two exported at a time, objects overlap: the last name need not reach farthest.
	for _, name := range names[max(0, len(names)-2):] {
		m, err := readManifest(ctx, from, tenant, name)
		if err != nil {
			return nil, err
		}
		if last == nil || m.To > last.To {
			last = m
		}
	}
	return last, nil
}

func manifests(ctx context.Context, from Destination, prefix string) ([]string, error) {
	names, err := from.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, manifestSuffix) {
			found = append(found, name)
		}
	}
	return found, nil
}

func readManifest(ctx context.Context, from Destination, tenant, name string) (*Manifest, error) {
	data, err := from.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	return parseManifest(data, tenant, name)
}

func parseManifest(data []byte, tenant, name string) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", name, err)
	}
	if m.Version != manifestVersion || m.Tenant != tenant || m.From < 1 || m.To < m.From {
		return nil, fmt.Errorf("manifest %s is none of tenant %s, or of a later version", name, tenant)
	}
	return &m, nil
}

// ExportedTenants lists the tenants of which there is an export, in order: one may be all that is left of a tenant's log.
func ExportedTenants(ctx context.Context, from Destination) ([]string, error) {
	names, err := manifests(ctx, from, folderPrefix)
	if err != nil {
		return nil, err
	}
	var tenants []string
	for _, name := range names {
		folder, _, _ := strings.Cut(strings.TrimPrefix(name, folderPrefix), "/")
		tenant, err := url.QueryUnescape(folder)
		if err != nil {
			return nil, fmt.Errorf("manifest %s is in no tenant's folder", name)
		}
		if len(tenants) == 0 || tenants[len(tenants)-1] != tenant {
			tenants = append(tenants, tenant)
		}
	}
	slices.Sort(tenants)
	return slices.Compact(tenants), nil
}

// Checkpoints returns the heads that were exported of a tenant's log.
func Checkpoints(ctx context.Context, from Destination, tenant string) ([]Checkpoint, error) {
	names, err := manifests(ctx, from, folderOf(tenant))
	if err != nil {
		return nil, err
	}
	var found []Checkpoint
	for _, name := range names {
		m, err := readManifest(ctx, from, tenant, name)
		if err != nil {
			return nil, err
		}
		found = append(found, Checkpoint{Head: Head{m.To, m.Head}, Name: name})
	}
	return found, nil
}
