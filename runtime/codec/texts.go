package codec

import "strings"

// Texts are strings of messages that come one after the other, copied to the same memory: that
// takes fewer allocations than a copy for each message. A string that is kept keeps up to
// 1 KiB of others. Its zero value is ready; it is for one goroutine at a time.
type Texts struct{ b strings.Builder }

// Collect has strings that r reads from now on be copied to t.
func (r *Reader) Collect(t *Texts) { r.texts = t }

// Add copies a string.
func (t *Texts) Add(p []byte) string {
	if len(p) > shared/8 {
		return string(p)
	}
	n := t.b.Len()
	if t.b.Cap()-n < len(p) {
		t.b = strings.Builder{} // those who have strings of the other one keep it
		t.b.Grow(shared)
		n = 0
	}
	t.b.Write(p)
	return t.b.String()[n:]
}
