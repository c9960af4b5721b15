package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chatcluster/chatcluster/hack/bench/load"
	"github.com/chatcluster/chatcluster/hack/bench/server"
)

const (
	// onlineMembers bounds the members of a group who are connected: what a message costs the engines does not depend on them.
	onlineMembers = 20
	// burst is how many messages a busy conversation gets at once, every second.
	burst = 30
	// countedAfter is how long PostgreSQL takes to tell what it has counted, and marks to be flushed.
	countedAfter = 12 * time.Second
)

// cost: what a message costs the engines, alone and in a busy conversation, as the group grows.
func cost(ctx context.Context, b *bench) error {
	b.Bar = "at most 1.1 write units of the log per lone message and 0.3 in a busy conversation, at most 1 Kafka record, O(gateways) Redis commands and O(1) Aurora rows, flat in the group's size"
	s, err := b.stage(ctx, "D2", server.Seed{Sizes: short(b, []int{2, 100}, []int{2, 10, 100, 1000})})
	if err != nil {
		return err
	}
	err = b.costs(s)
	return errors.Join(err, s.end())
}

// price is what one message costs.
type price struct {
	WriteUnits  float64 `json:"dynamodb_write_units"`
	MarkUnits   float64 `json:"dynamodb_write_units_for_marks"`
	ReadUnits   float64 `json:"dynamodb_read_units"`
	Records     float64 `json:"kafka_records"`
	MarkRecords float64 `json:"kafka_records_for_marks"`
	Commands    float64 `json:"redis_commands"`
	Rows        float64 `json:"aurora_rows"`
	MarkRows    float64 `json:"aurora_rows_for_marks"`
}

func (b *bench) costs(s *stage) error {
	var members []*load.Member
	for _, v := range s.fleet.Convs {
		members = append(members, v.Members[:min(len(v.Members), onlineMembers)]...)
	}
	if err := s.fleet.Connect(members, 2*time.Minute); err != nil {
		return err
	}
	// A first message opens each lane; what that costs is not a message's.
	if err := s.fleet.Send(4, 2*time.Second); err != nil {
		return err
	}
	if err := s.counted(); err != nil {
		return err
	}
	idle, err := b.price(s, func() (int, error) { return 1, s.fleet.Idle(short(b, 5*time.Second, 10*time.Second)) })
	if err != nil {
		return err
	}
	idleFor := (short(b, 5*time.Second, 10*time.Second) + countedAfter).Seconds()
	b.Figures["idle_redis_commands_per_second"] = round(idle.Commands / idleFor)
	met := true
	for _, v := range s.fleet.Convs {
		s.fleet.Talk(v)
		for _, kind := range []string{"lone", "busy"} {
			start := time.Now()
			p, err := b.price(s, func() (int, error) {
				if kind == "lone" {
					return short(b, 10, 20), s.fleet.Send(2, short(b, 5*time.Second, 10*time.Second))
				}
				n := short(b, 4, 10)
				for range n {
					s.fleet.Burst(burst)
					if err := s.fleet.Idle(time.Second); err != nil {
						return 0, err
					}
				}
				return n * burst, nil
			})
			if err != nil {
				return err
			}
			sent := map[bool]float64{true: float64(short(b, 10, 20)), false: float64(short(b, 4, 10) * burst)}[kind == "lone"]
			// Leases and routes are renewed whether somebody writes or not.
			p.Commands = max(p.Commands-idle.Commands/idleFor*time.Since(start).Seconds()/sent, 0)
			p = p.rounded()
			b.Figures[fmt.Sprintf("%s_in_a_group_of_%d", kind, len(v.Members))] = p
			b.logf("%s, %d members: %+v", kind, len(v.Members), p)
			limit := map[string]float64{"lone": 1.1, "busy": 0.3}[kind]
			met = met && p.WriteUnits <= limit && p.Records <= 1.01
		}
	}
	b.Met = met
	b.fail(s.audit())
	return nil
}

// counted waits until the engines have counted what was before.
func (s *stage) counted() error {
	if _, err := s.fleet.Settle(10 * time.Second); err != nil {
		return err
	}
	return s.fleet.Idle(countedAfter)
}

// price is what a message costs of those that send sends.
func (b *bench) price(s *stage, send func() (int, error)) (price, error) {
	before, err := s.costs()
	if err != nil {
		return price{}, err
	}
	n, err := send()
	if err != nil {
		return price{}, err
	}
	if err := s.counted(); err != nil {
		return price{}, err
	}
	after, err := s.costs()
	if err != nil {
		return price{}, err
	}
	per := func(now, then map[string]float64, is func(name string) bool) float64 {
		sum := 0.0
		for name, v := range now {
			if is(name) {
				sum += v - then[name]
			}
		}
		return sum / float64(n)
	}
	all := func(string) bool { return true }
	marks := func(name string) bool { return strings.Contains(name, "mark") || strings.Contains(name, "membership") }
	writes := func(name string) bool { return strings.HasPrefix(name, "write") }
	return price{
		WriteUnits:  per(after.Units, before.Units, func(x string) bool { return writes(x) && !marks(x) }),
		MarkUnits:   per(after.Units, before.Units, func(x string) bool { return writes(x) && marks(x) }),
		ReadUnits:   per(after.Units, before.Units, func(x string) bool { return !writes(x) && !strings.Contains(x, "revocation") }),
		Records:     per(after.Records, before.Records, func(x string) bool { return !marks(x) }),
		MarkRecords: per(after.Records, before.Records, marks),
		Commands:    per(after.Commands, before.Commands, all),
		Rows:        per(after.Rows, before.Rows, func(x string) bool { return !marks(x) }),
		MarkRows:    per(after.Rows, before.Rows, marks),
	}, nil
}

func (p price) rounded() price {
	for _, v := range []*float64{&p.WriteUnits, &p.MarkUnits, &p.ReadUnits, &p.Records, &p.MarkRecords, &p.Commands, &p.Rows, &p.MarkRows} {
		*v = round(*v)
	}
	return p
}

func (s *stage) costs() (c server.Costs, err error) {
	data, err := s.server.Get("/costs")
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(data, &c)
}
