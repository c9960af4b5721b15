package sink

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxFaults     = 100
	maxFaultBytes = 64 << 10
	// maxFaultDelay bounds how long a call is held.
	maxFaultDelay = time.Minute
)

// How a connection is dropped.
const (
	// DropBefore drops it before anything was taken.
	DropBefore = "before"
	// DropAfter drops it when phones have the pushes: only the answer is lost.
	DropAfter = "after"
)

// Fault is an answer that SendMessages gives in place of its own. It fits a call when it fits one of its addresses; what it says
// of the whole call (Delay, HTTPStatus, Drop) goes before what it says of addresses.
type Fault struct {
	// Application and Prefix say which addresses it fits: empty fits all.
	Application string `json:"application,omitempty"`
	Prefix      string `json:"prefix,omitempty"`
	// Next is for how many calls, or addresses where it is about those; 0: until it is removed.
	Next int `json:"next,omitempty"`

	// DelayMS holds the call that long.
	DelayMS int `json:"delay_ms,omitempty"`
	// HTTPStatus fails the call, with ErrorType in the API's words.
	HTTPStatus int    `json:"http_status,omitempty"`
	ErrorType  string `json:"error_type,omitempty"`
	// Drop closes the connection without an answer: before or after.
	Drop string `json:"drop,omitempty"`

	// DeliveryStatus, StatusCode and StatusMessage are the result of an address, whose phone gets nothing.
	DeliveryStatus string `json:"delivery_status,omitempty"`
	StatusCode     int    `json:"status_code,omitempty"`
	StatusMessage  string `json:"status_message,omitempty"`
	// Omit leaves the address out of the answer. Its phone gets the push.
	Omit bool `json:"omit,omitempty"`
}

func (f Fault) aboutCall() bool { return f.DelayMS > 0 || f.HTTPStatus > 0 || f.Drop != "" }

func (f Fault) aboutAddress() bool { return f.DeliveryStatus != "" || f.Omit }

func (f Fault) fits(application, address string) bool {
	return (f.Application == "" || f.Application == application) && strings.HasPrefix(address, f.Prefix)
}

func (f Fault) check() error {
	switch {
	case !f.aboutCall() && !f.aboutAddress():
		return errors.New("a fault needs delay_ms, http_status, drop, delivery_status or omit")
	case f.Next < 0 || f.DelayMS < 0 || f.DelayMS > int(maxFaultDelay.Milliseconds()):
		return errors.New("next is negative, or delay_ms is not within a minute")
	case f.HTTPStatus != 0 && (f.HTTPStatus < 400 || f.HTTPStatus > 599):
		return errors.New("http_status is not an error's")
	case f.Drop != "" && f.Drop != DropBefore && f.Drop != DropAfter:
		return errors.New("drop is before or after")
	}
	return nil
}

// faults are tried in the order in which they came. The sink's mutex guards them.
type faults []Fault

// take returns the first that fits and is wanted, and counts it.
func (fs *faults) take(wanted func(Fault) bool) (Fault, bool) {
	i := slices.IndexFunc(*fs, wanted)
	if i < 0 {
		return Fault{}, false
	}
	f := (*fs)[i]
	if f.Next > 0 {
		if (*fs)[i].Next--; (*fs)[i].Next == 0 {
			*fs = slices.Delete(*fs, i, i+1)
		}
	}
	return f, true
}

// faultOfCall holds the call or fails it. It returns the fault whose answer is to be lost.
func (s *Sink) faultOfCall(r *request, in sendRequest) (Fault, error) {
	s.mu.Lock()
	f, ok := s.faults.take(func(f Fault) bool {
		for address := range in.Addresses {
			if f.aboutCall() && f.fits(r.PathValue("app"), address) {
				return true
			}
		}
		return false
	})
	s.mu.Unlock()
	if !ok {
		return f, nil
	}
	if f.DelayMS > 0 {
		t := time.NewTimer(time.Duration(f.DelayMS) * time.Millisecond)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	}
	switch {
	case f.Drop == DropBefore:
		panic(http.ErrAbortHandler) // net/http's way to close without an answer
	case f.HTTPStatus > 0:
		kind := f.ErrorType
		if kind == "" {
			kind = "InternalServerErrorException"
		}
		return f, &apiError{f.HTTPStatus, kind, "The sink was told to fail."}
	}
	return f, nil
}

// faultOfAddress returns the answer for an address; the caller holds the mutex.
func (s *Sink) faultOfAddress(application, address string) (Fault, bool) {
	return s.faults.take(func(f Fault) bool { return f.aboutAddress() && f.fits(application, address) })
}

func (f Fault) result() result {
	code := f.StatusCode
	if code == 0 {
		code = http.StatusBadRequest
	}
	return result{DeliveryStatus: f.DeliveryStatus, StatusCode: code, StatusMessage: f.StatusMessage, MessageID: newRequestID()}
}

func (s *Sink) addFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaultBytes))
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err == nil {
		err = f.check()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(s.faults) >= maxFaults {
		err = errors.New("there are too many faults: remove some")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.faults = append(s.faults, f)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sink) showFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	fs := append(faults{}, s.faults...)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	writeJSON(w, http.StatusOK, fs)
}

func (s *Sink) removeFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.faults = nil
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
