package words

import (
	"io/fs"
	"strings"
)

// EnglishFiles returns the shipped files of English by name.
func EnglishFiles() map[string]string {
	files := map[string]string{}
	err := fs.WalkDir(shipped, "text/en", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(shipped, p)
		files[strings.TrimPrefix(p, "text/en/")] = string(text)
		return err
	})
	if err != nil {
		panic(err)
	}
	return files
}
