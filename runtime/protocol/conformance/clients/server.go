package clients

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/chatcluster/chatcluster/runtime/protocol"
)

const (
	// patience is how long something is waited for.
	patience = 15 * time.Second
	user     = "alice"
	device   = "device-1"
	group    = "g-1"
)

// server is a scripted gateway. It knows one user; what the cases do not script it answers as a gateway would.
type server struct {
	t     *testing.T
	http  *httptest.Server
	conns chan *conn

	mu sync.Mutex
	// logs are what the history shows, by conversation.
	logs map[string][]protocol.Entry
	// tokens are all that came, in order.
	tokens []string
	count  int
}

func newServer(t *testing.T) *server {
	s := &server{t: t, conns: make(chan *conn, 64), logs: map[string][]protocol.Entry{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ws", s.socket)
	mux.HandleFunc("GET /v1/conversations/{id}/messages", s.history)
	mux.HandleFunc("GET /v1/conversations/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, protocol.ConversationDetails{ID: r.PathValue("id"), Kind: "group", Title: "Team", Role: "member", Joined: 1, Head: 1})
	})
	mux.HandleFunc("GET /v1/inbox", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, protocol.InboxPage{Items: []protocol.InboxItem{}})
	})
	s.http = httptest.NewServer(s.checked(mux))
	t.Cleanup(s.http.Close)
	return s
}

// checked looks at what holds for all that a client asks: its token is not in the URL.
func (s *server) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.String(), "token") {
			s.t.Errorf("%s %s: what looks like a token is in the URL", r.Method, r.URL.Path)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) url() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") }

// keep puts entries into what the history shows.
func (s *server) keep(conversation string, entries ...protocol.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.logs[conversation] = slices.DeleteFunc(s.logs[conversation], func(old protocol.Entry) bool { return old.Seq == e.Seq })
		s.logs[conversation] = append(s.logs[conversation], e)
	}
	slices.SortFunc(s.logs[conversation], func(a, b protocol.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
}

// page is a page of the history, as docs/protocol.md has it.
func (s *server) page(conversation string, after, before *uint64, limit int) protocol.HistoryPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit <= 0 {
		limit = 50
	}
	all := s.logs[conversation]
	switch {
	case after != nil:
		all = slices.DeleteFunc(slices.Clone(all), func(e protocol.Entry) bool { return e.Seq <= *after })
		return protocol.HistoryPage{Entries: all[:min(limit, len(all))], More: len(all) > limit}
	case before != nil:
		all = slices.DeleteFunc(slices.Clone(all), func(e protocol.Entry) bool { return e.Seq >= *before })
	}
	return protocol.HistoryPage{Entries: slices.Clone(all[max(0, len(all)-limit):]), More: len(all) > limit}
}

func (s *server) history(w http.ResponseWriter, r *http.Request) {
	number := func(name string) *uint64 {
		n, err := strconv.ParseUint(r.URL.Query().Get(name), 10, 64)
		if err != nil {
			return nil
		}
		return &n
	}
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	page := s.page(r.PathValue("id"), number("after"), number("before"), limit)
	if page.Entries == nil {
		page.Entries = []protocol.Entry{}
	}
	answer(w, http.StatusOK, page)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// connections is how many there were.
func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol) {
		s.t.Errorf("the upgrade asks for %q, want %s among them", websocket.Subprotocols(r), protocol.Subprotocol)
	}
	up := websocket.Upgrader{Subprotocols: []string{protocol.Subprotocol}, CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		s.t.Errorf("upgrade: %v", err)
		return
	}
	s.mu.Lock()
	s.count++
	s.mu.Unlock()
	c := &conn{s: s, ws: ws, changed: make(chan struct{}), came: time.Now()}
	c.header = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.conns <- c
	c.read()
}
