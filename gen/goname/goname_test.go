package goname

import (
	"go/token"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ in, exported, unexported, pkg, expr string }{
		{"order_id", "OrderID", "orderID", "orderid", "order_id"},
		{"http-server", "HTTPServer", "httpServer", "httpserver", "http_server"},
		{"placed.awaiting", "PlacedAwaiting", "placedAwaiting", "placedawaiting", "placed.awaiting"},
		{"type", "Type", "type_", "typemachine", "type_"},
		{"2nd", "X2nd", "x2nd", "x2nd", "_2nd"},
		{"camelCase", "CamelCase", "camelCase", "camelcase", "camelCase"},
		{"a1_2", "A1_2", "a1_2", "a12", "a1_2"},
		{"ids", "IDs", "ids", "ids", "ids"},
		{"string", "String", "string_", "stringmachine", "string"},
		{"main", "Main", "main", "mainmachine", "main"},
		{"vendor", "Vendor", "vendor", "vendormachine", "vendor"},
		{"com-1", "Com1", "com1", "com1machine", "com_1"},
		{"__", "", "", "", "__"},
	} {
		if got := Exported(c.in); got != c.exported {
			t.Errorf("Exported(%q) = %q, want %q", c.in, got, c.exported)
		}
		if got := Unexported(c.in); got != c.unexported {
			t.Errorf("Unexported(%q) = %q, want %q", c.in, got, c.unexported)
		}
		if got := Package(c.in); got != c.pkg {
			t.Errorf("Package(%q) = %q, want %q", c.in, got, c.pkg)
		}
		if got := Expr(c.in); got != c.expr {
			t.Errorf("Expr(%q) = %q, want %q", c.in, got, c.expr)
		}
	}
}

func FuzzExported(f *testing.F) {
	for _, s := range []string{"order_id", "", "-", "1", "a..b", "über", "x\x00y", "*/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id := Exported(s); id != "" && (!token.IsIdentifier(id) || !token.IsExported(id)) {
			t.Errorf("Exported(%q) = %q, which is no exported identifier", s, id)
		}
		if id := Unexported(s); id != "" && (!token.IsIdentifier(id) || token.IsExported(id)) {
			t.Errorf("Unexported(%q) = %q, which is no unexported identifier", s, id)
		}
		if p := Package(s); p != "" && !IsPackage(p) {
			t.Errorf("Package(%q) = %q, which is no package name", s, p)
		}
	})
}
