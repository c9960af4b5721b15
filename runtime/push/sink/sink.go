package sink

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// DefaultMaxMessages is how many pushes a sink remembers unless told otherwise.
const DefaultMaxMessages = 5000

// Options of a sink. The zero value works.
type Options struct {
	// StatePath is a JSON file that keeps applications over restarts. Empty: they live in memory only.
	StatePath string
	// MaxMessages is how many pushes are remembered over all phones; beyond it the oldest goes. 0: DefaultMaxMessages.
	MaxMessages int
	// RequireChannels refuses a push to an application without that channel, as AWS does. Without it a missing channel is
	// as good as an enabled one, because a local world has no credentials to configure it with; a disabled one refuses.
	RequireChannels bool
	// Log gets one line per failed call, without bodies and addresses. Nil: none.
	Log *slog.Logger
}

// Sink is the push sink. Make it with New.
type Sink struct {
	mux             *http.ServeMux
	log             *slog.Logger
	statePath       string
	requireChannels bool

	mu     sync.Mutex
	apps   registry
	inbox  inbox
	faults faults
}

// New returns a sink, with the applications that the state file holds. A state file that cannot be read is an error:
// starting empty would orphan every application that a cluster has written down.
func New(o Options) (*Sink, error) {
	if o.MaxMessages <= 0 {
		o.MaxMessages = DefaultMaxMessages
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	apps, err := loadRegistry(o.StatePath)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		mux: http.NewServeMux(), log: o.Log, statePath: o.StatePath, requireChannels: o.RequireChannels,
		apps: apps, inbox: inbox{max: o.MaxMessages},
	}
	s.routes()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Sink) routes() {
	for pattern, call := range map[string]call{
		"POST /v1/apps":                            s.createApp,
		"GET /v1/apps":                             s.getApps,
		"GET /v1/apps/{app}":                       s.getApp,
		"DELETE /v1/apps/{app}":                    s.deleteApp,
		"POST /v1/tags/{arn}":                      s.tagResource,
		"GET /v1/tags/{arn}":                       s.listTags,
		"DELETE /v1/tags/{arn}":                    s.untagResource,
		"GET /v1/apps/{app}/channels/{channel}":    s.getChannel,
		"PUT /v1/apps/{app}/channels/{channel}":    s.updateChannel,
		"DELETE /v1/apps/{app}/channels/{channel}": s.deleteChannel,
		"POST /v1/apps/{app}/messages":             s.sendMessages,
		"/v1/":                                     unknownCall,
	} {
		s.mux.Handle(pattern, s.api(call))
	}
	s.mux.HandleFunc("GET /{$}", s.page)
	s.mux.HandleFunc("GET /messages", s.showMessages)
	s.mux.HandleFunc("DELETE /messages", s.forgetMessages)
	s.mux.HandleFunc("POST /faults", s.addFault)
	s.mux.HandleFunc("GET /faults", s.showFaults)
	s.mux.HandleFunc("DELETE /faults", s.removeFaults)
}

// now is what the API calls a date.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// newAppID is 32 hexadecimal digits, as AWS has it.
func newAppID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func newRequestID() string { return uuid.NewString() }
