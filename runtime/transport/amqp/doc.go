// Package amqp is the transport across machines: RabbitMQ, at least once. What a
// publisher was told is stored is handled, or dead-lettered, whatever happens to
// connections, processes and the broker in between. docs/wire.md has the names, the
// properties and the bodies, for clients in other languages.
//
// # How it is built
//
// One connection publishes and another one consumes, for a broker that runs out of memory
// stops those that publish, and acknowledgements must get through. Each has a goroutine
// that connects it again, for ever, and declares what it needs before it is used. Whatever
// belongs to a connection carries its generation: a delivery that came by an old one
// settles nothing, and comes again.
//
// One channel publishes, with confirms, since the order of what one goroutine begins
// holds across topics. A subscription has a channel of its own, so that an error is its
// own, and acknowledgements of many deliveries are one frame.
//
// # Concurrency
//
// Everything may be used from any goroutine. A subscription has one that gets deliveries
// and one that calls its receiver; both end with it. Settling with an error waits until
// the broker has what is to be tried again, or the dead letter.
package amqp
