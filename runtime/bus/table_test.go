package bus_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestProfileTable compares docs/bus.md with the fields of Profile: each has a row, and
// the test that it names.
func TestProfileTable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/bus.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := ""
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(b)
	}
	rows := map[string]string{} // tests by field
	for _, m := range regexp.MustCompile("(?m)^\\| `[a-z-]+` \\| `(\\w+)` \\| .+ \\| `(\\w+)` \\|$").FindAllStringSubmatch(string(doc), -1) {
		rows[m[1]] = m[2]
	}
	typ := reflect.TypeFor[transport.Profile]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		if test := rows[name]; name != "Name" && !strings.Contains(tests, "func "+test+"(t *testing.T)") {
			t.Errorf("the field %s has no row that names a test (%q)", name, test)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("the row %s is of no field", name)
	}
}

// TestKeysWithoutMeaning sets the keys that mean nothing within a process: a
// subscription with them does what one without does.
func TestKeysWithoutMeaning(t *testing.T) {
	r := newRig(t)
	p := transport.Profile{Durable: transport.Durable, ManualAck: transport.On, Confirm: transport.On, Sensitive: true}
	var got []*msg
	s := subscribe(t, r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error { got = append(got, e.Value()); return nil }, bus.WithProfile(p))
	m := &msg{"a"}
	publish(t, r.plain, m)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.balanced(s, bus.Stats{Accepted: 1, Handled: 1})
	if len(got) != 1 || got[0] != m || m.text != "a" {
		t.Errorf("%v", got)
	}
}

// TestPrefetch has two handlers: with many events taken at once, one of them has all.
func TestPrefetch(t *testing.T) {
	for prefetch, want := range map[int]time.Duration{0: 2 * time.Second, 4: 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			start := time.Now()
			var mu sync.Mutex
			var last time.Duration
			s, err := bus.Subscribe(r.bus, "#", func(context.Context, *bus.Event[msg]) error {
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				last = time.Since(start)
				return nil
			}, bus.WithProfile(transport.Profile{Concurrency: 2, Prefetch: prefetch}))
			if err != nil {
				t.Fatal(err)
			}
			if err := r.plain.PublishBatch(t.Context(), []*msg{{"a"}, {"b"}, {"c"}, {"d"}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(t.Context()); err != nil || last != want {
				t.Errorf("prefetch %d: %v, the last was handled after %v", prefetch, err, last)
			}
		})
	}
}
