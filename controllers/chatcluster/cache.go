package chatcluster

import (
	"context"
	"time"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

const pingDeadline = 4 * time.Second

// cache finds out whether the cache answers, and whether it is what the spec says. Nothing waits for it: without a cache the
// chat is slower, never wrong.
func (s *scope) cache(ctx context.Context) {
	type wish struct {
		AWS   v1alpha1.AWSSpec
		Cache v1alpha1.ElastiCacheSpec
	}
	wanted := wish{s.spec.AWS, s.spec.ElastiCache}
	if found, ok := s.memo.get(s.cc.UID, "cache", wanted); ok {
		s.facts.cacheInfo = found.(v1alpha1.CacheStatus)
		return
	}
	s.facts.cacheInfo = s.cc.Status.Cache
	cache, err := s.redis(ctx)
	if err != nil {
		s.facts.cache = secretFact(err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pingDeadline)
	defer cancel()
	info, err := cache.Observe(ctx)
	if info.Version != "" {
		s.facts.cacheInfo = v1alpha1.CacheStatus{Version: info.Version, ClusterMode: info.ClusterMode}
	}
	if err != nil {
		s.facts.cache = failed(err)
		return
	}
	s.memo.put(s.cc.UID, "cache", wanted, s.facts.cacheInfo, jitter(s.Options.ObserveEvery/5))
}
