package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// widest is how much of a line is shown: a longer one would wrap, and then not go away.
const widest = 79

// Progress is one line on a terminal that says how far something is, each time anew. A nil Progress says nothing.
type Progress struct {
	w       io.Writer
	written bool
}

// NewProgress returns a Progress on w, which says nothing unless w is a terminal.
func NewProgress(w io.Writer) *Progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &Progress{w: w}
}

// Say replaces the line. It shows one line of at most 79 characters, and none that would control the terminal.
func (p *Progress) Say(format string, args ...any) {
	if p == nil {
		return
	}
	text := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...)))
	if len(text) > widest {
		text = append(text[:widest-1], '…')
	}
	p.written = true
	fmt.Fprintf(p.w, "\r\x1b[K%s", string(text))
}

// End takes the line away. What follows is printed as if it had never been there.
func (p *Progress) End() {
	if p == nil || !p.written {
		return
	}
	p.written = false
	fmt.Fprint(p.w, "\r\x1b[K")
}
