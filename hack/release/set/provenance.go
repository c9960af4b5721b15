package set

import (
	"bytes"
	"encoding/json"
	"maps"
	"runtime"
	"slices"
	"strings"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	predicateType = "https://slsa.dev/provenance/v1"
	buildType     = Repository + "/tree/main/hack/release"
)

// provenance writes an in-toto statement with a SLSA predicate: these files and images were built of this commit by that builder. It is
// not signed: that is for who builds where others can trust it. It tells no times, so that a second build says the same.
func (b *builder) provenance(images []Image) error {
	parameters, err := structpb.NewStruct(map[string]any{"version": b.Version, "registry": b.Registry})
	if err != nil {
		return err
	}
	sums, err := digests(b.out)
	if err != nil {
		return err
	}
	p := &provenance.Provenance{
		BuildDefinition: &provenance.BuildDefinition{
			BuildType: buildType, ExternalParameters: parameters,
			ResolvedDependencies: []*intoto.ResourceDescriptor{
				{Uri: "git+" + Repository, Digest: map[string]string{"gitCommit": b.source.Commit}},
				{Uri: "pkg:generic/go@" + strings.TrimPrefix(runtime.Version(), "go"), Name: "go"},
			},
		},
		RunDetails: &provenance.RunDetails{Builder: &provenance.Builder{Id: b.Builder}},
	}
	if err := p.Validate(); err != nil {
		return err
	}
	predicate, err := canonical(p)
	if err != nil {
		return err
	}
	var fields structpb.Struct
	if err := protojson.Unmarshal(predicate, &fields); err != nil {
		return err
	}
	s := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: predicateType, Predicate: &fields}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		s.Subject = append(s.Subject, &intoto.ResourceDescriptor{Name: name, Digest: map[string]string{"sha256": sums[name]}})
	}
	for _, img := range images {
		s.Subject = append(s.Subject, &intoto.ResourceDescriptor{
			Name: img.Reference, Digest: map[string]string{"sha256": strings.TrimPrefix(img.Digest, "sha256:")},
		})
	}
	if err := s.Validate(); err != nil {
		return err
	}
	statement, err := canonical(s)
	if err != nil {
		return err
	}
	if err := b.write(Predicate, predicate); err != nil {
		return err
	}
	return b.write(Provenance, statement)
}

// canonical is a message as JSON. protojson varies its white space on purpose; here it may not.
func canonical(m proto.Message) ([]byte, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
