package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/chatcluster/chatcluster/runtime/moderate"
	"github.com/chatcluster/chatcluster/runtime/moderate/fraud"
	"github.com/chatcluster/chatcluster/runtime/moderate/profanity"
	"github.com/chatcluster/chatcluster/runtime/moderate/spam"
	"github.com/chatcluster/chatcluster/runtime/store"
)

// What the checker relies on: each detector finds what has its lure, and the sure ones nothing else.
func TestDetectorsFindTheirLures(t *testing.T) {
	c := &Cluster{o: Options{Dir: t.TempDir()}}
	cfg, err := c.detectors()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]moderate.Detector{}
	for name, open := range map[string]func() (moderate.Detector, error){
		profanity.Name: func() (moderate.Detector, error) {
			return profanity.New(profanity.Options{Lists: cfg.Profanity.ListsDir})
		},
		fraud.Name: func() (moderate.Detector, error) { return fraud.New(fraud.Options{Lists: cfg.Fraud.ListsDir}) },
		spam.Name:  func() (moderate.Detector, error) { return spam.New(spam.Options{}) },
	} {
		if made[name], err = open(); err != nil {
			t.Fatal(err)
		}
	}
	conv, err := store.NewConv(tenant, "c")
	if err != nil {
		t.Fatal(err)
	}
	const said = `u1/d2 3 14: ja nein grüße 見て 🙂 "ok" <b> tab	ja `
	for _, p := range processors {
		for _, text := range []string{said, said + " (edited)", strings.Repeat(said, 50)} {
			for _, other := range processors {
				for _, body := range []string{text + other.Lure, text + other.Lure + " of many 3", text + other.Lure + " (edited)"} {
					found, err := made[p.Name].Judge(t.Context(), []moderate.Message{{Conv: conv, Seq: 1, Sender: "u1", At: time.Now(), Body: body}})
					if err != nil {
						t.Fatal(err)
					}
					score, least := found[0].Score, moderate.DefaultThreshold
					if !p.Sure {
						least = 35 // and its sender's haste
					}
					if long := len(body) > 500; p.Name == other.Name && score < least && (p.Sure || !long) {
						t.Errorf("%s gives %q %d", p.Name, body, score)
					}
					if p.Sure && p.Name != other.Name && score >= least {
						t.Errorf("%s gives %q, which is %s's, %d", p.Name, body, other.Name, score)
					}
				}
			}
		}
	}
}
