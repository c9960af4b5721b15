package load

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAuditFindsWhatIsWrong(t *testing.T) {
	good := []StoredEntry{{1, ""}, {2, "0"}, {3, "1"}}
	cases := map[string]struct {
		reason string
		do     func(a, b *Member)
		stored []StoredEntry
		want   string
	}{
		"AllWell":       {"a good run passes", func(_, _ *Member) {}, good, ""},
		"NotStored":     {"an acknowledged message is nowhere", func(_, _ *Member) {}, good[:2], "not stored"},
		"StoredTwice":   {"a retry was taken for another message", func(_, _ *Member) {}, append(good[:3:3], StoredEntry{4, "1"}), "stored twice"},
		"OtherSeq":      {"the client was told another seq", func(_, _ *Member) {}, []StoredEntry{{1, ""}, {2, "1"}, {3, "0"}}, "acknowledged as"},
		"GapInLog":      {"seqs have no gap", func(_, _ *Member) {}, []StoredEntry{{1, ""}, {2, "0"}, {4, "1"}}, "follows"},
		"ReceiverLacks": {"the log went on without a receiver", func(_, _ *Member) {}, append(good[:3:3], StoredEntry{4, "x"}), "up to 3 of 4"},
		"Doubled":       {"an entry comes again", func(a, _ *Member) { a.got(3, 1) }, good, "came twice"},
		"Gap":           {"an entry was left out", func(a, _ *Member) { a.got(5, -1) }, good, "with a gap"},
		"Mixed":         {"two members see different things at one seq", func(a, b *Member) { a.got(4, 0); b.got(4, 1) }, good, "differ"},
		"Closed":        {"the server closed a connection", func(a, _ *Member) { a.Closed(3001) }, good, "code 3001"},
		"Refused":       {"an error was final", func(a, _ *Member) { a.refused(1, 0, "invalid") }, good, "invalid"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := NewLoop()
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			f := NewFleet(l, netip.AddrPort{}, Chat{}, []int{2}, func(int) uint64 { return 1 })
			a, b := f.Members[0], f.Members[1]
			a.welcome, b.welcome = true, true
			for id := range 2 {
				f.msgs = append(f.msgs, Message{left: 2})
				f.open, f.owed, a.flying = f.open+1, f.owed+2, a.flying+1
				a.acked(id, uint64(id)+2)
				a.got(uint64(id)+2, id)
				b.got(uint64(id)+2, id)
			}
			tc.do(a, b)
			err = f.Audit(Stored{"c0": tc.stored})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("%s: %v", tc.reason, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s: the audit says %v, want %q in it", tc.reason, err, tc.want)
			}
		})
	}
}

func TestFramesAreCutAndScanned(t *testing.T) {
	frame := append([]byte{0x81, 5}, "hello"...)
	op, payload, rest, ok := cutFrame(append(frame, 0x89))
	if op != opText || string(payload) != "hello" || len(rest) != 1 || !ok {
		t.Errorf("cutFrame = %d, %q, %d bytes left, %v", op, payload, len(rest), ok)
	}
	if _, _, _, ok := cutFrame(frame[:6]); ok {
		t.Error("half a frame was cut")
	}
	entry, rest := cutEntry([]byte(`{"seq":7,"body":"000000000012xx"},{"seq":8}]}`))
	seq, entry, _ := number(entry, `"seq":`)
	body, _ := text(entry, `"body":"`)
	if seq != 7 || bodyID(body) != 12 || string(rest) != `{"seq":8}]}` {
		t.Errorf("seq %d, message %d, rest %s", seq, bodyID(body), rest)
	}
}
