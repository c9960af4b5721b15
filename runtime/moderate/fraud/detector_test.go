package fraud_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/detectortest"
	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/recall"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var (
	_ moderate.Detector = (*fraud.Detector)(nil)
	_ fraud.State       = (*recall.Redis)(nil)
)

var start = time.UnixMilli(1_800_000_000_000)

func detector(t testing.TB, o fraud.Options) *fraud.Detector {
	t.Helper()
	d, err := fraud.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func message(t testing.TB, tenant, conv string, seq uint64, at time.Duration, sender, body string) moderate.Message {
	t.Helper()
	v, err := store.NewConv(store.Tenant(tenant), conv)
	if err != nil {
		t.Fatal(err)
	}
	return moderate.Message{Conv: v, Seq: seq, Sender: sender, At: start.Add(at), Body: body}
}

func judge(t testing.TB, d *fraud.Detector, messages ...moderate.Message) []moderate.Finding {
	t.Helper()
	found, err := d.Judge(t.Context(), messages)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// suspicious is the score from which the corpus counts a message as found.
const suspicious = 50

func TestCorpus(t *testing.T) {
	d := detector(t, fraud.Options{})
	var score detectortest.Score
	for _, line := range detectortest.Lines(t, filepath.Join("testdata", "fraud.txt")) {
		want, body, _ := strings.Cut(line, "\t")
		f := judge(t, d, message(t, "acme", "c", 1, 0, "eve", body))[0]
		score.Count(true, f.Score >= suspicious)
		if !strings.Contains(","+f.Reason, ","+want+":") {
			t.Errorf("%q: %d %q, want %s", body, f.Score, f.Reason, want)
		}
		if f.Score < suspicious {
			t.Logf("missed at %d: %q: %s", f.Score, body, f.Reason)
		}
	}
	for _, body := range detectortest.Lines(t, filepath.Join("testdata", "honest.txt")) {
		f := judge(t, d, message(t, "acme", "c", 1, 0, "ann", body))[0]
		score.Count(false, f.Score >= suspicious)
		if f.Score > 0 {
			t.Logf("honest at %d: %q: %s", f.Score, body, f.Reason)
		}
	}
	t.Logf("fraud: from a score of %d: precision %.3f, recall %.3f (%+v)", suspicious, score.Precision(), score.Recall(), score)
	if score.Precision() < 1 || score.Recall() < 0.85 {
		t.Error("precision must be 1, and recall at least 0.85")
	}
}

func TestFindingsAreExplained(t *testing.T) {
	d := detector(t, fraud.Options{})
	for _, tc := range []struct {
		reason, body string
		want         moderate.Finding
	}{
		{"nothing", "hello", moderate.Finding{}},
		{"a link is meant, not the words around it", "é look: paypa1.com.", moderate.Finding{Score: 90, Reason: "look-alike:90", Spans: []moderate.Span{{Start: 8, Length: 10}}}},
		{"words alone mean all of it", "send me the verification code", moderate.Finding{Score: 35, Reason: "credentials:35"}},
		{"the sum of its reasons, each once", "verify your account: paypa1.com, paypa1.com", moderate.Finding{
			Score: 100, Reason: "look-alike:90,credentials:35,asks-with-link:25", Spans: []moderate.Span{{Start: 21, Length: 10}, {Start: 33, Length: 10}},
		}},
		{"a user in front is odd", "http://admin:secret@evil.io/", moderate.Finding{Score: 35, Reason: "user-before-at:35", Spans: []moderate.Span{{Length: 28}}}},
		{"so is an address of IP", "http://203.0.113.7/bank", moderate.Finding{Score: 30, Reason: "ip-address:30", Spans: []moderate.Span{{Length: 23}}}},
		{"a name in another script is hardly so", "xn--mnchen-3ya.de", moderate.Finding{Score: 15, Reason: "punycode:15", Spans: []moderate.Span{{Length: 17}}}},
		{"a trusted link does not ask", "verify your account at https://www.paypal.com", moderate.Finding{Score: 35, Reason: "credentials:35"}},
	} {
		if diff := cmp.Diff(tc.want, judge(t, d, message(t, "acme", "c", 1, 0, "eve", tc.body))[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
		}
	}
}

func TestTenantsHaveListsOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"all.yaml":  "block: [evil.io]\nallow: [good.evil.io]\nurgency: ['hurry … up']",
		"acme.yaml": "tenant: acme\nprotect: [acmebank.com]\nallow: [paypa1.com]\nblock: [münchen.de, shop.example.com]",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := detector(t, fraud.Options{Lists: dir})
	for _, tc := range []struct{ reason, tenant, body, want string }{
		{"the operator blocks", "other", "https://evil.io/x", "blocked-domain:100"},
		{"with what is below", "other", "a.b.evil.io", "blocked-domain:100"},
		{"but what is allowed there", "other", "a.good.evil.io", ""},
		{"a phrase of the operator's", "other", "hurry and run up", "urgency:15"},
		{"for a tenant with lists as well", "acme", "https://evil.io", "blocked-domain:100"},
		{"a tenant's name is protected", "acme", "acmebαnk.com", "mixed-scripts:50,look-alike:90"},
		{"not for another", "other", "acmebanc.com", ""},
		{"what a tenant allows is", "acme", "paypa1.com", ""},
		{"not for another", "other", "paypa1.com", "look-alike:90"},
		{"what a tenant blocks is, however it is written", "acme", "xn--mnchen-3ya.de", "blocked-domain:100,punycode:15"},
		{"only what it names", "acme", "example.com", ""},
	} {
		if got := judge(t, d, message(t, tc.tenant, "c", 1, 0, "eve", tc.body))[0]; got.Reason != tc.want {
			t.Errorf("%s: %q gives %q, want %q", tc.reason, tc.body, got.Reason, tc.want)
		}
	}
}

func TestListsAreChecked(t *testing.T) {
	for _, tc := range []struct {
		reason string
		list   fraud.List
		ok     bool
	}{
		{"nothing", fraud.List{}, true},
		{"a subdomain may be blocked", fraud.List{Block: []string{"a.example.com"}}, true},
		{"but not protected", fraud.List{Protect: []string{"a.example.com"}}, false},
		{"an address is no domain", fraud.List{Block: []string{"https://example.com/"}}, false},
		{"nor is a word", fraud.List{Allow: []string{"example"}}, false},
		{"a phrase", fraud.List{Payment: []string{"pay … now", "zahl* jetzt"}}, true},
		{"a phrase of nothing", fraud.List{Payment: []string{"!"}}, false},
		{"a phrase that would be anywhere", fraud.List{Urgency: []string{"now …"}}, false},
		{"a short word", fraud.List{Credentials: []string{"pin"}}, false},
	} {
		if err := tc.list.Check(); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.reason, err)
		}
	}
}

