package paired

import (
	"fmt"
	"slices"
)

// confidence is what an interval has at least, where there are enough pairs: six.
const confidence = 0.95

// Difference is by how much one state is above another.
type Difference struct {
	Median float64 `json:"median"`
	// Low and High are the interval of the median: values of pairs themselves, so nothing is assumed of how they are distributed.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Confidence is how sure it is that the median lies between them.
	Confidence float64 `json:"confidence"`
	Pairs      int     `json:"pairs"`
}

// Between returns by how much a is above b, whose values belong together one by one.
func Between(a, b []float64) (Difference, error) {
	if len(a) != len(b) || len(a) == 0 {
		return Difference{}, fmt.Errorf("%d and %d values are no pairs", len(a), len(b))
	}
	each := make([]float64, len(a))
	for i := range a {
		each[i] = a[i] - b[i]
	}
	slices.Sort(each)
	cut, sure := trim(len(each))
	mid := len(each) / 2
	median := each[mid]
	if len(each)%2 == 0 {
		median = (each[mid-1] + each[mid]) / 2
	}
	return Difference{Median: median, Low: each[cut], High: each[len(each)-1-cut], Confidence: sure, Pairs: len(each)}, nil
}

// trim is how many of n sorted values may be left out at each end, and how sure it then is that the median lies between the others: each value is above it
// with a chance of a half, so that how many are follows a binomial distribution.
func trim(n int) (cut int, sure float64) {
	chance := 1.0 // of exactly cut values on one side
	for range n {
		chance /= 2
	}
	for sure = 1 - 2*chance; cut+1 < (n+1)/2; cut++ {
		chance *= float64(n-cut) / float64(cut+1)
		if sure-2*chance < confidence {
			break
		}
		sure -= 2 * chance
	}
	return cut, max(sure, 0)
}

// Above says whether the difference is there: the whole interval lies above zero.
func (d Difference) Above() bool { return d.Low > 0 }

// Within says whether the difference is no more than limit: the whole interval is.
func (d Difference) Within(limit float64) bool { return d.High <= limit }
