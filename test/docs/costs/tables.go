package costs

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

const million = 1e6

// Cost is what a million messages cost, in dollars.
type Cost struct{ Writes, Marks, Storage, Cache, Database float64 }

// Sum is all of it.
func (c Cost) Sum() float64 { return c.Writes + c.Marks + c.Storage + c.Cache + c.Database }

// PerMillion is what a million messages of a kind cost. A write unit is at most a KiB, so units also bound what is stored.
func (f *Figures) PerMillion(u Units) Cost {
	return Cost{
		Writes:   f.Prices["writeUnits"].of(u.WriteUnits * million),
		Marks:    f.Prices["writeUnits"].of(u.MarkUnits * million),
		Storage:  f.Prices["tableGBMonth"].of(u.WriteUnits*million*1024/1e9) * f.Assumptions.HotRetentionMonths,
		Cache:    f.Prices["cacheUnits"].of(u.Commands * million * f.Assumptions.CacheUnitsPerCommand),
		Database: f.Prices["databaseIO"].of(u.Rows * million * f.Assumptions.DatabaseIOPerRow),
	}
}

// MessageTable is the table of what a million messages cost.
func (f *Figures) MessageTable(units []Units) string {
	var b strings.Builder
	b.WriteString("| a million messages, each | DynamoDB writes | for marks | DynamoDB storage, at most | ElastiCache | Aurora I/O | sum |\n|---|---|---|---|---|---|---|\n")
	for _, u := range units {
		c := f.PerMillion(u)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | **%s** |\n", u.Name, usd(c.Writes), usd(c.Marks), usd(c.Storage), usd(c.Cache), usd(c.Database), usd(c.Sum()))
	}
	return b.String()
}

// PriceTable is the table of prices and where they are from.
func (f *Figures) PriceTable() string {
	var b strings.Builder
	b.WriteString("| price | for | source |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(f.Prices)) {
		p := f.Prices[name]
		each := p.Unit
		if p.Per == million {
			each = "a million " + p.Unit
		}
		fmt.Fprintf(&b, "| $%v | %s | %s |\n", p.USD, each, p.Source)
	}
	return b.String()
}

// ExampleTable is the table of what a million connected users need, with how each figure comes about.
func (f *Figures) ExampleTable(units []Units) (string, error) {
	find := func(name string) (Units, error) {
		for _, u := range units {
			if u.Name == name {
				return u, nil
			}
		}
		return Units{}, fmt.Errorf("docs/benchmarks.md has no row %q", name)
	}
	direct, err := find("lone in a group of 2")
	if err != nil {
		return "", err
	}
	group, err := find(fmt.Sprintf("lone in a group of %v", f.Example.GroupSize))
	if err != nil {
		return "", err
	}
	e, m, a := f.Example, f.Measured, f.Assumptions

	perDay := e.Connections * e.MessagesPerUserAndDay
	perSecond := perDay / 86400
	peak := perSecond * e.PeakFactor
	receivers := e.DirectShare + (1-e.DirectShare)*(e.GroupSize-1)
	deliveries := peak * receivers
	gateways := math.Ceil(e.Connections/e.ConnectionsPerGateway) * e.Zones / (e.Zones - 1)
	gateways = math.Ceil(gateways)
	idle := e.Connections * m.IdleMicros / 1e6 / 60
	delivering := deliveries * m.Delivery / 1e6
	working := peak * m.MessageMillis / 1e3
	lost := e.Connections / e.Zones
	cpu := gateways*e.Gateway.CPU + e.Chat.Pods*e.Chat.CPU + e.Others.Pods*e.Others.CPU
	gib := gateways*e.Gateway.GiB + e.Chat.Pods*e.Chat.GiB + e.Others.Pods*e.Others.GiB
	nodes := math.Ceil(max(cpu/e.NodeCPU, gib/e.NodeGiB))

	perMonth := perDay * a.DaysPerMonth
	each := e.DirectShare*f.PerMillion(direct).Sum() + (1-e.DirectShare)*f.PerMillion(group).Sum()
	messages := perMonth / million * each
	nodeUSD := f.Prices["nodeHour"].of(nodes * a.HoursPerMonth)
	dbUSD := f.Prices["databaseHour"].of(e.DatabaseInstances * a.HoursPerMonth)
	controlUSD := f.Prices["controlHour"].of(a.HoursPerMonth)
	gb := perMonth * receivers * e.FrameBytes / 1e9
	egress := f.Prices["egressGB"].of(gb)

	rows := [][3]string{
		{"messages a second, mean and peak", fmt.Sprintf("%s and %s", whole(perSecond), whole(peak)), fmt.Sprintf("%s users, %v messages a day each, peak %v times the mean", whole(e.Connections), e.MessagesPerUserAndDay, e.PeakFactor)},
		{"deliveries a second, peak", whole(deliveries), fmt.Sprintf("%v receivers a message: %v %% direct, else groups of %v, all online", receivers, e.DirectShare*100, e.GroupSize)},
		{"gateways", whole(gateways), fmt.Sprintf("%s connections each when one of %v zones is lost", whole(e.ConnectionsPerGateway), e.Zones)},
		{"memory of a full gateway's idle connections", fmt.Sprintf("%s MB", whole(e.ConnectionsPerGateway*m.ConnectionKB/1e3)), fmt.Sprintf("S1: %v KB each just after connecting; the pod asks for %v GiB, the rest is for what is under way", m.ConnectionKB, e.Gateway.GiB)},
		{"cores for idle connections", one(idle), fmt.Sprintf("S1: %v µs a connection and minute, pings on", m.IdleMicros)},
		{"cores for deliveries, peak", one(delivering), fmt.Sprintf("S3: %v µs each", m.Delivery)},
		{"cores for messages, all roles, peak", one(working), fmt.Sprintf("S2D2: %v ms each at 100/s, gateway, chat and projector; less when busier", m.MessageMillis)},
		{"core-seconds when a zone is lost", whole(lost * m.ResyncMillis / 1e3), fmt.Sprintf("S5: %s clients come back, %v ms each", whole(lost), m.ResyncMillis)},
		{"nodes m7g.large", whole(nodes), fmt.Sprintf("%s CPU and %s GiB asked for; %v and %v of a node are there for it", one(cpu), whole(gib), e.NodeCPU, e.NodeGiB)},
		{"messages a month", fmt.Sprintf("%s million", whole(perMonth/million)), fmt.Sprintf("%v days", a.DaysPerMonth)},
		{"messages' own cost a month", dollars(messages), fmt.Sprintf("%s a million, from the table above, all of them lone", usd(each))},
		{"nodes a month", dollars(nodeUSD), "on demand"},
		{"EKS a month", dollars(controlUSD), "one cluster"},
		{"Aurora instances a month", dollars(dbUSD), fmt.Sprintf("%v db.r7g.large; the size is not measured", e.DatabaseInstances)},
		{"traffic to clients a month", dollars(egress), fmt.Sprintf("%s GB: S3's frames of %v bytes to each receiver", whole(gb), e.FrameBytes)},
		{"**sum a month**", "**" + dollars(messages+nodeUSD+dbUSD+controlUSD+egress) + "**", "without what is named below"},
	}
	var b strings.Builder
	b.WriteString("| | | how it comes about |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r[0], r[1], r[2])
	}
	return b.String(), nil
}

func usd(v float64) string     { return fmt.Sprintf("$%.3f", v) }
func dollars(v float64) string { return "$" + whole(v) }
func one(v float64) string     { return fmt.Sprintf("%.1f", v) }

// whole is a whole number with separators.
func whole(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