func TestNewAccountsThatSendLinksAround(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	state := recall.New(client, recall.Options{Detector: fraud.Name, Window: fraud.Window})
	t.Cleanup(func() { _ = state.Close() })
	d := detector(t, fraud.Options{State: state})
	const day = 24 * time.Hour
	link := "look at https://example.com/x"
	judge(t, d, message(t, "acme", "c0", 1, 0, "ann", "hi"))
	var burst []moderate.Message
	for i := range 5 {
		burst = append(burst, message(t, "acme", fmt.Sprint("c", i), 9, 3*day+time.Duration(i)*time.Minute, "eve", link))
	}
	want := []string{"new-account:10", "new-account:10", "new-account:10", "new-account:10,new-account-burst:45", "new-account:10,new-account-burst:45"}
	for _, again := range []string{"at first", "and again"} {
		for i, f := range judge(t, d, burst...) {
			if f.Reason != want[i] {
				t.Errorf("%s: message %d: %q, want %q", again, i, f.Reason, want[i])
			}
		}
	}
	for i := range burst {
		burst[i].Sender = "ann"
	}
	for i, f := range judge(t, d, burst...) {
		if f.Score != 0 {
			t.Errorf("whoever was there before is not new: message %d: %q", i, f.Reason)
		}
	}
	later := message(t, "acme", "c9", 1, 3*day+2*time.Hour, "eve", link)
	if f := judge(t, d, later)[0]; f.Reason != "new-account:10" {
		t.Errorf("the burst is over: %q", f.Reason)
	}
	if f := judge(t, d, message(t, "acme", "c9", 2, 3*day+2*time.Hour, "eve", "no link"))[0]; f.Score != 0 {
		t.Errorf("a new account may talk: %q", f.Reason)
	}
}

// away is a State that does not answer.
type away struct{ asked int }

func (a *away) Note(context.Context, []recall.Note) ([]recall.Known, error) {
	a.asked++
	return nil, errors.New("away")
}

func TestJudgesWithoutState(t *testing.T) {
	a := &away{}
	d := detector(t, fraud.Options{State: a})
	for range 3 {
		if f := judge(t, d, message(t, "acme", "c", 1, 0, "eve", "paypa1.com"))[0]; f.Score != 90 {
			t.Errorf("%+v", f)
		}
	}
	if a.asked != 1 {
		t.Errorf("it was asked %d times", a.asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Judge(ctx, make([]moderate.Message, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func FuzzJudge(f *testing.F) {
	for _, name := range []string{"fraud.txt", "honest.txt"} {
		for _, line := range detectortest.Lines(f, filepath.Join("testdata", name)) {
			f.Add(line)
		}
	}
	f.Add(strings.Repeat("verify your account ", 800))
	d := detector(f, fraud.Options{})
	f.Fuzz(func(t *testing.T, body string) {
		got := judge(t, d, message(t, "acme", "c", 1, 0, "eve", body))[0]
		if (got.Score > 0) != (got.Reason != "") || got.Score > 100 {
			t.Fatalf("%q: %+v", body, got)
		}
		end := uint32(0)
		for _, s := range got.Spans {
			if s.Length == 0 || s.Start < end || s.Start+s.Length > uint32(utf8.RuneCountInString(body)) {
				t.Fatalf("%q: spans %v", body, got.Spans)
			}
			end = s.Start + s.Length
		}
	})
}

// BenchmarkJudge judges batches of bodies of about 128 bytes, one in ten with a link, without state.
func BenchmarkJudge(b *testing.B) {
	honest := detectortest.Lines(b, filepath.Join("testdata", "honest.txt"))
	messages := make([]moderate.Message, 500)
	for i := range messages {
		body := ""
		for n := i; len(body) < 128; n++ {
			body += honest[25+n%15] + ". "
		}
		if i%10 == 0 {
			body = "https://example.com/a " + body
		}
		messages[i] = message(b, "acme", "c", uint64(i+1), 0, "ann", body[:128])
	}
	d := detector(b, fraud.Options{})
	detectortest.Rate(b, len(messages), func() error {
		_, err := d.Judge(b.Context(), messages)
		return err
	})
}
