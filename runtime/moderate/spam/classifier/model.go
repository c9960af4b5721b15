package classifier

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/moderate/links"
)

//go:embed model.tsv
var trained []byte

// Default is the model that comes with the package.
var Default = sync.OnceValue(func() *Model {
	m, err := Parse(trained)
	if err != nil {
		panic(fmt.Sprintf("the model that was compiled in: %v", err)) // a test reads it
	}
	return m
})

const (
	// minTexts is how many texts a feature must be in to have a weight.
	minTexts = 2
	// minWeight is how little a weight says to be left out.
	minWeight = 0.3
	// bias is the feature that every text has: spam is rarer than the corpus has it.
	bias = "<bias>"
	// doubt divides the evidence: words of a text say less than they would if each were by itself.
	doubt = 2.0
	// rarer is by how much spam is rarer among messages than in the corpus, as a logarithm.
	rarer = 3.0
)

// Model classifies texts.
type Model struct {
	weights map[uint64]float64
	bias    float64
}

// Example is a text of which it is known.
type Example struct {
	Body string
	Spam bool
}

// Train returns the weights of the features, by their names.
func Train(examples []Example) map[string]float64 {
	texts := map[bool]float64{}
	in := map[bool]map[string]float64{false: {}, true: {}}
	for _, e := range examples {
		texts[e.Spam]++
		for f := range Read(e.Body, links.Find(e.Body)).features() {
			in[e.Spam][f]++
		}
	}
	weights := map[string]float64{bias: rounded(math.Log(texts[true]/texts[false]) - rarer)}
	for _, of := range in {
		for f := range of {
			spam, ham := in[true][f], in[false][f]
			if spam+ham < minTexts {
				continue
			}
			w := rounded(math.Log((spam + 0.5) / (texts[true] + 1) * (texts[false] + 1) / (ham + 0.5)))
			if math.Abs(w) >= minWeight {
				weights[f] = w
			}
		}
	}
	return weights
}

// rounded keeps what every machine computes alike.
func rounded(w float64) float64 { return math.Round(w*1000) / 1000 }

// Format writes weights as a model.
func Format(weights map[string]float64) []byte {
	var b bytes.Buffer
	b.WriteString("# Made by `make model` from corpus/. A feature, and the logarithm of how much more often spam has it.\n")
	for _, f := range slices.Sorted(maps.Keys(weights)) {
		fmt.Fprintf(&b, "%s\t%.3f\n", f, weights[f])
	}
	return b.Bytes()
}

// Parse reads a model.
func Parse(data []byte) (*Model, error) {
	m := &Model{weights: map[uint64]float64{}}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		feature, value, _ := strings.Cut(lines.Text(), "\t")
		w, err := strconv.ParseFloat(value, 64)
		if err != nil || feature == "" {
			return nil, fmt.Errorf("line %d of the model is not a feature and its weight", n)
		}
		if feature == bias {
			m.bias = w
			continue
		}
		m.weights[key(feature)] = w
	}
	return m, lines.Err()
}

// maxSeen is how many features of a text are told apart.
const maxSeen = 128

// Spam returns how likely a text is spam, from 0 to 1.
func (m *Model) Spam(t Text) float64 {
	sum := m.bias
	var seen [maxSeen]uint64
	n := 0
	t.keys(func(k uint64) {
		w, ok := m.weights[k]
		if !ok || n == maxSeen || slices.Contains(seen[:n], k) {
			return
		}
		seen[n] = k
		n++
		sum += w
	})
	return 1 / (1 + math.Exp(-sum/doubt))
}
