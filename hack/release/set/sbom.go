package set

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom lists what is in a program, as CycloneDX: the Go toolchain and the modules that the linker put there, and in
// chatd the npm packages that its web client is made of.
func (b *builder) sbom(name, arch, file string, bin []byte) ([]byte, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bin)
	ref := fmt.Sprintf("pkg:golang/github.com/chatcluster/chatcluster@v%s#cmd/%s", b.Version, name)
	parts := modules(info)
	if name == "chatd" {
		lock, err := b.read(webLock)
		if err != nil {
			return nil, err
		}
		npm, err := bundled(lock)
		if err != nil {
			return nil, err
		}
		parts = append(parts, npm...)
	}
	refs := make([]string, len(parts))
	for i, p := range parts {
		refs[i] = p.BOMRef
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: b.source.Time.Format(time.RFC3339),
		Component: &cdx.Component{
			BOMRef: ref, Type: cdx.ComponentTypeApplication, Name: name, Version: b.Version, PackageURL: ref,
			Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
			Properties: &[]cdx.Property{
				{Name: "platform", Value: "linux/" + arch}, {Name: "revision", Value: b.source.Commit},
			},
		},
	}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: ref, Dependencies: &refs}}
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// modules are the toolchain's library and the modules of a program, in the order of their paths.
func modules(info *debug.BuildInfo) []cdx.Component {
	parts := []cdx.Component{{
		BOMRef: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go"), Type: cdx.ComponentTypeLibrary, Name: "stdlib",
		Version: info.GoVersion, PackageURL: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go"),
	}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := fmt.Sprintf("pkg:golang/%s@%s?type=module", m.Path, strings.ReplaceAll(m.Version, "+", "%2B"))
		part := cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: purl}
		if m.Sum != "" {
			part.Properties = &[]cdx.Property{{Name: "go:sum", Value: m.Sum}}
		}
		parts = append(parts, part)
	}
	return parts
}
