package conformance

import "testing"

// Run runs the suite against the target.
func Run(t *testing.T, target Target) {
	tests := []struct {
		name string
		test func(*world)
	}{
		{"Handshake", handshake},
		{"Hello", hello},
		{"Replaced", replaced},
		{"OddFrames", oddFrames},
		{"Sending", sending},
		{"Pressure", pressure},
		{"Changes", changes},
		{"Marks", marks},
		{"Gaps", gaps},
		{"History", history},
		{"Tokens", tokens},
		{"Expiry", expiry},
		{"Typing", signals},
		{"Presence", presence},
		{"SignOut", signOut},
		{"Drain", drain},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if why, out := target.Without[tc.name]; out {
				t.Skip(why)
			}
			tc.test(newWorld(t, target))
		})
	}
}
