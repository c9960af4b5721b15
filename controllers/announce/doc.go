// Package announce tells users what happened to their objects, by events of events.k8s.io/v1, in bounded memory.
//
// client-go's broadcaster does the work: it makes one series of what is told again and again, and retries. It keeps what was told for six to twelve
// minutes, though, about 1 KB for each event, however many there are: a fleet that is provisioned tells tens of thousands. So a Recorder uses one
// broadcaster after the other. Each takes a bounded number of events and is then given a moment to end its work. What is repeated across two of them
// becomes two events instead of a series, and that is all that is lost.
//
// A Recorder is safe for concurrent use and blocks nobody: what the API server does not take in time is dropped, as client-go does. It ends with the
// context that it was made with.
package announce
