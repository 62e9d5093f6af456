package transporttest

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// ProfileParts are, for each key of profiles, the parts of the suite that show what
// becomes of it on a transport that promises it; on another one "refused-keys", or for
// durable "refused", shows that it is refused. What ack, confirm and sensitive do is seen
// only by a transport's own means: those are not among them.
func ProfileParts() map[string][]string {
	return map[string][]string{
		"batch-size":            {"batches"},
		"batch-timeout":         {"batches"},
		"capacity":              {"overflow-drop-oldest", "overflow-drop-newest", "overflow-error"},
		"capacity-bytes":        {"overflow-bytes"},
		"overflow":              {"overflow-drop-oldest", "overflow-drop-newest", "overflow-error", "overflow-block"},
		"overflow: drop-newest": {"overflow-drop-newest"},
		"durable":               {"durable-queue", "durable-close"},
		"durable: required":     {"durable-queue", "refused"},
		"prefetch":              {"settle-anywhere"},
		"retry":                 {"redelivery", "backoff"},
		"dead-letter":           {"dead-letters"},
		"ttl":                   {"ttl", "ttl-prefetched"},
		"order":                 {"key-order", "key-order-none"},
		"concurrency":           {"concurrency"},
		"dedup-window":          {"dedup"},
		"publish-timeout":       {"overflow-block"},
	}
}

// refusedKeys asks for what the transport does not promise.
func refusedKeys(e *env) {
	for _, tt := range []struct {
		key      string
		promised bool
		profile  transport.Profile
	}{
		{"retry", e.promised.Redelivers, transport.Profile{Retry: transport.Retry{Attempts: 2}}},
		{"dead-letter", e.promised.DeadLetters, transport.Profile{DeadLetter: true}},
		{"ttl", e.promised.Expires, transport.Profile{TTL: time.Second}},
		{"order", e.promised.OrderedKeys, transport.Profile{Order: transport.OrderKey}},
		{"dedup-window", e.promised.Dedups, transport.Profile{DedupWindow: 10}},
	} {
		err := e.sub.Check(tt.profile)
		if tt.promised {
			e.noError(err, "checking a profile with %s", tt.key)
			continue
		}
		e.want(err, transport.ErrInvalidProfile, "checking a profile with "+tt.key)
		_, err = e.sub.Subscribe(e.ctx, transport.SubscribeRequest{
			Patterns: patternsOf("event.#"), Profile: tt.profile, Receive: new(inbox).Receive,
		})
		e.want(err, transport.ErrInvalidProfile, "subscribing with "+tt.key)
	}
}
