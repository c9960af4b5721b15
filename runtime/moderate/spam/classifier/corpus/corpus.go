// Package corpus is the corpus from which the classifier is trained, and by which it is measured: its text files.
package corpus

import (
	"bufio"
	"embed"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/chatcluster/chatcluster/runtime/moderate/spam/classifier"
)

//go:embed *.txt
var files embed.FS

// heldOut is one of how many lines training does not see.
const heldOut = 4

// maxVariants is how many texts a line of the corpus stands for at most.
const maxVariants = 4

// Read returns the corpus: what is for training, and what is held out.
func Read() (training, held []classifier.Example, err error) {
	for _, file := range []struct {
		name string
		spam bool
	}{{"ham.txt", false}, {"spam.txt", true}} {
		f, err := files.Open(file.name)
		if err != nil {
			return nil, nil, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "#") {
				continue
			}
			to := &training
			if xxhash.Sum64String(lines.Text())%heldOut == 0 {
				to = &held
			}
			for i := range maxVariants {
				body := variant(lines.Text(), i)
				if i > 0 && body == variant(lines.Text(), 0) {
					break
				}
				*to = append(*to, classifier.Example{Body: body, Spam: file.spam})
			}
		}
		if err := lines.Err(); err != nil {
			return nil, nil, err
		}
	}
	return training, held, nil
}

// variant returns a line with the i-th of each {choice|of|them}, counted anew when they are used up.
func variant(line string, i int) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(line, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		choices, after, _ := strings.Cut(rest, "}")
		list := strings.Split(choices, "|")
		b.WriteString(list[i%len(list)])
		line = after
	}
}
