package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/codec"
)

// sample has every kind of field, written as the generator writes it.
type sample struct {
	Text   string            `msgpack:"text"`
	Flag   bool              `msgpack:"flag"`
	I8     int8              `msgpack:"i8"`
	I64    int64             `msgpack:"i64"`
	U16    uint16            `msgpack:"u16"`
	U64    uint64            `msgpack:"u64"`
	F32    float32           `msgpack:"f32"`
	F64    float64           `msgpack:"f64"`
	Data   []byte            `msgpack:"data"`
	At     time.Time         `msgpack:"at"`
	Took   time.Duration     `msgpack:"took"`
	Tags   []string          `msgpack:"tags"`
	Counts map[string]int64  `msgpack:"counts"`
	Note   *string           `msgpack:"note,omitempty"`
	Next   *sample           `msgpack:"next,omitempty"`
	Deep   map[string][]bool `msgpack:"deep"`
}

// plain is sample without its methods: msgpack/v5 uses reflection on it.
type plain sample

func (s *sample) AppendMsgpack(b []byte) ([]byte, error) { return s.append(b, 0, nil) }

func (s *sample) append(b []byte, depth int, err error) ([]byte, error) {
	if err != nil || depth >= codec.MaxDepth {
		return b, errors.Join(err, codec.ErrTooDeep)
	}
	n := 14
	if s.Note != nil {
		n++
	}
	if s.Next != nil {
		n++
	}
	b = codec.AppendMap(b, n)
	b = append(b, "\xa4text"...)
	b, err = codec.AppendString(b, s.Text, err)
	b = append(b, "\xa4flag"...)
	b = codec.AppendBool(b, s.Flag)
	b = append(b, "\xa2i8"...)
	b = codec.AppendInt(b, int64(s.I8))
	b = append(b, "\xa3i64"...)
	b = codec.AppendInt(b, s.I64)
	b = append(b, "\xa3u16"...)
	b = codec.AppendUint(b, uint64(s.U16))
	b = append(b, "\xa3u64"...)
	b = codec.AppendUint(b, s.U64)
	b = append(b, "\xa3f32"...)
	b = codec.AppendFloat32(b, s.F32)
	b = append(b, "\xa3f64"...)
	b = codec.AppendFloat64(b, s.F64)
	b = append(b, "\xa4data"...)
	b, err = codec.AppendBytes(b, s.Data, err)
	b = append(b, "\xa2at"...)
	b = codec.AppendTime(b, s.At)
	b = append(b, "\xa4took"...)
	b = codec.AppendDuration(b, s.Took)
	b = append(b, "\xa4tags"...)
	b = codec.AppendArray(b, len(s.Tags))
	for _, v := range s.Tags {
		b, err = codec.AppendString(b, v, err)
	}
	b = append(b, "\xa6counts"...)
	b = codec.AppendMap(b, len(s.Counts))
	for _, k := range codec.SortedKeys(s.Counts) {
		b, err = codec.AppendString(b, k, err)
		b = codec.AppendInt(b, s.Counts[k])
	}
	if s.Note != nil {
		b = append(b, "\xa4note"...)
		b, err = codec.AppendString(b, *s.Note, err)
	}
	if s.Next != nil {
		b = append(b, "\xa4next"...)
		b, err = s.Next.append(b, depth+1, err)
	}
	b = append(b, "\xa4deep"...)
	b = codec.AppendMap(b, len(s.Deep))
	for _, k := range codec.SortedKeys(s.Deep) {
		b, err = codec.AppendString(b, k, err)
		b = codec.AppendArray(b, len(s.Deep[k]))
		for _, v := range s.Deep[k] {
			b = codec.AppendBool(b, v)
		}
	}
	return b, err
}

func (s *sample) UnmarshalMsgpack(b []byte) error {
	r := codec.NewReader(b)
	s.read(&r)
	return r.Finish()
}

