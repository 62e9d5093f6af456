package fields

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/codec"
)

// TestMsgpackByValue gives msgpack/v5 generated types wherever a value may be: it
// writes what it is expected to write for a pointer, and reads it again.
func TestMsgpackByValue(t *testing.T) {
	line := Line{From: Point{X: 1}, To: &Point{Y: 2}, Name: "l", Style: ColourRed}
	want, err := line.AppendMsgpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{line, &line, any(line)} {
		if got, err := msgpack.Marshal(v); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%T: %x, %v, want %x", v, got, err, want)
		}
	}
	type holder struct {
		Value   Line
		Pointer *Line
		None    *Line
		Map     map[string]Line
		Slice   []Line
		Any     any
		Style   Colour
	}
	h := holder{Value: line, Pointer: &line, Map: map[string]Line{"k": line}, Slice: []Line{line}, Style: "mauve"}
	for _, v := range []any{h, &h} {
		data, err := msgpack.Marshal(v)
		if err != nil || bytes.Count(data, want) != 4 {
			t.Errorf("%x, %v", data, err)
		}
		var back holder
		if err := msgpack.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, h) {
			t.Errorf("%+v was read as %+v, %v", h, back, err)
		}
	}
	if data, err := msgpack.Marshal((*Line)(nil)); err != nil || !bytes.Equal(data, []byte{0xc0}) {
		t.Errorf("nil: %x, %v", data, err)
	}
	if _, err := msgpack.Marshal(Line{Name: "\xff"}); !errors.Is(err, codec.ErrInvalidUTF8) {
		t.Errorf("a text that is not UTF-8: %v", err)
	}
}

// TestMemoryOfAMessage reads lists in whose elements nothing is set, each one byte.
func TestMemoryOfAMessage(t *testing.T) {
	list := func(field, element string, n int) []byte {
		b := append([]byte{0x81, 0xa0 | byte(len(field))}, field...)
		b = append(b, 0xdd, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		return append(b, strings.Repeat(element, n)...)
	}
	var tree Tree
	if err := tree.UnmarshalMsgpack(list("children", "\x80", 20_000)); err != nil || len(tree.Children) != 20_000 {
		t.Errorf("within the memory that every message may have: %d trees, %v", len(tree.Children), err)
	}
	var de *codec.DecodeError
	maps := list("maps", "\x81\xa0\x00", 1<<18) // each has room for eight
	if err := new(Containers).UnmarshalMsgpack(maps); !errors.As(err, &de) || !errors.Is(err, codec.ErrMemory) || de.Field != "maps" {
		t.Errorf("maps: %v", err)
	}
}
