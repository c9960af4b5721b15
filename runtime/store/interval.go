package store

// MaxIntervals bounds how many past intervals a membership remembers; beyond it the oldest is forgotten.
const MaxIntervals = 64

// Interval is a past stay in a conversation: from the seq of the entry that brought the user to that of the one that says
// that the user left.
type Interval struct {
	Joined uint64
	Left   uint64
}

// Apply folds a change into the membership. Marks stay; a user who comes again keeps the earlier stay.
func (m *Membership) Apply(ch MemberChange) {
	if ch.Left != 0 {
		m.Left = ch.Left
		return
	}
	if m.Left != 0 {
		m.Earlier = append(m.Earlier, Interval{Joined: m.Joined, Left: m.Left})
		if n := len(m.Earlier); n > MaxIntervals {
			m.Earlier = m.Earlier[n-MaxIntervals:]
		}
	}
	m.Joined, m.Left = ch.Joined, 0
}

// May says whether the user may read the entry with this seq.
func (m Membership) May(seq uint64) bool {
	if seq >= m.Joined && (m.Left == 0 || seq <= m.Left) {
		return true
	}
	for _, i := range m.Earlier {
		if seq >= i.Joined && seq <= i.Left {
			return true
		}
	}
	return false
}
