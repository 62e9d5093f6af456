package zmtp

import "encoding/binary"

// AppendFrame appends a frame of a message to b; more says that another one follows.
func AppendFrame(b, body []byte, more bool) []byte {
	return append(AppendHeader(b, len(body), more), body...)
}

// AppendHeader appends what comes before the body of a frame of n bytes.
func AppendHeader(b []byte, n int, more bool) []byte {
	var flags byte
	if more {
		flags = flagMore
	}
	return appendHeader(b, n, flags)
}

func appendHeader(b []byte, n int, flags byte) []byte {
	if n < 256 {
		return append(b, flags, byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, flags|flagLong), uint64(n))
}

// OpenFrame appends room for the header of a frame that is not the last one of its message.
// Once its body was appended, CloseFrame, which gets what was returned here, fills it in.
func OpenFrame(b []byte) ([]byte, int) { return append(b, flagMore, 0), len(b) }

// CloseFrame is the end of a frame that OpenFrame has begun at an offset.
func CloseFrame(b []byte, at int) []byte {
	n := len(b) - at - 2
	if n < 256 {
		b[at+1] = byte(n)
		return b
	}
	b = append(b, make([]byte, 7)...)
	copy(b[at+9:], b[at+2:at+2+n])
	appendHeader(b[:at], n, flagMore)
	return b
}

// AppendMessage appends a message of frames to b.
func AppendMessage(b []byte, frames ...[]byte) []byte {
	for i, f := range frames {
		b = AppendFrame(b, f, i < len(frames)-1)
	}
	return b
}

// AppendCommand appends a command to b, whose name has at most 255 bytes.
func AppendCommand(b []byte, name string, data []byte) []byte {
	b = appendHeader(b, 1+len(name)+len(data), flagCommand)
	b = append(append(b, byte(len(name))), name...)
	return append(b, data...)
}

// AppendPing appends a PING: without any traffic within ttl, in tenths of a second, the
// peer may think that this side is gone. Only peers of ZMTP 3.1 know it.
func AppendPing(b []byte, ttl uint16) []byte {
	return AppendCommand(b, Ping, binary.BigEndian.AppendUint16(nil, ttl))
}

// maxContext is the most bytes of a PING that come back in the PONG.
const maxContext = 16

// AppendPong appends the answer to a PING with some data.
func AppendPong(b, data []byte) []byte {
	var context []byte
	if len(data) > 2 {
		context = data[2:min(len(data), 2+maxContext)]
	}
	return AppendCommand(b, Pong, context)
}

// The names of commands after the handshake.
const (
	Ping      = "PING"
	Pong      = "PONG"
	Subscribe = "SUBSCRIBE"
	Cancel    = "CANCEL"
)
