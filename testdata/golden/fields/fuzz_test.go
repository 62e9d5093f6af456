package fields

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"encoding/json"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/codec"
)

// event is what the fuzzed types have.
type event interface {
	codec.Appender
	codec.Unmarshaler
	msgpack.CustomEncoder
	msgpack.CustomDecoder
}

func events() []event { return []event{&All{}, &Containers{}, &Optional{}, &StateChanged{}} }

// FuzzGeneratedDecoder feeds anything to the generated decoders. What one accepts
// is written again in one way only, and msgpack/v5 reads and writes the same: as a
// value of its own it sees every field, through the generated methods the event.
func FuzzGeneratedDecoder(f *testing.F) {
	script, err := os.ReadFile("script.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(script)) {
		_, data, _ := strings.Cut(strings.TrimPrefix(line, "send "), " ")
		for _, e := range events() {
			if json.Unmarshal([]byte(data), e) == nil {
				if b, err := e.AppendMsgpack(nil); err == nil {
					f.Add(b)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for i, e := range events() {
			if e.UnmarshalMsgpack(data) != nil {
				continue
			}
			once, err := e.AppendMsgpack(nil)
			if err != nil {
				t.Fatalf("%T: what was read cannot be written: %v", e, err)
			}
			var any map[string]any
			if err := msgpack.Unmarshal(once, &any); err != nil {
				t.Fatalf("%T: msgpack/v5 refuses %x: %v", e, once, err)
			}
			theirs, err := msgpack.Marshal(e)
			if err != nil || !bytes.Equal(once, theirs) {
				t.Fatalf("%T: msgpack/v5 writes %x, %v, not %x", e, theirs, err, once)
			}
			again := events()[i]
			if err := msgpack.Unmarshal(once, again); err != nil {
				t.Fatal(err)
			}
			if twice, _ := again.AppendMsgpack(nil); !bytes.Equal(once, twice) {
				t.Fatalf("%T: %x then %x", e, once, twice)
			}
		}
	})
}
