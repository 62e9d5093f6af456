// Package zmtp speaks ZMTP 3.1, the protocol of ZeroMQ (https://rfc.zeromq.org/spec/37/),
// on connections that somebody else has made: greeting, the NULL mechanism, and messages.
// It knows nothing of patterns such as publish and subscribe, of queues, or of goroutines.
//
// # Limits
//
// What a peer sends is looked at before anything is allocated for it: a message has a most
// of bytes and of frames, a command a most of bytes, and a buffer grows only as fast as
// data comes. Shake ends by itself when its time is over.
package zmtp

import "errors"

// Errors of peers. What wraps one of them ends the connection.
var (
	// ErrProtocol is wrapped by the error of a peer that does not speak ZMTP 3.
	ErrProtocol = errors.New("zmtp: the peer does not speak ZMTP 3")
	// ErrTooLarge is wrapped by the error of a message that is larger than the limit.
	ErrTooLarge = errors.New("zmtp: the message is too large")
	// ErrRefused is wrapped by the error of a peer that has sent ERROR, or that has a type
	// which does not fit.
	ErrRefused = errors.New("zmtp: the peers do not fit")
)

// The flags of a frame.
const (
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4
	flagsKnown  = flagMore | flagLong | flagCommand
)

// The types of sockets.
const (
	Pub    = "PUB"
	Sub    = "SUB"
	XPub   = "XPUB"
	XSub   = "XSUB"
	Push   = "PUSH"
	Pull   = "PULL"
	Req    = "REQ"
	Dealer = "DEALER"
	Router = "ROUTER"
)
