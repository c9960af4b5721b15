package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// maxShown is how many violations of a promise are written out; the rest are counted.
const maxShown = 8

// aroundFaults is how close to an entry a fault counts as near.
const aroundFaults = 5 * time.Second

// Violation is a promise that was not kept.
type Violation struct {
	// Promise is P1 to P6, or what beside them: verdicts, audit, figures, availability.
	Promise string
	What    string
	// Where is the conversation, with the seq where there is one.
	Where string
	// History is what is known of the entry, line by line.
	History []string
}

// Report is what came of a run.
type Report struct {
	Seed       uint64
	Took       time.Duration
	Violations []Violation
	// Acked, Refused and Unanswered are the operations by outcome.
	Acked, Refused, Unanswered int
	// Kinds counts what was acknowledged by the entry's kind.
	Kinds map[string]int
	// Entries, Shown and Pushes are what the logs hold, what all devices were shown, and what the phones got.
	Entries, Shown, Pushes int
	// Late are the batches that came to Kafka after newer ones, by the outbox.
	Late int
	// Muted and Asleep are the messages that phones had not confirmed and must not be pushed about, or not in their quiet hours.
	Muted, Asleep int
	// Verdicts are what processors have said by themselves, by their names.
	Verdicts map[string]int
	// Faults counts the faults by name.
	Faults map[string]int
}

// Print writes the report for a person.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "seed %d, %v: %d operations acknowledged, %d refused, %d without an answer\n", r.Seed, r.Took.Round(time.Second), r.Acked, r.Refused, r.Unanswered)
	fmt.Fprintf(w, "acknowledged: %s\n", tally(r.Kinds))
	fmt.Fprintf(w, "%d entries in the logs, %d shown on all devices; %d batches came to Kafka late, by the outbox\n", r.Entries, r.Shown, r.Late)
	fmt.Fprintf(w, "%d pushes; held back: %d messages that were muted, %d in quiet hours\n", r.Pushes, r.Muted, r.Asleep)
	if len(r.Verdicts) > 0 {
		fmt.Fprintf(w, "verdicts of processors: %s\n", tally(r.Verdicts))
	}
	fmt.Fprintf(w, "faults: %s\n", tally(r.Faults))
	if len(r.Violations) == 0 {
		fmt.Fprintf(w, "P1 to P6 held.\n")
		return
	}
	written := map[string]int{}
	for _, v := range r.Violations {
		if written[v.Promise]++; written[v.Promise] > maxShown {
			continue
		}
		fmt.Fprintf(w, "\n%s is violated: %s\n", v.Promise, v.What)
		if v.Where != "" {
			fmt.Fprintf(w, "  where: %s\n", v.Where)
		}
		for _, line := range v.History {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	for p, n := range written {
		if n > maxShown {
			fmt.Fprintf(w, "\n%s: %d more\n", p, n-maxShown)
		}
	}
	fmt.Fprintf(w, "\n%d violations. The same plan again: --seed %d\n", len(r.Violations), r.Seed)
}

// tally lists counts by name.
func tally(counts map[string]int) string {
	var parts []string
	for name, n := range counts {
		parts = append(parts, fmt.Sprintf("%s ×%d", name, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func (r *run) violate(v Violation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations = append(r.violations, v)
}

// report puts together what is known.
func (r *run) report(v *verification) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	rep := &Report{Seed: r.o.Seed, Took: time.Since(r.began), Violations: append(r.violations, v.violations...), Faults: map[string]int{}, Kinds: map[string]int{}}
	for _, o := range r.ops {
		switch o.outcome {
		case acked:
			rep.Acked++
			rep.Kinds[o.want.Kind]++
		case refused:
			rep.Refused++
		default:
			rep.Unanswered++
		}
	}
	for _, l := range v.logs {
		rep.Entries += len(l.entries)
	}
	for _, d := range r.devices {
		for _, s := range d.screens {
			rep.Shown += len(s)
		}
	}
	rep.Late, rep.Pushes, rep.Muted, rep.Asleep, rep.Verdicts = v.late, v.pushes, v.muted, v.asleep, v.verdicts
	for _, e := range r.events {
		name, _, _ := strings.Cut(e.what, ":")
		rep.Faults[name]++
	}
	return rep
}

// history is all that is known of an entry, of the operation behind it, or both.
func (v *verification) history(l *log, seq uint64, o *op) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	r := v.r
	since := func(t time.Time) string { return fmt.Sprintf("%.3fs", t.Sub(r.began).Seconds()) }
	var at time.Time
	if l != nil && seq >= 1 && seq <= uint64(len(l.entries)) {
		e := l.entries[seq-1]
		at = said(e)
		add("store: seq %d, %s of %s from %s, committed at %s, in the batch that begins at %d", seq, kindOf(e), e.GetSender(), e.GetDevice(), since(at), l.batchOf(seq))
		if o == nil {
			o = v.opOf(l.conv, e)
		}
		for _, k := range v.kafka[l.conv.ID()] {
			if k.first() <= seq && seq <= k.last() {
				add("kafka: partition %d, offset %d, written at %s, batch %d to %d", k.partition, k.offset, since(k.at), k.first(), k.last())
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if o != nil {
		at = o.at
		add("asked by %s (life %d, operation %d) at %s, %s at %s: seq %d, error %v", o.device.name(), o.life, o.order, since(o.at), o.outcome, since(o.done), o.seq, o.err)
	}
	if l != nil && seq > 0 {
		for _, d := range r.devices {
			for _, s := range d.screens[l.conv.ID()] {
				if s.Seq == seq {
					add("shown on %s at %s", d.name(), since(s.at))
				}
			}
		}
	}
	for _, e := range r.events {
		if !at.IsZero() && at.After(e.from.Add(-aroundFaults)) && at.Before(e.to.Add(aroundFaults)) {
			add("fault near it, %s to %s: %s", since(e.from), since(e.to), e.what)
		}
	}
	return out
}
