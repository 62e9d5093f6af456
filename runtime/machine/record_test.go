package machine

import (
	"bytes"
	"testing"
	"time"
)

// FuzzRecord: whatever a file holds is refused or means one thing.
func FuzzRecord(f *testing.F) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	bare := func(key string, r *Record) []byte {
		b := appendRecord(nil, key, r)
		return b[:len(b)-4]
	}
	f.Add(bare("k", &Record{Revision: 1}))
	f.Add(bare("key", &Record{Revision: 1 << 40, Snapshot: []byte("snap"), Due: at, Finished: at,
		Handled: []string{"a", ""}, Outbox: []Message{{"id", "name", []byte("payload")}, {}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		// A checksum would hide what is behind it.
		data = seal(bytes.Clone(data))
		key, r, err := parseRecord(data)
		if err != nil {
			return
		}
		again, r2, err := parseRecord(appendRecord(nil, key, r))
		if err != nil || again != key {
			t.Fatalf("%q, %v", again, err)
		}
		if !bytes.Equal(appendRecord(nil, key, r), appendRecord(nil, again, r2)) {
			t.Errorf("%v and %v", r, r2)
		}
	})
}
