package zeromq

import (
	"errors"
	"testing"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// FuzzControl has any bytes be what a peer says: it is read, or refused as what cannot be
// decoded, and what was read is written and read again as it was.
func FuzzControl(f *testing.F) {
	h := hello{version: 1, node: "a-0", epoch: "e", outstanding: []done{{1, 2, 3, true}}, queues: []announcement{{id: 1, patterns: []topic.Pattern{"a.#"}}}}
	if b, err := h.append(nil); err == nil {
		f.Add(b)
	}
	f.Add((&acks{taken: 5, done: []done{{1, 2, 3, false}}}).append(nil))
	f.Add(appendMarks(nil, 1, 2, true, 0))
	w := welcome{version: 1, node: "a-0", epoch: "e"}
	if b, err := w.append(nil); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHello(b)
		decodes(t, err)
		if err == nil {
			again, err := h.append(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := readHello(again); err != nil {
				t.Errorf("%x is read, and not what it becomes: %v", b, err)
			}
		}
		_, err = readAnnouncement(b)
		decodes(t, err)
		_, err = readWelcome(b)
		decodes(t, err)
		_, err = readNumbers(b, 2)
		decodes(t, err)
		var a acks
		decodes(t, readAcks(b, &a))
		var m marks
		decodes(t, readMarks(b, &m))
		var known names
		_, err = known.message([]byte("a.b"), b, nil)
		decodes(t, err)
		_, err = known.message(b, nil, nil)
		decodes(t, err)
	})
}

func decodes(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, transport.ErrDecode) {
		t.Errorf("%v", err)
	}
}
