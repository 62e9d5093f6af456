package local

import (
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
)

// TestNeglect has a message come between a member's last look and its sleep: it must not be
// left until the next one comes.
func TestNeglect(t *testing.T) {
	r := transport.SubscribeRequest{Profile: transport.Profile{Prefetch: 4}, Receive: func(context.Context, *transport.Delivery) {}}
	l := newLine(New(Config{}), r)
	m := newMember(l, r) // without a goroutine, which the test stands for
	defer m.cancel()
	l.join(m)
	put := func() int {
		msg := &transport.Message{Body: []byte("x")}
		p := Pack(msg, false)
		defer p.Release()
		if put, err := l.Put(t.Context(), msg, p); !put || err != nil {
			t.Fatal(put, err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return m.inbox.Len()
	}
	l.mu.Lock()
	m.attend()
	l.mu.Unlock()
	if n := put(); n != 0 {
		t.Errorf("%d are handed on, though the member sees to that", n)
	}
	l.mu.Lock()
	if !m.neglect() || m.inbox.Len() != 1 {
		t.Error("it sleeps, and a message has come")
	}
	l.mu.Unlock()
	if n := put(); n != 2 {
		t.Errorf("%d of 2 are handed on while it sleeps", n)
	}
}
