package convert_test

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/xsgen/xsgen/runtime/convert"
)

func TestNilStaysNil(t *testing.T) {
	if convert.Ptr(nil, strconv.Itoa) != nil || convert.Slice(nil, strconv.Itoa) != nil || convert.Map(nil, strconv.Itoa) != nil {
		t.Error("nothing became something")
	}
	if s := convert.Slice([]int{}, strconv.Itoa); s == nil || len(s) != 0 {
		t.Errorf("an empty slice became %#v", s)
	}
	if m := convert.Map(map[string]int{}, strconv.Itoa); m == nil || len(m) != 0 {
		t.Errorf("an empty map became %#v", m)
	}
}

func TestValues(t *testing.T) {
	one := 1
	if p := convert.Ptr(&one, strconv.Itoa); *p != "1" {
		t.Errorf("got %q", *p)
	}
	if got := convert.Slice([]int{1, 2}, strconv.Itoa); !reflect.DeepEqual(got, []string{"1", "2"}) {
		t.Errorf("got %q", got)
	}
	if got := convert.Map(map[string]int{"a": 1}, strconv.Itoa); !reflect.DeepEqual(got, map[string]string{"a": "1"}) {
		t.Errorf("got %q", got)
	}
}
