//go:build linux || darwin

package unix

import (
	"io"
	"runtime"
	"testing"
	"time"
)

// TestFlushAfterClose flushes a message after the socket was closed, which takes no part of it,
// and not as much as of the one before.
func TestFlushAfterClose(t *testing.T) {
	tr, c, far := pair(t)
	defer tr.cancel()
	_ = far.SetDeadline(time.Now().Add(time.Minute))
	flush := func(n int) {
		c.p.mu.Lock()
		for c.busy {
			c.p.mu.Unlock()
			runtime.Gosched()
			c.p.mu.Lock()
		}
		c.buf, c.wrote = append(c.buf, make([]byte, n)...), time.Time{}
		c.flush()
	}
	flush(1000)
	if _, err := io.ReadAtLeast(far, make([]byte, 2000), 1000); err != nil {
		t.Fatal(err)
	}
	_ = c.sock.Close()
	flush(1)
	c.p.drop(c)
	c.ended.Wait()
	_ = far.Close()
}
