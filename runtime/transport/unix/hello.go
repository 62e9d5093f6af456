package unix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// magic begins a greeting; its last byte is the version of the frames.
const magic = "xsgen-unix\x01"

// hello is what a process says of itself before anything else.
type hello struct {
	node    string
	replica uint64
	epoch   string // another one for each process
	maxBody int    // that it takes
}

// name is what the process's socket is called, without its ending.
func (h *hello) name() string { return nameOf(h.node, int(h.replica)) }

func nameOf(node string, replica int) string { return node + "-" + strconv.Itoa(replica) }

func (h *hello) append(b []byte) []byte {
	b, at := begin(b, frameHello)
	b = appendText(b, magic)
	b = appendText(b, h.node)
	b = binary.AppendUvarint(b, h.replica)
	b = appendText(b, h.epoch)
	b = binary.AppendUvarint(b, uint64(h.maxBody))
	return end(b, at)
}

func readHello(payload []byte) (h hello, err error) {
	r := reader{b: payload}
	if got := r.long(len(magic)); got != magic && r.err == nil {
		r.fail(fmt.Sprintf("the greeting begins with %q, not with %q", got, magic))
	}
	h = hello{node: r.text(), replica: r.below(1 << 20), epoch: r.text(), maxBody: int(r.below(1 << 30))}
	if h.epoch == "" || !plain(h.node) {
		r.fail("the greeting names nobody")
	}
	return h, r.finish()
}

// plain reports whether a node's name can be that of a file.
func plain(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/\x00") && name[0] != '.' && len(name) <= 200
}

// Why a process does not want a connection.
const (
	refuseDuplicate byte = iota + 1 // there is another one, or one on its way
	refuseClosing
	refuseItself // it has been reached by itself
)

// errRefused is wrapped by what a peer says instead of a greeting.
var errRefused = errors.New("unix: the peer has refused the connection")

func appendRefusal(b []byte, why byte) []byte {
	b, at := begin(b, frameRefuse)
	return end(append(b, why), at)
}
