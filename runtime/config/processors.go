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

// maxMute is the longest mute: eventlog.MaxMute.
const maxMute = 30 * 24 * time.Hour
