package chatcluster

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/controllers/external/redis"
)

const pingDeadline = 4 * time.Second

// cache finds out whether the cache answers. Nothing waits for it: without a cache the chat is slower, never wrong.
func (s *scope) cache(ctx context.Context) {
	wanted := s.spec.ElastiCache
	if _, ok := s.memo.get(s.cc.UID, "cache", wanted); ok {
		return
	}
	password := ""
	if ref := wanted.PasswordSecret; ref != nil {
		value, err := s.secret(ctx, ref.Name, ref.Key)
		if err != nil {
			s.facts.cache = secretFact(err)
			return
		}
		password = trimNewline(string(value))
	}
	cache, err := s.External.Redis(redis.NewAccess(wanted.Addresses, wanted.ClusterMode, *wanted.TLS, wanted.Username, password))
	if err != nil {
		s.facts.cache = failed(err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pingDeadline)
	defer cancel()
	if err := cache.Ping(ctx); err != nil {
		s.facts.cache = failed(err)
		return
	}
	s.memo.put(s.cc.UID, "cache", wanted, nil, jitter(s.Options.ObserveEvery/5))
}

// trimNewline does as chatd does when it reads the mounted file.
func trimNewline(s string) string {
	for len(s) > 0 && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}
