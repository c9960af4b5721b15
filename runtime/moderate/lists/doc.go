// Package lists is the folder from which a detector takes the lists that an operator or a tenant has made: one YAML file each, such as a
// mounted ConfigMap has.
//
// Files of the folder that end in .yaml or .yml are read, and no others; a file is at most MaxFile bytes, a folder at most MaxFiles files. What
// is unknown in a file is an error, so that a misspelled key is noticed.
//
// # Invariants
//
// A file that cannot be read, or is not valid, leaves in force what it was when it last was valid, and nothing where it never was; it is
// told in the log, once for each change, and by chatcluster_moderation_invalid_lists until it is repaired. A file that is gone is no longer in
// force. A folder that cannot be read leaves everything as it is. What people put into a list is never logged.
//
// # Concurrency and lifecycle
//
// Lists is safe for concurrent use. Its one goroutine is whoever calls Run, which looks every Every whether something has changed: by
// the folder's ..data link, where there is one, and its files' names, sizes and times.
package lists
