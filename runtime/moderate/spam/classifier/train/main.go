// Command train makes model.tsv, in the folder of the package, from its corpus.
package main

import (
	"fmt"
	"os"

	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier/corpus"
)

func main() {
	training, _, err := corpus.Read()
	if err == nil {
		err = os.WriteFile("model.tsv", classifier.Format(classifier.Train(training)), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
