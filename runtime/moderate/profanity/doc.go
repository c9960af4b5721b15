// Package profanity finds profane words, by list.
//
// # Lists
//
// Lists are built in for several locales (words/), and an operator or a tenant adds files to a folder (package lists): for all tenants, or
// for one. A tenant is judged by the built-in lists of its locales and by the files that are for it; the locales are those that its files
// name, or else the operator's. The built-in English list is ours. The others are made from "List of Dirty, Naughty, Obscene, and Otherwise Bad
// Words" (https://github.com/LDNOOBW, release 1.2.0), under CC BY 4.0 (words/LICENSE), without what is an innocent word as well.
//
// # What a word is found as
//
// Package skeleton reads the body, so case, accents, look-alikes, invisible characters and leetspeak do not matter. A letter may be
// repeated. Letters may be apart ("f u c k", "f.u.c.k"): a row of single letters is read as one. A word of a list is a whole word in
// the body; `word*` may go on, `*word*` may be anywhere. In scripts without spaces words may be anywhere, in Hangul they may go on. A whole
// word that a list calls innocent is never found, nor anything in it: that is what Scunthorpe is.
//
// # Why no library
//
// The kept Go libraries for profanity know English alone and have no spans of what was written; those for Aho-Corasick match exact bytes.
// With letters that may be repeated or read in several ways, a walk down a trie from each word's start is as fast, for it mostly ends at
// the second letter.
//
// # Concurrency and lifecycle
//
// A Detector is safe for concurrent use. Its one goroutine is whoever calls Run, which follows the folder; lists in use never change.
package profanity