func (s *sample) read(r *codec.Reader) {
	*s = sample{}
	for f := r.Record(); f.Pass(r); {
		if f.At(r, "\xa4text") && f.Take(r, 1<<0) {
			s.Text = r.String()
		}
		if f.At(r, "\xa4flag") && f.Take(r, 1<<1) {
			s.Flag = r.Bool()
		}
		if f.At(r, "\xa2i8") && f.Take(r, 1<<2) {
			s.I8 = int8(r.Int(8))
		}
		if f.At(r, "\xa3i64") && f.Take(r, 1<<3) {
			s.I64 = r.Int(64)
		}
		if f.At(r, "\xa3u16") && f.Take(r, 1<<4) {
			s.U16 = uint16(r.Uint(16))
		}
		if f.At(r, "\xa3u64") && f.Take(r, 1<<5) {
			s.U64 = r.Uint(64)
		}
		if f.At(r, "\xa3f32") && f.Take(r, 1<<6) {
			s.F32 = r.Float32()
		}
		if f.At(r, "\xa3f64") && f.Take(r, 1<<7) {
			s.F64 = r.Float64()
		}
		if f.At(r, "\xa4data") && f.Take(r, 1<<8) {
			s.Data = r.Bytes()
		}
		if f.At(r, "\xa2at") && f.Take(r, 1<<9) {
			s.At = r.Time()
		}
		if f.At(r, "\xa4took") && f.Take(r, 1<<10) {
			s.Took = r.Duration()
		}
		if f.At(r, "\xa4tags") && f.Take(r, 1<<11) {
			s.Tags = readStrings(r)
		}
		if f.At(r, "\xa6counts") && f.Take(r, 1<<12) {
			s.Counts = readCounts(r)
		}
		if f.At(r, "\xa4note") && f.Take(r, 1<<13) {
			if !r.Nil() {
				v := r.String()
				s.Note = &v
			}
		}
		if f.At(r, "\xa4next") && f.Take(r, 1<<14) {
			if !r.Nil() {
				s.Next = &sample{}
				s.Next.read(r)
			}
		}
		if f.At(r, "\xa4deep") && f.Take(r, 0) { // as if there were that many fields
			s.Deep = readDeep(r)
		}
	}
}

func readStrings(r *codec.Reader) []string {
	a := r.Array()
	s := codec.Make[string](r, a)
	for a.Next(r) {
		s = append(s, r.String())
	}
	return s
}

func readCounts(r *codec.Reader) map[string]int64 {
	a := r.Map()
	m := codec.MakeMap[int64](r, a)
	for a.Next(r) {
		k := r.String()
		m[k] = r.Int(64)
		a.Unique(r, len(m))
	}
	return m
}

func readDeep(r *codec.Reader) map[string][]bool {
	a := r.Map()
	m := codec.MakeMap[[]bool](r, a)
	for a.Next(r) {
		k := r.String()
		b := r.Array()
		s := codec.Make[bool](r, b)
		for b.Next(r) {
			s = append(s, r.Bool())
		}
		m[k] = s
		a.Unique(r, len(m))
	}
	return m
}

func (s *sample) EncodeMsgpack(enc *codec.Encoder) error { return codec.Encode(enc, s) }
func (s *sample) DecodeMsgpack(dec *codec.Decoder) error { return codec.Decode(dec, s) }

// reference is what msgpack/v5 makes of the same value by reflection.
func reference(t testing.TB, s *sample) []byte {
	t.Helper()
	p := forLibrary(s)
	var out bytes.Buffer
	enc := msgpack.NewEncoder(&out)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	enc.SetOmitEmpty(false)
	if err := enc.Encode(p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// forLibrary is a copy of s for msgpack/v5, which writes nil for a nil slice and
// sorts the keys of maps to interfaces only.
func forLibrary(s *sample) any {
	v := reflect.ValueOf(*s)
	fields := make([]reflect.StructField, v.NumField())
	for i := range fields {
		f := v.Type().Field(i)
		switch {
		case f.Type.Kind() == reflect.Map:
			f.Type = reflect.TypeFor[map[string]any]()
		case f.Name == "Next":
			f.Type = reflect.TypeFor[any]()
		}
		fields[i] = reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag}
	}
	out := reflect.New(reflect.StructOf(fields)).Elem()
	for i := range fields {
		out.Field(i).Set(libraryValue(v.Field(i), fields[i].Name))
	}
	return out.Interface()
}

func libraryValue(v reflect.Value, name string) reflect.Value {
	switch {
	case v.Kind() == reflect.Map:
		m := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = libraryValue(it.Value(), "").Interface()
		}
		return reflect.ValueOf(m)
	case v.Kind() == reflect.Slice && v.IsNil():
		return reflect.MakeSlice(v.Type(), 0, 0)
	case name == "Next" && v.IsNil():
		return reflect.Zero(reflect.TypeFor[any]())
	case name == "Next":
		return reflect.ValueOf(forLibrary(v.Interface().(*sample)))
	}
	return v
}

