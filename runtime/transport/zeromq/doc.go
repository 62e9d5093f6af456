// Package zeromq is the transport between processes over ZeroMQ: on one machine through
// sockets in a directory, and between machines over TCP. Each process of a program binds
// one socket, connects to those of the others, and tells them what it wants to hear;
// programs in other languages join through plain sockets (SUB, PUSH, PULL, REQ, DEALER).
// docs/wire.md has the frames.
//
// # Who keeps what
//
// A subscription's queue is in the process of the subscription, as in transport/memory. A
// publisher keeps a message until every process that is to get it has said that it is in
// the queue there; for a subscription whose profile has `ack: manual`, until it has been
// settled. What is kept is sent again after a connection was lost, to a peer that goes on
// by its number, so that nothing comes twice; to a peer that has started anew by its
// subscription's name or group. A peer that dies takes with it what it had of other
// subscriptions.
//
// Where a queue blocks, or is full with an error, each publishing process may have as many
// messages unsettled there as the profile's capacity says. Where it drops, the policy
// holds over all that have come, and again for what waits at the publisher for a
// connection that takes nothing.
//
// # Concurrency
//
// Everything may be used from any goroutine. A connection has one goroutine that reads and
// one that writes; the one that writes sends all that has come together meanwhile in one
// go. Who reads what others publish calls receivers that have returned at once several times;
// while one of them takes longer another goroutine reads. A peer that takes nothing fills the
// queues for itself, and nobody else's.
package zeromq
