package moderate

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// judge returns the findings that count. What cannot be judged is found by halves and rejected.
func (m *Moderator) judge(ctx context.Context, tasks []task) ([]finding, error) {
	findings, err := m.ask(ctx, tasks)
	switch {
	case errors.Is(err, ErrUnjudgeable) && len(tasks) == 1:
		t := tasks[0]
		m.metrics.rejected.Inc()
		return nil, t.record.Reject(ctx, fmt.Sprintf("seq %d by %s: %v", max(t.message.Seq, t.message.BodyAt), m.o.Detector.Name(), err))
	case errors.Is(err, ErrUnjudgeable):
		half := len(tasks) / 2
		first, err := m.judge(ctx, tasks[:half])
		if err != nil {
			return nil, err
		}
		second, err := m.judge(ctx, tasks[half:])
		return append(first, second...), err
	case err != nil:
		return nil, err
	}
	var found []finding
	for i, f := range findings {
		if tasks[i].policy.counts(f) {
			found = append(found, finding{tasks[i], f})
		}
	}
	return found, nil
}

// ask has the detector judge. A panic is the messages' fault.
func (m *Moderator) ask(ctx context.Context, tasks []task) (findings []Finding, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.o.JudgeTimeout)
	defer cancel()
	messages := make([]Message, len(tasks))
	for i, t := range tasks {
		messages[i] = t.message
	}
	defer func() {
		if recover() != nil { // its value may hold a body
			m.o.Log.ErrorContext(ctx, "the detector panicked", "stack", string(debug.Stack()))
			findings, err = nil, fmt.Errorf("%w: the detector panicked", ErrUnjudgeable)
		}
	}()
	began := time.Now()
	findings, err = m.o.Detector.Judge(ctx, messages)
	m.metrics.seconds.Observe(time.Since(began).Seconds())
	if err != nil {
		return nil, fmt.Errorf("moderate: judge: %w", err)
	}
	if len(findings) != len(messages) {
		return nil, fmt.Errorf("moderate: judge: %d findings of %d messages", len(findings), len(messages))
	}
	return findings, nil
}
