package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/chatcluster/chatcluster/hack/world/world"
)

// Report is the answer to a status request.
type Report struct {
	Components []Status `json:"components"`
	Memory     int64    `json:"memory,omitempty"` // bytes, all processes of the world; where asked for
}

// Importer loads an image into the node.
type Importer func(ctx context.Context, img world.Image) error

// Handler serves the control API: GET /status[?memory=true], POST /components/{name}/{action}, POST /images with
// a list of images. Whoever may open the socket may do all of it; the state folder's mode is the guard.
func Handler(s *Supervisor, load Importer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		rep := Report{Components: s.Status()}
		if r.URL.Query().Get("memory") == "true" {
			rep.Memory = measure(rep.Components)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(rep) // the client is gone: nobody to tell
	})
	mux.HandleFunc("POST /components/{name}/{action}", func(w http.ResponseWriter, r *http.Request) {
		a := Action(r.PathValue("action"))
		switch a {
		case Start, Stop, Restart, Kill:
		default:
			http.Error(w, fmt.Sprintf("no action %q: start, stop, restart or kill", a), http.StatusNotFound)
			return
		}
		if err := s.Do(r.Context(), r.PathValue("name"), a); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	mux.HandleFunc("POST /images", func(w http.ResponseWriter, r *http.Request) {
		var images []world.Image
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&images); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, img := range images {
			if err := load(r.Context(), img); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
	})
	return mux
}

// Client talks to a world's supervisor.
type Client struct{ http *http.Client }

// NewClient returns a client of the supervisor that listens on a Unix socket.
func NewClient(socket string) *Client {
	return &Client{http: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// Status asks what runs.
func (c *Client) Status(ctx context.Context, memory bool) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var rep Report
	target := "/status"
	if memory {
		target += "?memory=true"
	}
	return rep, c.call(ctx, http.MethodGet, target, nil, &rep)
}

// Do asks a component to start, stop, restart or die.
func (c *Client) Do(ctx context.Context, name string, a Action) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return c.call(ctx, http.MethodPost, "/components/"+url.PathEscape(name)+"/"+string(a), nil, nil)
}

// Import loads images into the node.
func (c *Client) Import(ctx context.Context, images []world.Image) error {
	b, err := json.Marshal(images)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, "/images", b, nil)
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("supervisor: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("supervisor: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return errors.New("supervisor: " + string(bytes.TrimSpace(b)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}
