// Package unix is the transport between the processes of one machine, over Unix domain
// sockets, for programs that have xsgen at both ends. docs/wire.md has its frames.
//
// # How processes find each other
//
// There is no hub. Each process listens on a socket of its own, `<node>-<replica>.sock` in
// a directory that all share, and holds a lock beside it for as long as it lives, so that
// the socket of one that was killed is told from another process's, and taken over. A newcomer
// listens first, and then connects to all whose sockets are there; whoever loses a
// connection looks again, for ever. Two processes have one connection, which carries
// everything both ways.
//
// # Where messages wait
//
// The queue of a subscription is with the receiver. Each side tells the other one what it
// subscribes to, and how; the publisher sends a message to the processes that want it, once
// to each. Where a queue blocks or refuses, the publisher counts what it has sent there and
// is not settled: the capacity is that of each publishing process. Where it drops, the receiver
// drops, except for what could not even be sent, which the publisher drops and the receiver
// counts. A subscription whose ack is manual has the publisher keep each message until it is
// settled.
//
// # Concurrency
//
// Everything may be used from any goroutine. A connection has one goroutine that reads and
// one that writes; there is one that accepts and one that looks after the directory. A lone
// message is written by whoever publishes it. Receivers that have returned at once so far are
// called by whoever reads their messages; if one does not then, another goroutine goes on
// reading. Close ends them all.
package unix
