package fault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Rates are how often what happens to a request, from 0 to 1.
type Rates struct {
	// Delay holds a request back for up to Rates.By before it goes on.
	Delay float64
	By    time.Duration
	// Error answers with an error, and nothing has happened.
	Error float64
	// Throttle answers that there were too many requests; Kafka has no such answer.
	Throttle float64
	// Lost cuts the connection after the request has been carried out.
	Lost float64
	// Late carries the request out long after its sender has given up.
	Late float64
}

// lateBy is how long a late request takes: longer than any deadline of the runtime's store calls for an append.
const (
	lateMin = 2 * time.Second
	lateMax = 6 * time.Second
)

// Dynamo is a proxy before DynamoDB.
type Dynamo struct {
	ln    net.Listener
	srv   *http.Server
	to    string
	http  *http.Client
	rates atomic.Pointer[Rates]
	down  atomic.Bool
	ended chan error
}

// NewDynamo starts one before the endpoint.
func NewDynamo(ctx context.Context, endpoint string) (*Dynamo, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &Dynamo{
		ln: ln, to: strings.TrimSuffix(endpoint, "/"), ended: make(chan error, 1),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: time.Minute},
	}
	d.rates.Store(&Rates{})
	d.srv = &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	go func() { d.ended <- d.srv.Serve(ln) }()
	return d, nil
}

// URL is the endpoint that clients use.
func (d *Dynamo) URL() string { return "http://" + d.ln.Addr().String() }

// Set changes the rates.
func (d *Dynamo) Set(r Rates) { d.rates.Store(&r) }

// Down ends every request without an answer until it is told otherwise.
func (d *Dynamo) Down(on bool) { d.down.Store(on) }

// Close ends the proxy.
func (d *Dynamo) Close() error {
	err := d.srv.Close()
	if s := <-d.ended; !errors.Is(s, http.ErrServerClosed) {
		err = errors.Join(err, s)
	}
	return err
}

// ServeHTTP carries a request out, or not.
func (d *Dynamo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || d.down.Load() {
		hangUp(w)
		return
	}
	rates := d.rates.Load()
	switch draw := rand.Float64(); {
	case draw < rates.Error:
		refuse(w, http.StatusInternalServerError, "InternalServerError")
		return
	case draw < rates.Error+rates.Throttle:
		refuse(w, http.StatusBadRequest, "ProvisionedThroughputExceededException")
		return
	case draw < rates.Error+rates.Throttle+rates.Late:
		time.Sleep(lateMin + rand.N(lateMax-lateMin))
	case draw < rates.Error+rates.Throttle+rates.Late+rates.Delay:
		time.Sleep(rand.N(rates.By))
	}
	// A sender who has given up does not take the request back.
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, d.to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		hangUp(w)
		return
	}
	req.Header = r.Header.Clone()
	res, err := d.http.Do(req)
	if err != nil {
		hangUp(w)
		return
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || rand.Float64() < rates.Lost || d.down.Load() {
		hangUp(w)
		return
	}
	for k, v := range res.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // whoever has gone does not want it
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#`+code+`","message":"injected"}`)
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = c.Close()
	}
}
