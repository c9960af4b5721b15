package chatcluster

import "context"

// secrets finds out whether every Secret that the pods mount is there. A pod without one waits for ever, and nothing in its
// status says why. Secrets are not watched: that would take the right to read every Secret of the Kubernetes cluster at any
// time, and a look every few seconds while one is missing costs little.
func (s *scope) secrets(ctx context.Context) {
	wanted := s.cluster.Secrets()
	if _, ok := s.memo.get(s.cc.UID, "secrets", wanted); ok {
		return
	}
	for _, f := range wanted {
		if _, err := s.secret(ctx, f.Name, f.Key); err != nil {
			s.facts.secrets = secretFact(err)
			return
		}
	}
	s.memo.put(s.cc.UID, "secrets", wanted, nil, jitter(s.Options.ObserveEvery/5))
}
