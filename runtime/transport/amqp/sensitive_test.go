package amqp

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// TestSensitive looks at the buffers that a body passes: they are wiped.
func TestSensitive(t *testing.T) {
	buf := copyBody([]byte("secret"))
	releaseBody(buf, true)
	if text := (*buf)[:6]; bytes.Contains(text, []byte("secret")) {
		t.Errorf("%q is left of a body", text)
	}
	client, server := net.Pipe()
	c := newConn(client, time.Second)
	c.mu.Lock() // so that it is seen before it is written
	c.unsent = append(c.unsent, "secret"...)
	left := c.unsent
	c.mu.Unlock()
	c.wake.Broadcast()
	got := make([]byte, 6)
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if bytes.Contains(left, []byte("secret")) {
		t.Errorf("%q is left of what was written", left)
	}
	_ = server.Close()
}

// TestConn has the other side read nothing: writing ends, and Close does.
func TestConn(t *testing.T) {
	client, server := net.Pipe()
	c := newConn(client, 50*time.Millisecond)
	big := make([]byte, 2*maxUnwritten)
	if n, err := c.Write(big); n != len(big) || err != nil {
		t.Errorf("the first write: %d, %v", n, err)
	}
	var err error
	for range 3 { // one is being written, and one waits
		if err == nil {
			_, err = c.Write(big)
		}
	}
	if err == nil {
		t.Error("nobody reads, and writing goes on")
	}
	start := time.Now()
	_ = c.Close()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Close has taken %v", took)
	}
	_ = server.Close()
}
