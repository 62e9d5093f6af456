//go:build xsgendebug

package local

import (
	"bytes"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
)

// TestReleasedBuffer looks at a buffer that two subscriptions have shared: it is
// overwritten with the last reference.
func TestReleasedBuffer(t *testing.T) {
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: []byte("sound")}
	p := Pack(m, false)
	p.Retain()
	body := p.Body
	p.Release()
	if string(body) != "sound" {
		t.Errorf("%q is overwritten though somebody has it", body)
	}
	p.Release()
	if !bytes.Equal(body, []byte("\xc1\xc1\xc1\xc1\xc1")) {
		t.Errorf("%q is left, which nobody has", body)
	}
}
