package notify

import (
	"time"

	"github.com/chatcluster/chatcluster/runtime/store"
)

// quietUntil returns when the device's quiet hours end, if it has them now. Where the end falls into the hour that a change of
// clocks skips, it is what the zone makes of it. A zone that is not known has no hours: a push too early is better than none.
func quietUntil(p store.DevicePreferences, now time.Time) (time.Time, bool) {
	if !p.Quiet() {
		return time.Time{}, false
	}
	zone, err := time.LoadLocation(p.QuietZone)
	if err != nil {
		return time.Time{}, false
	}
	local := now.In(zone)
	minute := local.Hour()*60 + local.Minute()
	day := local.Day()
	switch from, to := p.QuietFrom, p.QuietTo; {
	case from < to && minute >= from && minute < to:
	case from > to && minute < to:
	case from > to && minute >= from:
		day++
	default:
		return time.Time{}, false
	}
	end := time.Date(local.Year(), local.Month(), day, p.QuietTo/60, p.QuietTo%60, 0, 0, zone)
	if !end.After(now) { // clocks were set back: that minute comes twice
		end = now.Add(time.Minute)
	}
	return end, true
}
