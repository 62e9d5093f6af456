// Package node wires the machines of one process of a topology: it opens the transports
// that the process needs, subscribes the machines' inboxes on the bus and on transports,
// sends what is published here and heard elsewhere, and ends all of that in order.
// Generated code declares a [Plan] for each node of a topology and starts it; programs
// use what it generates, and from here only [Config].
//
// # How events travel
//
// What machines and node code publish goes to the process's bus. Whoever runs in the same
// process hears it there, as it is. One more subscription, which is served last, sends what
// others hear: it encodes an event once, hands it to each transport that it leaves by, all at
// once, and waits for all of them. So a transport that takes nothing delays who publishes, as
// long as the profile lets it, and nobody who hears the event elsewhere. What comes from others is decoded and handed to the inbox that it was
// sent to; it is not published on the bus. So nothing arrives twice, and an inbox keeps its
// profile both ways: order, concurrency, retries, dead letters, groups. What a handler sends
// with its ctx, for an event that has come by a transport, has that event's id as causation.
//
// An inbox is one subscription on the bus and one on each transport that its events come
// by. An event of a transport is settled when the machine has taken it, and, where there is
// a store, has stored what came of it.
//
// # Ownership and concurrency
//
// A [Node] belongs to whoever has made it, and must be shut down if it was started. Its
// methods may be called from any goroutine; machines and subscriptions are added before
// Start. Goroutines are those of the bus's and the transports' subscriptions, and one while
// the node shuts down: all of them have ended when Shutdown has returned nil.
package node
