package admin

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Stats is what a server process has used.
type Stats struct {
	RSSBytes   int64
	CPUSeconds float64
	HeapBytes  uint64
	Goroutines int
	Reads      Reads
}

// Handler serves who measures.
func Handler(reads func() Reads, registry *prometheus.Registry) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		s, err := usage()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s.Reads = reads()
		_ = json.NewEncoder(w).Encode(s)
	})
	// settle does at once what the runtime does within some minutes by itself: a collection, and returning what is free.
	mux.HandleFunc("POST /settle", func(http.ResponseWriter, *http.Request) {
		runtime.GC()
		debug.FreeOSMemory()
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	return mux
}

func usage() (Stats, error) {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return Stats{}, err
	}
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return Stats{}, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		return Stats{}, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	return Stats{
		RSSBytes: pages * int64(os.Getpagesize()), CPUSeconds: cpu.Seconds(), HeapBytes: m.HeapAlloc, Goroutines: runtime.NumGoroutine(),
	}, nil
}

// Reads is how often the gateway has read what of the store.
type Reads struct {
	Log, Conversation, Memberships, Membership, Devices int64
}

// Ready is what a server says when it serves.
type Ready struct {
	Gateway, Admin string
}
