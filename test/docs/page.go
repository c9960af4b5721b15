package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Page is a Markdown page.
type Page struct {
	// Path is from the repository's root, with slashes.
	Path string
	Text string
}

// skipped are folders whose pages are not ours, or not for people.
var skipped = map[string]bool{".git": true, "bin": true, "dist": true, "testdata": true, "node_modules": true}

// Pages returns the pages below root, in the order of their paths.
func Pages(root string) ([]Page, error) {
	var pages []Page
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped[d.Name()]:
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		pages = append(pages, Page{Path: filepath.ToSlash(rel), Text: string(text)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the pages below %s: %w", root, err)
	}
	return pages, nil
}

// Block is a fenced block of a page.
type Block struct {
	Page     string
	Line     int // of its first line of text, from 1
	Language string
	Text     string
}

// At says where the block is.
func (b Block) At() string { return b.Page + ":" + strconv.Itoa(b.Line) }

// Blocks returns the page's fenced blocks in a language.
func (p Page) Blocks(language string) []Block {
	var found []Block
	for _, b := range p.split() {
		if b.fenced && b.language == language {
			found = append(found, Block{Page: p.Path, Line: b.line, Language: language, Text: strings.Join(b.lines, "\n") + "\n"})
		}
	}
	return found
}

// part is lines of a page that are all in one fence, or in none.
type part struct {
	fenced   bool
	language string
	line     int
	lines    []string
}

func (p Page) split() []part {
	parts := []part{{line: 1}}
	for i, line := range strings.Split(p.Text, "\n") {
		last := &parts[len(parts)-1]
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !last.fenced:
			parts = append(parts, part{fenced: true, language: language, line: i + 2})
		case fence:
			parts = append(parts, part{line: i + 2})
		default:
			last.lines = append(last.lines, line)
		}
	}
	return parts
}

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`^#{1,6}\s+(.+?)\s*#*$`)
	markup     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)|[*` + "`" + `]`)
)

// Links returns where the page's links lead, as they are written.
func (p Page) Links() []string {
	var found []string
	for _, part := range p.split() {
		if part.fenced {
			continue
		}
		text := inlineCode.ReplaceAllString(strings.Join(part.lines, "\n"), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
	}
	return found
}

// Anchors returns what of the page can be linked to: its headings, as GitHub writes them.
func (p Page) Anchors() map[string]bool {
	found := map[string]bool{}
	for _, part := range p.split() {
		if part.fenced {
			continue
		}
		for _, line := range part.lines {
			m := heading.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			slug := anchor(m[1])
			for n := 1; found[slug]; n++ {
				slug = anchor(m[1]) + "-" + strconv.Itoa(n)
			}
			found[slug] = true
		}
	}
	return found
}

func anchor(title string) string {
	title = strings.ToLower(markup.ReplaceAllString(title, "$1"))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return r
		}
		return -1
	}, title)
}
