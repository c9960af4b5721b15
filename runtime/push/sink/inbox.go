package sink

import (
	"net/http"
	"slices"
)

// View is what GET /messages answers: the phones that were pushed to, the one with the latest push first.
type View struct {
	Phones []Phone `json:"phones"`
}

// Phone is one push token of one application.
type Phone struct {
	Application string `json:"application"`
	Channel     string `json:"channel"` // APNS, APNS_SANDBOX, …, GCM, ADM
	Address     string `json:"address"`
	// Badge is the number on the app's icon: the last one that came.
	Badge *int `json:"badge,omitempty"`
	// Messages is what the screen shows, oldest first: silent pushes show nothing, and of those with the same collapse id
	// only the last shows.
	Messages []Shown `json:"messages"`
	// All is every push that came, oldest first.
	All []Shown `json:"all"`
}

// Shown is a push as a screen shows it.
type Shown struct {
	ID string `json:"id"`
	// At is when the push came, RFC 3339 in UTC.
	At         string            `json:"at"`
	Title      string            `json:"title,omitempty"`
	Body       string            `json:"body,omitempty"`
	Badge      *int              `json:"badge,omitempty"`
	Silent     bool              `json:"silent,omitempty"`
	CollapseID string            `json:"collapseId,omitempty"`
	Data       map[string]string `json:"data,omitempty"`
	// Raw is a raw payload, which replaces title and body.
	Raw string `json:"raw,omitempty"`
	// Count is how many pushes with this collapse id it stands for, itself included.
	Count int `json:"count"`
}

// push is a push with its phone.
type push struct {
	application, channel, address string
	Shown
}

// inbox remembers the last pushes of all phones, in order.
type inbox struct {
	max    int
	pushes []push
}

func (b *inbox) add(p push) {
	p.Count = 1
	if len(b.pushes) >= b.max {
		b.pushes = slices.Delete(b.pushes, 0, len(b.pushes)-b.max+1)
	}
	b.pushes = append(b.pushes, p)
}

// filter narrows a view; empty fields do not.
type filter struct{ application, address string }

func filterOf(r *http.Request) filter {
	q := r.URL.Query()
	return filter{application: q.Get("application"), address: q.Get("address")}
}

func (f filter) takes(p push) bool {
	return (f.application == "" || f.application == p.application) && (f.address == "" || f.address == p.address)
}

func (b *inbox) forget(f filter) { b.pushes = slices.DeleteFunc(b.pushes, f.takes) }

func (b *inbox) view(f filter) View {
	type key struct{ application, channel, address string }
	at := map[key]int{}
	v := View{Phones: []Phone{}}
	for _, p := range slices.Backward(b.pushes) { // latest first, for the order of phones
		k := key{p.application, p.channel, p.address}
		if _, seen := at[k]; !seen && f.takes(p) {
			at[k] = len(v.Phones)
			v.Phones = append(v.Phones, Phone{Application: k.application, Channel: k.channel, Address: k.address, Messages: []Shown{}})
		}
	}
	for _, p := range b.pushes {
		if i, ok := at[key{p.application, p.channel, p.address}]; ok {
			v.Phones[i].show(p.Shown)
		}
	}
	return v
}

func (p *Phone) show(s Shown) {
	p.All = append(p.All, s)
	if s.Badge != nil {
		p.Badge = s.Badge
	}
	if s.Silent {
		return
	}
	if s.CollapseID != "" {
		if i := slices.IndexFunc(p.Messages, func(m Shown) bool { return m.CollapseID == s.CollapseID }); i >= 0 {
			s.Count = p.Messages[i].Count + 1
			p.Messages = slices.Delete(p.Messages, i, i+1)
		}
	}
	p.Messages = append(p.Messages, s)
}

func (s *Sink) view(f filter) View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.view(f)
}

func (s *Sink) showMessages(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, s.view(filterOf(r)))
}

func (s *Sink) forgetMessages(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.inbox.forget(filterOf(r))
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
