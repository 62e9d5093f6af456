//go:build linux || darwin

package zeromq_test

import (
	"io"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// TestGreedyPeers ask without end: of those who do not read the answers, and of those who have
// more and more queues, none is listened to for ever.
func TestGreedyPeers(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir, OnError: func(error) {}})
	queue := func(id int) []byte {
		b, err := msgpack.Marshal(map[string]any{"id": id, "patterns": []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		return zmtp.AppendMessage(nil, []byte("\x00subscribe"), b)
	}
	for i, greedy := range []struct {
		reads bool
		ask   func(n int) []byte
	}{
		{false, func(int) []byte { return zmtp.AppendPing(nil, 10) }},
		{false, func(int) []byte { return queue(1) }},
		{true, queue},
	} {
		c := dealer(t, dir)
		c.hello(t, map[string]any{"observer": true})
		if greedy.reads {
			go func() { _, _ = io.Copy(io.Discard, c.Conn) }()
		}
		var b []byte
		err, n := error(nil), 0
		for ; n < 2_000_000 && err == nil; n++ {
			if b = append(b, greedy.ask(n)...); len(b) > 64<<10 {
				_, err = c.Write(b)
				b = b[:0]
			}
		}
		if err == nil {
			t.Errorf("%d: it was listened to %d times", i, n)
		}
	}
	works(t, web, counter(t, openNode(t, zeromq.Config{Node: "depot", Dir: dir})))
}
