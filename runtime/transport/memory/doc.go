// Package memory is the transport within a process: the queues of the bus behind the
// interface of package transport, for topics that are known only at run time and for
// tests. Bodies are bytes, and copied once when they are published.
//
// # Ownership
//
// What is published is copied into a buffer that all subscriptions share and that is
// used again once each of them has settled it, and not before: one that nobody ever
// settles is left to the garbage collector. A buffer is wiped first if the publisher's
// profile, or that of a subscription which got it, is Sensitive.
//
// # Concurrency
//
// Everything may be used from any goroutine. A subscription has one goroutine, which
// calls its receiver and ends with the subscription. Begin puts a message into the
// queues and hands it on from there as far as receivers have room; so does whoever
// settles a delivery. Neither waits for a receiver, except that a queue that is full
// and blocks has Begin wait.
package memory
