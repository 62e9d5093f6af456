package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// syncBuffer is a buffer that several goroutines may use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestWatch changes specs while they are watched: for the better, for the worse,
// and back.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const spec = "version: 1\nmachine: m\nevents: {e: {}}\ninitial: a\nstates: {a: {on: {e: b}}, b: {}}\n"
	write("go.mod", "module example.com/x\n")
	write("m.machine.yaml", spec)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs syncBuffer
	ended := make(chan int)
	go func() {
		code, _ := (&app{&out, &errs}).watch(ctx, []string{dir}, generateOptions{})
		ended <- code
	}()
	eventually := func(b *syncBuffer, text string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !strings.Contains(b.String(), text); {
			if time.Now().After(deadline) {
				t.Fatalf("%q never came:\n%s\n%s", text, out.String(), errs.String())
			}
			select {
			case <-t.Context().Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	eventually(&out, "m/chart_xsgen.go")
	write("m.machine.yaml", strings.ReplaceAll(spec, "on: {e: b}", "on: {e: nowhere}"))
	eventually(&errs, "XS0106")
	write("m.machine.yaml", spec+"# better\n")
	write("n.machine.yaml", strings.ReplaceAll(spec, "machine: m", "machine: n"))
	eventually(&out, "n/chart_xsgen.go")
	// One that is invoked is watched too; `_` hides it from the walk.
	if err := os.Mkdir(filepath.Join(dir, "_c"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("_c/c.machine.yaml", "version: 1\nmachine: c\n")
	write("m.machine.yaml", strings.ReplaceAll(spec, "b: {}", "b: {invoke: {machine: _c/c.machine.yaml}}"))
	eventually(&errs, "XS0119")
	write("_c/c.machine.yaml", strings.ReplaceAll(spec, "machine: m", "machine: c"))
	eventually(&out, "m/children_xsgen.go")
	// The last spec takes its Go with it.
	for _, name := range []string{"m.machine.yaml", "n.machine.yaml"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(&out, "removed "+filepath.ToSlash(filepath.Join(dir, "m/chart_xsgen.go")))
	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("it ended with %d", code)
	}
}
