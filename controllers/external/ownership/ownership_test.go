package ownership

import "testing"

func TestOf(t *testing.T) {
	o := Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u1"}
	renamed := o.Tags()
	renamed[TagNamespace] = "elsewhere"
	cases := map[string]struct {
		reason string
		tags   map[string]string
		want   State
	}{
		"Ours":    {reason: "what carries our tags is ours", tags: o.Tags(), want: Ours},
		"UID":     {reason: "the UID decides, the names are for people", tags: renamed, want: Ours},
		"Reborn":  {reason: "a namesake that was deleted and made again is another", tags: Owner{Operator: "op", Namespace: "chat", Name: "demo", UID: "u0"}.Tags(), want: Others},
		"Unowned": {reason: "no UID, no owner", tags: map[string]string{"team": "x"}, want: Nobody},
		"Nil":     {reason: "no tags, no owner", want: Nobody},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := o.Of(tc.tags); got != tc.want {
				t.Errorf("%s: got %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}
