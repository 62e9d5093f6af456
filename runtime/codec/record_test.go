package codec_test

import (
	"testing"

	"github.com/xsgen/xsgen/runtime/codec"
)

// TestFieldsInAnyOrder reads names in every order and form that a writer may use.
func TestFieldsInAnyOrder(t *testing.T) {
	const long = "\xd9\x28a-name-of-forty-bytes-needs-a-second-one"
	type fields struct {
		Long, Short, Next string
	}
	for _, tt := range []struct {
		name, msg string
		want      fields
	}{
		{"as declared", "\x82" + long + "\xa1a\xa5short\xa1b", fields{"a", "b", ""}},
		{"reversed", "\x82\xa5short\xa1b" + long + "\xa1a", fields{"a", "b", ""}},
		{"wide names", "\x82\xda\x00\x28" + long[2:] + "\xa1a\xd9\x05short\xa1b", fields{"a", "b", ""}},
		{"the widest, reversed", "\x82\xdb\x00\x00\x00\x05short\xa1b\xdb\x00\x00\x00\x28" + long[2:] + "\xa1a", fields{"a", "b", ""}},
		{"unknown ones between", "\x84\xa1x\x01\xd9\x01y\x01\xa5short\xa1b\xd9\x01z\x01", fields{"", "b", ""}},
		{"nobody takes what follows", "\x81" + long + "\xa1a\xa5short", fields{"a", "", "short"}},
		{"nor after the last", "\x80\xa5short", fields{"", "", "short"}},
	} {
		var got fields
		r := codec.NewReader([]byte(tt.msg))
		for f := r.Record(); f.Pass(&r); {
			if f.At(&r, long) && f.Take(&r, 1<<0) {
				got.Long = r.String()
			}
			if f.At(&r, "\xa5short") && f.Take(&r, 1<<1) {
				got.Short = r.String()
			}
		}
		if tt.want.Next != "" {
			got.Next = r.String()
		}
		if err := r.Finish(); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}
