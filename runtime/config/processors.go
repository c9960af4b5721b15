package config

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Processors are the detectors' parts.
type Processors struct {
	Spam      *Detector `json:"spam,omitempty"`
	Profanity *Detector `json:"profanity,omitempty"`
	Fraud     *Detector `json:"fraud,omitempty"`
}

// Detector is what is done about what a detector finds, where a tenant's record does not say otherwise.
type Detector struct {
	// Mode is Off (nothing is looked at, but for tenants that want it), DryRun (findings are counted and no more), Flag or Enforce.
	Mode string `json:"mode"`
	// Threshold is the least score that counts, in percent, 1 to 100; 0 is the role's default.
	Threshold int `json:"threshold,omitempty"`
	// Action is what Enforce does: mask or hide; empty is the detector's own.
	Action string `json:"action,omitempty"`
	// MuteSenderFor is how long Enforce has the sender send nothing more; zero: not at all.
	MuteSenderFor Duration `json:"muteSenderFor,omitzero"`
	// ListsDir is a folder of the detector's lists, which are read again when they change; empty: the built-in ones alone.
	ListsDir string `json:"listsDir,omitempty"`
	// Limits are spam's.
	Limits SpamLimits `json:"limits,omitzero"`
	// Locales are profanity's: the built-in lists for tenants whose own name none; none is the detector's own.
	Locales []string `json:"locales,omitempty"`
}

// SpamLimits are what people do who are no spammers; 0 is the detector's own.
type SpamLimits struct {
	// Velocity is messages in a minute, FanOut conversations in ten, Duplicates other conversations of one sender with about the same text within an
	// hour, Spread conversations with the same text of anybody's, NewContacts conversations that a sender begins within an hour.
	Velocity    int `json:"velocity,omitempty"`
	FanOut      int `json:"fanOut,omitempty"`
	Duplicates  int `json:"duplicates,omitempty"`
	Spread      int `json:"spread,omitempty"`
	NewContacts int `json:"newContacts,omitempty"`
	// NewFor is how long a sender is new.
	NewFor Duration `json:"newFor,omitzero"`
}

// ProcessorsOf returns the detectors that are named, with these modes and nothing else configured.
func ProcessorsOf(modes map[string]string) (Processors, error) {
	var p Processors
	for name, mode := range modes {
		d := &Detector{Mode: mode}
		switch name {
		case "spam":
			p.Spam = d
		case "profanity":
			p.Profanity = d
		case "fraud":
			p.Fraud = d
		default:
			return p, fmt.Errorf("there is no processor %q", name)
		}
	}
	return p, errors.Join(p.validate()...)
}

func (p Processors) validate() (errs []error) {
	for name, d := range p.By() {
		need := func(ok bool, field, what string) {
			if !ok {
				errs = append(errs, fmt.Errorf("configuration: processors.%s.%s %s", name, field, what))
			}
		}
		need(slices.Contains([]string{"Off", "DryRun", "Flag", "Enforce"}, d.Mode), "mode", "is neither Off, DryRun, Flag nor Enforce")
		need(d.Threshold >= 0 && d.Threshold <= 100, "threshold", "is not between 0 and 100")
		need(d.Action == "" || d.Action == "mask" || d.Action == "hide", "action", "is neither mask nor hide")
		need(name == "spam" || d.Limits == SpamLimits{}, "limits", "are spam's alone")
		need(name == "profanity" || len(d.Locales) == 0, "locales", "are profanity's alone")
		for _, l := range []struct {
			field string
			n, at int
		}{
			{"velocity", d.Limits.Velocity, 85}, {"fanOut", d.Limits.FanOut, 200}, {"duplicates", d.Limits.Duplicates, 200},
			{"spread", d.Limits.Spread, 1000}, {"newContacts", d.Limits.NewContacts, 200},
		} {
			need(l.n >= 0 && l.n <= l.at, "limits."+l.field, fmt.Sprintf("is not between 0 and %d: more is not remembered", l.at))
		}
		need(d.Limits.NewFor.Duration >= 0 && d.Limits.NewFor.Duration <= maxNewFor, "limits.newFor", "is not between 0 and 30 days")
		need(d.MuteSenderFor.Duration >= 0 && d.MuteSenderFor.Duration <= maxMute, "muteSenderFor", "is not between 0 and 30 days")
	}
	return errs
}

// By returns the detectors that are configured, by name.
func (p Processors) By() map[string]Detector {
	out := map[string]Detector{}
	for name, d := range map[string]*Detector{"spam": p.Spam, "profanity": p.Profanity, "fraud": p.Fraud} {
		if d != nil {
			out[name] = *d
		}
	}
	return out
}

// maxNewFor is how long a sender may be new.
const maxNewFor = 30 * 24 * time.Hour

// maxMute is the longest mute: eventlog.MaxMute.
const maxMute = 30 * 24 * time.Hour
