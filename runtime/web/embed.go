package web

import (
	"embed"
	"io/fs"
)

// dist holds .gitkeep alone until `make web` has been run: a clone without Node builds all the same.
//
//go:embed all:dist
var dist embed.FS

// Embedded are the files that this program was built with.
func Embedded() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a valid path, and that is all that Sub asks for
	}
	return files
}
