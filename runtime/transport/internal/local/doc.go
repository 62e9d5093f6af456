// Package local holds the subscriptions of a transport in one process: their queues,
// groups, filters, retries, dead letters and figures. It is all of transport/memory except
// for its routes, and the receiving end of transports whose queues are with the receivers.
//
// # Ownership
//
// A message is a Parcel, which all lines that have it share: its buffer is used again once
// each of them has let go of it, and not before. One that is never settled is left to the
// garbage collector. A buffer is wiped first if it was packed to be.
//
// # Concurrency
//
// Everything may be used from any goroutine, except for Batch. A subscription has one
// goroutine, which calls its receiver and ends with the subscription; whoever brings messages
// from elsewhere may call it in its place, as long as it is brisk. Whoever puts a message into a line,
// or settles one, hands on what receivers have room for, under the line's lock. Nobody
// waits for a receiver, except that Put waits where a queue is full and blocks.
package local
