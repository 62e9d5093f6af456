// Package bus delivers typed events within a process. A value is published by
// pointer and handed to its subscribers as it is: nothing is encoded or copied.
// The transports that leave the process are not imported here.
//
// # Ownership
//
// A published value is immutable from then on, with all that it reaches. An
// [Event] belongs to the bus and is valid until the handler returns; Clone keeps
// one beyond that. The value that an event points to is the publisher's own and
// stays valid.
//
// # Concurrency
//
// Everything may be used from any goroutine. A direct subscription's handler runs
// in the goroutine that publishes, so several may run at once; a queued one has
// one goroutine, or as many as its profile says. With one, and without retries, events
// are handled in the order in which they were published by each publisher, across
// topics.
//
// Lists of subscribers are copied when they change, and read without a lock; only
// who hears a single key is found under one, shared by readers. What
// a pattern matches is found out when somebody subscribes and when a topic is
// first used, never while publishing.
package bus
