package eventlog

import "github.com/chatcluster/chatcluster/runtime/store"

// keySeparator is a byte that no id can hold.
const keySeparator = "\x00"

// ConvKey is the key of a conversation's records: all of them are in one partition.
func ConvKey(c store.Conv) []byte {
	return []byte(string(c.Tenant()) + keySeparator + c.ID())
}

// UserKey is the key of a user's records.
func UserKey(u store.User) []byte {
	return []byte(string(u.Tenant()) + keySeparator + u.ID())
}
