package transport

import (
	"slices"

	"github.com/xsgen/xsgen/runtime/codec"
)

// Failure is what travels on error topics: something that went wrong and that
// nobody could be told of directly.
type Failure struct {
	Kind     string `json:"kind"` // action, unhandled, dead, decode or loop
	Machine  string `json:"machine"`
	Key      string `json:"key"`      // of a keyed machine
	State    string `json:"state"`    // the leaf that was active
	Event    string `json:"event"`    // what was being processed
	Topic    string `json:"topic"`    // of a message that could not be handled
	Message  string `json:"message"`  // the error's text
	Attempts uint64 `json:"attempts"` // deliveries that were tried
	Original []byte `json:"original"` // the message's payload; of one near the limit of 1 MiB only what there is room for
}

// Clone returns a deep copy of f; nil is nil.
func (f *Failure) Clone() *Failure {
	if f == nil {
		return nil
	}
	out := *f
	out.Original = slices.Clone(f.Original)
	return &out
}

// AppendMsgpack appends f's MessagePack form to b.
func (f *Failure) AppendMsgpack(b []byte) ([]byte, error) {
	var err error
	b = codec.AppendMap(b, 9)
	for _, t := range f.texts() {
		b, err = codec.AppendString(b, t.name, err)
		b, err = codec.AppendString(b, *t.at, err)
	}
	b, err = codec.AppendString(b, "attempts", err)
	b = codec.AppendUint(b, f.Attempts)
	b, err = codec.AppendString(b, "original", err)
	b, err = codec.AppendBytes(b, f.Original, err)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// UnmarshalMsgpack reads f from b, which it does not keep.
func (f *Failure) UnmarshalMsgpack(b []byte) error {
	r := codec.NewReader(b)
	f.ReadMsgpack(&r)
	return r.Finish()
}

// EncodeMsgpack implements msgpack/v5's CustomEncoder.
func (f *Failure) EncodeMsgpack(enc *codec.Encoder) error { return codec.Encode(enc, f) }

// DecodeMsgpack implements msgpack/v5's CustomDecoder.
func (f *Failure) DecodeMsgpack(dec *codec.Decoder) error { return codec.Decode(dec, f) }

// texts are f's fields that are strings, in the order in which they are written.
func (f *Failure) texts() [7]struct {
	name string
	at   *string
} {
	return [7]struct {
		name string
		at   *string
	}{
		{"kind", &f.Kind}, {"machine", &f.Machine}, {"key", &f.Key}, {"state", &f.State},
		{"event", &f.Event}, {"topic", &f.Topic}, {"message", &f.Message},
	}
}

// ReadMsgpack reads f from r; what the message does not have is zero.
func (f *Failure) ReadMsgpack(r *codec.Reader) {
	*f = Failure{}
	texts := f.texts()
fields:
	for fs := r.Struct(); fs.Next(r); {
		for _, t := range texts {
			if string(fs.Key) == t.name {
				fs.Note(r)
				*t.at = r.String()
				continue fields
			}
		}
		switch string(fs.Key) {
		case "attempts":
			fs.Note(r)
			f.Attempts = r.Uint(64)
		case "original":
			fs.Note(r)
			f.Original = r.Bytes()
		default:
			fs.Skip(r)
		}
	}
}
