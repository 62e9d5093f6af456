package amqp

import (
	"fmt"
	"strings"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// kinds are the first segments of topics, and the exchanges that they travel by.
var kinds = []struct{ segment, exchange string }{
	{"state", "state"}, {"event", "events"}, {"emit", "emits"}, {"group", "groups"}, {"error", "errors"}, {"broadcast", "broadcast"},
}

// exchange is the name of the exchange for a topic; ErrNoRoute for one of no kind.
func (t *Transport) exchange(name topic.Name) (string, error) {
	first, _, _ := strings.Cut(string(name), ".")
	for i, k := range kinds {
		if k.segment == first {
			return t.exchanges[i], nil
		}
	}
	return "", fmt.Errorf("%w: AMQP carries no topics that begin with %q", transport.ErrNoRoute, first)
}

// binding has an exchange pass messages on to a queue.
type binding struct{ exchange, key string }

// bindings are what a queue needs for patterns. A receiver's is bound for mandatory
// messages too, and an observer's for the copies of those: the broker says of a mandatory
// message whether any queue wants it, and observers do not count.
func (t *Transport) bindings(patterns []topic.Pattern, observer bool) []binding {
	apart := t.mandatory
	if observer {
		apart = t.observers
	}
	var list []binding
	for _, p := range patterns {
		key := bindingKey(p)
		list = append(list, binding{apart, key})
		for i, k := range kinds {
			switch {
			case !p.Overlaps(topic.Pattern(k.segment + ".#")):
			case k.segment == "broadcast":
				list = append(list, binding{t.exchanges[i], ""}) // a fanout: the consumer looks at the topic
			default:
				list = append(list, binding{t.exchanges[i], key})
			}
		}
	}
	return list
}

// bindingKey is a pattern as a topic exchange has it, where `*` is one word and `#` any
// number. The exchange then passes on exactly what the pattern matches.
func bindingKey(p topic.Pattern) string {
	segs := strings.Split(string(p), ".")
	last := segs[len(segs)-1]
	for i, s := range segs {
		if s == "+" {
			segs[i] = "*"
		}
	}
	if last == "*" {
		segs = append(segs, "#")
	}
	return strings.Join(segs, ".")
}

// wanted reports whether a topic matches one of a subscription's patterns. A durable queue
// may have bindings of an earlier life, and a fanout knows no topics.
func wanted(patterns []topic.Pattern, name topic.Name) bool {
	for _, p := range patterns {
		if p.Match(name) {
			return true
		}
	}
	return false
}
