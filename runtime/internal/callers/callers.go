// Package callers looks at the stack of the calling goroutine: for those that must not
// wait for themselves, and that note nothing on the way of an event for it.
package callers

import "runtime"

// Any reports whether the name of a function among the callers of its caller matches.
func Any(match func(name string) bool) bool {
	pcs := make([]uintptr, 256)
	for skip := 3; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var f runtime.Frame
			if f, more = frames.Next(); match(f.Function) {
				return true
			}
		}
	}
}
