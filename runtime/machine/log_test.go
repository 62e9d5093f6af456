package machine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// TestErrorsNobodyWaitsFor posts an event whose action fails: nobody is told but the
// log, unless there is an observer.
func TestErrorsNobodyWaitsFor(t *testing.T) {
	fails := function(func(context.Context, *program) error { return errors.New("lost?") })
	for _, observed := range []bool{false, true} {
		var out bytes.Buffer
		opts := []Option{WithLogger(slog.New(slog.NewTextHandler(&out, nil)))}
		if observed {
			opts = append(opts, WithObserver(NopObserver{}))
		}
		p := newProgram(t, opts...)
		if err := p.core.Post(t.Context(), evDo, fails); err != nil {
			t.Fatal(err)
		}
		if logged := strings.Contains(out.String(), "lost?"); logged == observed {
			t.Errorf("with an observer %v: the log has %q", observed, out.String())
		}
	}
}
