package load

import "bytes"

// What follows finds values in JSON that a server's encoder wrote, by their keys and without decoding: the generator has to be cheaper
// than what it measures. Bodies are the generator's own and hold no quotes.

// number returns the number after key, and what follows it. ok is false when the key is not there.
func number(data []byte, key string) (n uint64, rest []byte, ok bool) {
	i := bytes.Index(data, []byte(key))
	if i < 0 {
		return 0, data, false
	}
	data = data[i+len(key):]
	for i = 0; i < len(data) && data[i] >= '0' && data[i] <= '9'; i++ {
		n = n*10 + uint64(data[i]-'0')
	}
	return n, data[i:], i > 0
}

// text returns the string after key, which ends with the key's opening quote.
func text(data []byte, key string) ([]byte, bool) {
	i := bytes.Index(data, []byte(key))
	if i < 0 {
		return nil, false
	}
	data = data[i+len(key):]
	end := bytes.IndexByte(data, '"')
	return data[:max(end, 0)], end >= 0
}
