package costs

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/costs.md anew")

// What the page says is what comes of the prices, the assumptions and the measurements.
func TestThePageIsWhatTheFiguresGive(t *testing.T) {
	f, units := read(t)
	example, err := f.ExampleTable(units)
	if err != nil {
		t.Fatal(err)
	}
	const path = "../../../docs/costs.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{"messages": f.MessageTable(units), "prices": f.PriceTable(), "example": example} {
		place := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^>]*-->\n).*?(<!-- end -->)`)
		if !place.MatchString(want) {
			t.Fatalf("%s has no place for the table %q", path, name)
		}
		want = place.ReplaceAllString(want, "${1}\n"+strings.ReplaceAll(table, "$", "$$")+"\n${2}")
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/costs.md is not what the figures give (run this test with -update), -want +got:\n%s", diff)
	}
}

// Figures that are in the prose of docs/benchmarks.md must still stand there.
func TestMeasuredFiguresAreThoseOfTheBenchmarks(t *testing.T) {
	f, _ := read(t)
	page, err := os.ReadFile("../../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	m := f.Measured
	for _, said := range []string{
		fmt.Sprintf("%.1f KB just after connecting", m.ConnectionKB),
		fmt.Sprintf("%v µs CPU per connection and minute", m.IdleMicros),
		fmt.Sprintf("%v µs against", m.Delivery),
		fmt.Sprintf("frames of %v and", f.Example.FrameBytes),
		fmt.Sprintf("%v ms of CPU per message in the server's process", m.MessageMillis),
		fmt.Sprintf("%v ms CPU each, tokens verified", m.ResyncMillis),
	} {
		if !strings.Contains(string(page), said) {
			t.Errorf("docs/benchmarks.md does not say %q: figures.json is behind it", said)
		}
	}
}

func TestPerMillion(t *testing.T) {
	f := &Figures{Prices: map[string]Price{
		"writeUnits": {USD: 2, Per: 1e6}, "tableGBMonth": {USD: 1000, Per: 1}, "cacheUnits": {USD: 3, Per: 1e6}, "databaseIO": {USD: 5, Per: 1e6},
	}}
	f.Assumptions.CacheUnitsPerCommand, f.Assumptions.DatabaseIOPerRow, f.Assumptions.HotRetentionMonths = 2, 3, 0.5
	got := f.PerMillion(Units{WriteUnits: 0.5, MarkUnits: 0.25, Commands: 10, Rows: 4})
	if diff := cmp.Diff(Cost{Writes: 1, Marks: 0.5, Storage: 256, Cache: 60, Database: 60}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Sum() != 377.5 {
		t.Errorf("the sum is %v", got.Sum())
	}
}

func TestWhole(t *testing.T) {
	for v, want := range map[float64]string{0.4: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := whole(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}

func read(t *testing.T) (*Figures, []Units) {
	t.Helper()
	f, err := ReadFigures("figures.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range f.Prices {
		if p.USD <= 0 || p.Per <= 0 || p.Unit == "" || p.Source == "" {
			t.Errorf("the price %s is not whole: %+v", name, p)
		}
	}
	page, err := os.ReadFile("../../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	units, err := ReadUnits(string(page))
	if err != nil {
		t.Fatal(err)
	}
	if len(units) != 8 {
		t.Fatalf("docs/benchmarks.md has %d rows of what a message costs, want 8", len(units))
	}
	return f, units
}
