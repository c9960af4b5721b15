// Package classifier says by its words how likely a text is spam: a naive Bayes classifier over which words, pairs of words and shapes are in it.
//
// # The model
//
// model.tsv has the weight of each feature, the logarithm of how much more often spam has it than what is none; to read it is to see why. `make model`
// trains it from corpus/, and a test says that it is what training gives. A line of the corpus is for training or held out as a whole,
// with all of its variants, by a hash of it: what is measured is on lines that training has not seen.
//
// The corpus is a seed, written for this project: some hundred lines, by few hands, mostly in English. It knows the loud kinds of spam. What
// it finds in a tenant's traffic is less certain than on its own held-out lines; a deployment that has labeled messages of its own should
// add them (one a line) and train again.
//
// # Why no library
//
// The Go libraries for text classification are no longer kept, or bring a tensor runtime for what is a sum of a few logarithms.
//
// # Concurrency
//
// A Model does not change and is safe for concurrent use.
package classifier

//go:generate go run ./train
