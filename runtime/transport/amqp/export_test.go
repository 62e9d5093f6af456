package amqp

import "github.com/xsgen/xsgen/runtime/transport"

// Attachment is the channel by which a subscription consumes, as something to compare: what was
// settled by one does not come again by it.
func Attachment(s transport.Subscription) any {
	of := s.(*subscription)
	of.mu.Lock()
	defer of.mu.Unlock()
	return of.at
}

// Session is the connection by which a node publishes, as something to compare: while it is the
// same one nothing is sent again.
func Session(t transport.Transport) any { return t.(*Transport).publisher.current() }

// PartitionOf is the partition of a key.
var PartitionOf = partitionOf
