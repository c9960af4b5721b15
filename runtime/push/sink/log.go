package sink

import (
	"log/slog"
	"net/http"
)

func slogLevel(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// slogCall names the call by its pattern: paths hold ids, and queries may hold push tokens.
func slogCall(r *http.Request, e *apiError) []slog.Attr {
	return []slog.Attr{slog.String("call", r.Pattern), slog.Int("status", e.status), slog.String("error", e.kind)}
}
