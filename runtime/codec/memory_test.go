package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xsgen/xsgen/runtime/codec"
)

// wide is a value that takes a byte in a message, and 1 KiB in memory.
type wide [128]int64

// readWide reads values of any form as wide ones: into a list, into a map, or each
// as an optional.
func readWide(b []byte, make func(*codec.Reader, codec.Elements)) error {
	r := codec.NewReader(b)
	a := r.Array()
	make(&r, a)
	for a.Next(&r) {
		r.Skip()
	}
	return r.Finish()
}

func TestMemory(t *testing.T) {
	list := func(n int) []byte {
		return append([]byte{0xdd, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0x80}, n)...)
	}
	for name, build := range map[string]func(*codec.Reader, codec.Elements){
		"a list": func(r *codec.Reader, a codec.Elements) { codec.Make[wide](r, a) },
		"a map":  func(r *codec.Reader, a codec.Elements) { codec.MakeMap[wide](r, a) },
		"optionals": func(r *codec.Reader, a codec.Elements) {
			for range 1 + 3*1024/2 {
				codec.New[wide](r)
			}
		},
	} {
		err := readWide(list(3*1024/2), build)
		var de *codec.DecodeError
		if !errors.As(err, &de) || !errors.Is(err, codec.ErrMemory) {
			t.Errorf("%s of more than 1 MiB: %v", name, err)
		}
	}
	few := func(r *codec.Reader, a codec.Elements) { codec.Make[wide](r, a) }
	if err := readWide(list(codec.FreeMemory/1024), few); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
	// A message may take 64 times its size.
	text := append([]byte{0x92, 0xda, 0xff, 0xff}, bytes.Repeat([]byte{'x'}, 1<<16-1)...)
	more := func(r *codec.Reader, _ codec.Elements) {
		for range codec.MaxGrowth * 64 {
			codec.New[wide](r)
		}
	}
	if err := readWide(append(text, 0), more); err != nil {
		t.Errorf("64 times its size: %v", err)
	}
}
