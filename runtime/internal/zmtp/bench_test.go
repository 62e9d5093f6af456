package zmtp_test

import (
	"bufio"
	"net"
	"testing"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
)

// pair are two ends of a Unix domain socket.
func pair(tb testing.TB) (a, b net.Conn) {
	tb.Helper()
	l, err := net.Listen("unix", tb.TempDir()+"/s")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("unix", l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// buffered writes in blocks of 64 KiB: the best that a connection can do for the engines
// above it.
type buffered struct {
	net.Conn
	w  *bufio.Writer
	r  *bufio.Reader
	on bool
}

func (b *buffered) Write(p []byte) (int, error) {
	if !b.on {
		return b.Conn.Write(p)
	}
	return b.w.Write(p)
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

func wrap(c net.Conn) *buffered {
	return &buffered{Conn: c, w: bufio.NewWriterSize(c, 64<<10), r: bufio.NewReaderSize(c, 64<<10)}
}

// BenchmarkEngines has messages of three frames and 64 bytes in the last one pass from one
// goroutine to another, with go-zeromq's connection and with this package, both on
// buffered connections.
func BenchmarkEngines(b *testing.B) {
	frames := [][]byte{[]byte("state.order.k42.closed"), make([]byte, 60), make([]byte, 64)}
	b.Run("zmq4.Conn", func(b *testing.B) {
		x, y := pair(b)
		bx, by := wrap(x), wrap(y)
		opened := make(chan *zmq4.Conn)
		go func() {
			c, err := zmq4.Open(by, null.Security(), zmq4.Pull, nil, true, nil)
			if err != nil {
				b.Error(err)
			}
			opened <- c
		}()
		from, err := zmq4.Open(bx, null.Security(), zmq4.Push, nil, false, nil)
		if err != nil {
			b.Fatal(err)
		}
		to := <-opened
		bx.on = true
		done := make(chan struct{})
		b.ReportAllocs()
		b.ResetTimer()
		go func() {
			defer close(done)
			for range b.N {
				if _, err := to.RecvMsg(); err != nil {
					b.Error(err)
					return
				}
			}
		}()
		for range b.N {
			if err := from.SendMsg(zmq4.NewMsgFrom(frames...)); err != nil {
				b.Fatal(err)
			}
		}
		bx.w.Flush()
		<-done
	})
	b.Run("zmtp", func(b *testing.B) {
		x, y := pair(b)
		done := make(chan struct{})
		r := zmtp.NewReader(y, zmtp.Limits{Bytes: 1 << 20, Frames: 8})
		b.ReportAllocs()
		b.ResetTimer()
		go func() {
			defer close(done)
			for range b.N {
				if _, err := r.Read(); err != nil {
					b.Error(err)
					return
				}
			}
		}()
		w := bufio.NewWriterSize(x, 64<<10)
		var buf []byte
		for range b.N {
			buf = zmtp.AppendMessage(buf[:0], frames...)
			if _, err := w.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
		w.Flush()
		<-done
	})
}