func samples() []*sample {
	note, long := "hi", strings.Repeat("ä", 200)
	return []*sample{
		{},
		{Text: "order", Flag: true, I8: -1, I64: math.MinInt64, U16: 300, U64: math.MaxUint64, F32: 1.5, F64: math.Pi,
			Data: []byte{0, 255}, At: time.Unix(1, 5).UTC(), Took: -time.Hour, Tags: []string{"a", long},
			Counts: map[string]int64{"b": 1, "a": -200, "c": 70000}, Note: &note, Deep: map[string][]bool{"x": {true, false}}},
		{Text: strings.Repeat("x", 70000), I8: -128, I64: -33, U16: 128, U64: 1 << 32, Data: make([]byte, 300),
			At: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), Tags: make([]string, 20)},
		{I64: -129, U64: 1 << 16, At: time.Unix(1700000000, 0).UTC(), Data: make([]byte, 70000), Tags: make([]string, 70000)},
		{I64: -32769, U64: 255, I8: 127},
		{I64: math.MinInt32 - 1, U64: 127},
	}
}

func TestBytesAreTheReferences(t *testing.T) {
	for i, s := range samples() {
		got, err := s.AppendMsgpack([]byte("head"))
		if err != nil {
			t.Fatal(err)
		}
		if want := append([]byte("head"), reference(t, s)...); !bytes.Equal(got, want) {
			t.Errorf("%d: got  %x\nwant %x", i, got, want)
		}
		var back sample
		if err := back.UnmarshalMsgpack(got[4:]); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if diff := cmp.Diff(s, &back); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
}

func TestThroughTheLibrary(t *testing.T) {
	for i, s := range samples() {
		b, err := msgpack.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		stream := msgpack.NewDecoder(bytes.NewReader(append(b, b...)))
		for range 2 {
			var back sample
			if err := stream.Decode(&back); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
			if diff := cmp.Diff(s, &back); diff != "" {
				t.Errorf("%d: %s", i, diff)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	nested := strings.Repeat("91", 40)
	for _, tt := range []struct {
		name, hex string
		want      error
	}{
		{"nothing", "", codec.ErrTruncated},
		{"no map", "01", codec.ErrType},
		{"trailing", "8001", codec.ErrTrailing},
		{"truncated string", "81a474657874a5", codec.ErrTruncated},
		{"truncated long string", "81a474657874dbffffffff", codec.ErrTruncated},
		{"string for a number", "81a36936 34a161", codec.ErrType},
		{"300 into an int8", "81a26938cd012c", codec.ErrRange},
		{"-129 into an int8", "81a26938d1ff7f", codec.ErrRange},
		{"-1 into a uint64", "81a3753634ff", codec.ErrRange},
		{"70000 into a uint16", "81a3753136ce00011170", codec.ErrRange},
		{"2^63 into an int64", "81a3693634cf8000000000000000", codec.ErrRange},
		{"0.1 into a float32", "81a3663332cb3fb999999999999a", codec.ErrRange},
		{"2^53+1 into a float64", "81a3663634cf0020000000000001", codec.ErrRange},
		{"invalid UTF-8", "81a474657874a1ff", codec.ErrInvalidUTF8},
		{"invalid UTF-8 in a key", "81a1ff01", codec.ErrInvalidUTF8},
		{"invalid UTF-8 in what is skipped", "81a178a1ff", codec.ErrInvalidUTF8},
		{"a huge array", "81a474616773ddffffffff", codec.ErrCount},
		{"a huge map", "81a6636f756e7473dfffffffff", codec.ErrCount},
		{"a huge struct", "dfffffffff", codec.ErrCount},
		{"a known field twice", "82a474657874a0a474657874a0", codec.ErrDuplicateKey},
		{"a known field twice, in two forms", "82a474657874a0d90474657874a0", codec.ErrDuplicateKey},
		{"a name that is cut off", "81d904746578", codec.ErrTruncated},
		{"an unknown field twice", "82a17801a17801", codec.ErrDuplicateKey},
		{"a field over 63 twice", "82a46465657080a46465657080", codec.ErrDuplicateKey},
		{"a map's key twice", "81a6636f756e747382a16101a16101", codec.ErrDuplicateKey},
		{"a skipped map's key twice", "81a17882a16101a16101", codec.ErrDuplicateKey},
		{"a map in place of a key", "8181a1610101", codec.ErrType},
		{"unused code", "81a178c1", codec.ErrType},
		{"too deep in what is skipped", "81a178" + nested + "00", codec.ErrTooDeep},
		{"nil for a string", "81a474657874c0", codec.ErrType},
		{"another extension", "81a26174d60100000000", codec.ErrType},
		{"a time with too many nanoseconds", "81a26174d7ffffffffff00000000", codec.ErrType},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(tt.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		err = s.UnmarshalMsgpack(b)
		var de *codec.DecodeError
		if !errors.Is(err, tt.want) || !errors.As(err, &de) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	var s sample
	if err := s.UnmarshalMsgpack(make([]byte, codec.MaxSize+1)); !errors.Is(err, codec.ErrTooLarge) {
		t.Errorf("a large message: %v", err)
	}
}

func TestLenient(t *testing.T) {
	for _, tt := range []struct{ name, hex string }{
		{"an unknown field of each shape", "88a16101a16293c0c2c3a163d6ff00000000a164c7010205a165c403000000a166d90161a16781a16101a168cb3ff0000000000000"},
		{"nil containers", "84a474616773c0a6636f756e7473c0a464617461c0a46e6f7465c0"},
		{"wide forms of small numbers", "82a26938d3ffffffffffffffffa3753634d001"},
		{"whole floats as integers", "82a366363402a3663332fe"},
	} {
		b, _ := hex.DecodeString(tt.hex)
		var s sample
		if err := s.UnmarshalMsgpack(b); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	for name, s := range map[string]*sample{"text": {Text: "\xff"}, "tag": {Tags: []string{"\xff"}}, "key": {Counts: map[string]int64{"\xff": 1}}} {
		if _, err := s.AppendMsgpack(nil); !errors.Is(err, codec.ErrInvalidUTF8) {
			t.Errorf("%s: %v", name, err)
		}
	}
	loop := &sample{}
	loop.Next = loop
	if _, err := loop.AppendMsgpack(nil); !errors.Is(err, codec.ErrTooDeep) {
		t.Errorf("a loop: %v", err)
	}
}

func TestHostileStreams(t *testing.T) {
	for name, b := range map[string][]byte{
		"a huge array":  {0xdd, 0xff, 0xff, 0xff, 0xff},
		"deep nesting":  bytes.Repeat([]byte{0x91}, 20<<20),
		"a huge string": {0xdb, 0xff, 0xff, 0xff, 0xff},
		"endless":       bytes.Repeat([]byte{0x92, 0x01}, 1<<20),
	} {
		var s sample
		if err := msgpack.NewDecoder(bytes.NewReader(b)).Decode(&s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAllocations(t *testing.T) {
	s := samples()[1]
	s.Counts, s.Deep = nil, nil // sorting keys allocates
	buf := make([]byte, 0, 4096)
	if a := testing.AllocsPerRun(100, func() { buf, _ = s.AppendMsgpack(buf[:0]) }); a != 0 {
		t.Errorf("encoding allocates %v times", a)
	}
}

// FuzzDecode compares with msgpack/v5 both ways: what is accepted here means
// the same there, and what is written here is what it would write.
func FuzzDecode(f *testing.F) {
	for _, s := range samples()[:2] {
		f.Add(reference(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s sample
		if s.UnmarshalMsgpack(b) != nil {
			return
		}
		out, err := s.AppendMsgpack(nil)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if want := reference(t, &s); !bytes.Equal(out, want) {
			t.Errorf("wrote %x\nwant  %x", out, want)
		}
		var p plain
		if err := msgpack.Unmarshal(out, &p); err != nil {
			t.Fatalf("the library refuses what was written: %v", err)
		}
		var again sample
		if err := again.UnmarshalMsgpack(out); err != nil {
			t.Fatal(err)
		}
		if second, _ := again.AppendMsgpack(nil); !bytes.Equal(out, second) {
			t.Errorf("not stable: %x then %x", out, second)
		}
		p.At = p.At.UTC()
		theirs, _ := (*sample)(&p).AppendMsgpack(nil)
		if !reflect.DeepEqual(out, theirs) {
			t.Errorf("the library reads %x differently", out)
		}
	})
}
