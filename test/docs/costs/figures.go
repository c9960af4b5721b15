package costs

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Price is a list price.
type Price struct {
	USD    float64 `json:"usd"`
	Per    float64 `json:"per"`
	Unit   string  `json:"unit"`
	Source string  `json:"source"`
}

// of is what so many units cost.
func (p Price) of(units float64) float64 { return units / p.Per * p.USD }

// Pods are the pods of a role, and what each asks for.
type Pods struct {
	Pods float64 `json:"pods"`
	CPU  float64 `json:"cpu"`
	GiB  float64 `json:"gib"`
}

// Figures are what is not in docs/benchmarks.md, and those of its figures that are in its prose.
type Figures struct {
	Prices      map[string]Price `json:"prices"`
	Assumptions struct {
		CacheUnitsPerCommand float64 `json:"cacheUnitsPerCommand"`
		DatabaseIOPerRow     float64 `json:"databaseIOPerRow"`
		HotRetentionMonths   float64 `json:"hotRetentionMonths"`
		HoursPerMonth        float64 `json:"hoursPerMonth"`
		DaysPerMonth         float64 `json:"daysPerMonth"`
	} `json:"assumptions"`
	Example struct {
		Connections           float64 `json:"connections"`
		MessagesPerUserAndDay float64 `json:"messagesPerUserAndDay"`
		PeakFactor            float64 `json:"peakFactor"`
		DirectShare           float64 `json:"directShare"`
		GroupSize             float64 `json:"groupSize"`
		FrameBytes            float64 `json:"frameBytes"`
		ConnectionsPerGateway float64 `json:"connectionsPerGateway"`
		Zones                 float64 `json:"zones"`
		NodeCPU               float64 `json:"nodeCPU"`
		NodeGiB               float64 `json:"nodeGiB"`
		Gateway               Pods    `json:"gateway"`
		Chat                  Pods    `json:"chat"`
		Others                Pods    `json:"others"`
		DatabaseInstances     float64 `json:"databaseInstances"`
	} `json:"example"`
	Measured struct {
		ConnectionKB  float64 `json:"connectionKB"`
		IdleMicros    float64 `json:"idleMicrosPerConnectionAndMinute"`
		Delivery      float64 `json:"deliveryMicros"`
		MessageMillis float64 `json:"messageMillisAllRoles"`
		ResyncMillis  float64 `json:"resyncMillis"`
	} `json:"measured"`
}

// ReadFigures reads figures.json. A name that it has and Figures has not is an error.
func ReadFigures(path string) (*Figures, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := json.NewDecoder(file)
	in.DisallowUnknownFields()
	f := &Figures{}
	if err := in.Decode(f); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return f, nil
}

// Units are what one message takes of each service.
type Units struct {
	Name                                                          string
	WriteUnits, Records, Commands, Rows, MarkUnits, MarkedRecords float64
}

var costRow = regexp.MustCompile(`(?m)^\| ((?:busy|lone) in a group of [0-9,]+) \|(.+)\|$`)

// ReadUnits finds the table of S7 in docs/benchmarks.md.
func ReadUnits(page string) ([]Units, error) {
	var found []Units
	for _, m := range costRow.FindAllStringSubmatch(page, -1) {
		cells := regexp.MustCompile(`[|,]`).Split(m[2], -1)
		if len(cells) != 6 {
			return nil, fmt.Errorf("the row %q has %d figures, not 6", m[0], len(cells))
		}
		var v [6]float64
		for i, c := range cells {
			var err error
			if v[i], err = strconv.ParseFloat(strings.TrimSpace(c), 64); err != nil {
				return nil, fmt.Errorf("the row %q: %w", m[0], err)
			}
		}
		found = append(found, Units{Name: m[1], WriteUnits: v[0], Records: v[1], Commands: v[2], Rows: v[3], MarkUnits: v[4], MarkedRecords: v[5]})
	}
	return found, nil
}
