//go:build linux || darwin

package benchmarks

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// farKey is in the environment of this program where it is the other process.
const farKey = "XSGEN_BENCHMARK_FAR"

// far is what the other process does.
type far struct {
	What, Dir string
	Spin      time.Duration
	Profile   string // the file of its profile, if there is one of this process
}

func TestMain(m *testing.M) {
	text := os.Getenv(farKey)
	if text == "" {
		os.Exit(m.Run())
	}
	var f far
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		panic(err)
	}
	if f.Profile != "" {
		out, err := os.Create(f.Profile)
		if err != nil {
			panic(err)
		}
		if err := pprof.StartCPUProfile(out); err != nil {
			panic(err)
		}
		defer pprof.StopCPUProfile()
	}
	map[string]func(far){"unix": farUnix, "raw": farRaw}[f.What](f)
}

// other starts the other process, and returns when it is ready.
func other(b *testing.B, f far) {
	b.Helper()
	if file := flag.Lookup("test.cpuprofile").Value.String(); file != "" {
		f.Profile = file + ".far"
	}
	text, err := json.Marshal(f)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), farKey+"="+string(text)), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
}

// ready says that the other process is, and waits until it is to end.
func ready() {
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

const bodySize = 64

func socketDir(b *testing.B) string {
	dir, err := os.MkdirTemp("", "xs")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func openUnix(dir, node string, spin time.Duration) *unix.Transport {
	t, err := unix.New(context.Background(), unix.Config{Dir: dir, Node: node, Spin: spin})
	if err == nil {
		err = t.Status().Await(context.Background(), transport.Ready)
	}
	if err != nil {
		panic(err)
	}
	return t
}

func hearUnix(t *unix.Transport, p topic.Pattern, receive transport.Receiver) {
	_, err := t.Subscribe(context.Background(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{p}, Profile: transport.Profile{Capacity: 16384, Prefetch: 256}, Receive: receive, Reuse: true,
	})
	if err != nil {
		panic(err)
	}
}

// farUnix settles events, answers the last one of a run, and sends pings back.
func farUnix(f far) {
	t := openUnix(f.Dir, "far", f.Spin)
	back := &transport.Message{Envelope: transport.Envelope{ID: "id", Topic: "event.back", Type: "Back"}, Body: make([]byte, bodySize)}
	hearUnix(t, "event.there", func(ctx context.Context, d *transport.Delivery) {
		last := d.Key != ""
		if err := d.Settle(nil); err != nil {
			panic(err)
		}
		if last {
			if _, err := t.Begin(ctx, back); err != nil {
				panic(err)
			}
		}
	})
	ready()
	_ = t.Close(context.Background())
}

func there(key string) *transport.Message {
	return &transport.Message{Envelope: transport.Envelope{ID: "0123456789abcdef-1", Topic: "event.there", Type: "There", Source: "near", Key: key}, Body: make([]byte, bodySize)}
}

// nearUnix opens the other end, and has heard called for what comes back.
func nearUnix(b *testing.B, spin time.Duration, heard func(t *unix.Transport)) *unix.Transport {
	dir := socketDir(b)
	other(b, far{What: "unix", Dir: dir, Spin: spin})
	t := openUnix(dir, "near", spin)
	b.Cleanup(func() { _ = t.Close(context.Background()) })
	hearUnix(t, "event.back", func(_ context.Context, d *transport.Delivery) {
		_ = d.Settle(nil)
		heard(t)
	})
	return t
}

// BenchmarkSocketOneWay sends 64 bytes to another process.
func BenchmarkSocketOneWay(b *testing.B) {
	b.Run("xsgen", func(b *testing.B) {
		came := make(chan struct{}, 1)
		t := nearUnix(b, 0, func(*unix.Transport) { came <- struct{}{} })
		m := there("")
		for b.Loop() {
			if _, err := t.Begin(context.Background(), m); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := t.Begin(context.Background(), there("last")); err != nil {
			b.Fatal(err)
		}
		<-came
	})
	b.Run("raw", func(b *testing.B) {
		c := nearRaw(b)
		w := bufio.NewWriterSize(c, 64<<10)
		var m [bodySize]byte
		for b.Loop() {
			if _, err := w.Write(m[:]); err != nil {
				b.Fatal(err)
			}
		}
		m[0] = 1
		_, _ = w.Write(m[:])
		_ = w.Flush()
		if _, err := io.ReadFull(c, m[:]); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSocketRoundTrip sends 64 bytes to another process, and back. Receivers answer each
// other, or a goroutine waits for the answer, which is to be woken then.
func BenchmarkSocketRoundTrip(b *testing.B) {
	for name, spin := range map[string]time.Duration{"xsgen": 0, "xsgen-spinning": time.Millisecond} {
		b.Run(name, func(b *testing.B) { answering(b, spin) })
		b.Run(name+"-waiting", func(b *testing.B) { waiting(b, spin) })
	}
	b.Run("raw", func(b *testing.B) {
		c := nearRaw(b)
		m := [bodySize]byte{1}
		for b.Loop() {
			if _, err := c.Write(m[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, m[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// answering has the receivers of both sides answer each other.
func answering(b *testing.B, spin time.Duration) {
	m, left, done := there("x"), b.N, make(chan error, 1)
	t := nearUnix(b, spin, func(t *unix.Transport) {
		if left--; left == 0 {
			done <- nil
		} else if _, err := t.Begin(context.Background(), m); err != nil {
			done <- err
		}
	})
	b.ResetTimer()
	if _, err := t.Begin(context.Background(), m); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// waiting has a goroutine wait for each answer.
func waiting(b *testing.B, spin time.Duration) {
	came := make(chan struct{}, 1)
	t, m := nearUnix(b, spin, func(*unix.Transport) { came <- struct{}{} }), there("x")
	for b.Loop() {
		if _, err := t.Begin(context.Background(), m); err != nil {
			b.Fatal(err)
		}
		<-came
	}
}

func nearRaw(b *testing.B) net.Conn {
	dir := socketDir(b)
	other(b, far{What: "raw", Dir: dir})
	c, err := net.Dial("unix", filepath.Join(dir, "raw"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// farRaw reads messages, and sends those back that begin with a 1.
func farRaw(f far) {
	l, err := net.Listen("unix", filepath.Join(f.Dir, "raw"))
	if err != nil {
		panic(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReaderSize(c, 64<<10)
		for m := make([]byte, bodySize); ; {
			if _, err := io.ReadFull(r, m); err != nil {
				return
			}
			if m[0] == 1 {
				if _, err := c.Write(m); err != nil {
					return
				}
			}
		}
	}()
	ready()
}
