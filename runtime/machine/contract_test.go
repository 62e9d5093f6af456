package machine_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// TestContract notices changes of what generated code hands over in tables, and of
// what is asked of it at run time: an interface that code from before does not
// implement any more is no compile error there, but a machine without a codec.
func TestContract(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "Version%d\n", Version3)
	for _, v := range []any{
		(*Program)(nil), (*Codec)(nil), (*Publisher)(nil), (*Parent)(nil),
		Chart{}, State{}, Transition{}, Step{}, Delay{}, Invoke{}, Shape{}, Invocation{}, Maker{}, Change{}, Failure{},
	} {
		describe(&b, reflect.TypeOf(v))
	}
	const file = "testdata/contract.txt"
	if os.Getenv("XSGEN_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("generated code finds another runtime than %s says. Where code that was generated before would compile with it and yet do something else,"+
			" give the constant Version%d, and gen/golang's use of it, the next number; then record the contract with XSGEN_UPDATE=1. It is now\n%s", file, Version3, b.String())
	}
}

// describe writes the methods of an interface, or the fields of a struct.
func describe(b *strings.Builder, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	fmt.Fprintf(b, "\n%s\n", t.Name())
	if t.Kind() == reflect.Interface {
		for m := range t.Methods() {
			fmt.Fprintf(b, "\t%s %v\n", m.Name, m.Type)
		}
		return
	}
	for f := range t.Fields() {
		fmt.Fprintf(b, "\t%s %v\n", f.Name, f.Type)
	}
}
