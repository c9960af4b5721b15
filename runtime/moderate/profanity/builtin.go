package profanity

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/chatcluster/chatcluster/runtime/moderate/lists"
)

//go:embed words/*.yaml
var words embed.FS

// builtIn are the built-in lists, by locale, made ready.
var builtIn = sync.OnceValue(func() map[string]*dictionary {
	all := map[string]*dictionary{}
	files, _ := words.ReadDir("words")
	for _, f := range files {
		data, err := words.ReadFile(path.Join("words", f.Name()))
		if err != nil {
			continue
		}
		list, err := lists.Parse[List](data)
		if err != nil {
			panic(fmt.Sprintf("the built-in list %s: %v", f.Name(), err)) // a test reads them all
		}
		d := &dictionary{}
		d.add(list)
		all[strings.TrimSuffix(f.Name(), ".yaml")] = d
	}
	return all
})

// Locales returns the locales that have a built-in list.
func Locales() []string { return slices.Sorted(maps.Keys(builtIn())) }
