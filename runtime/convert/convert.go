// Package convert carries values over from the types of one generated package to
// equal ones of another. Nothing of the old value is shared that holds converted
// parts; what needs no conversion is.
package convert

// Ptr converts what p points to; nil stays nil.
func Ptr[T, U any](p *T, f func(T) U) *U {
	if p == nil {
		return nil
	}
	u := f(*p)
	return &u
}

// Slice converts the elements of s; nil stays nil.
func Slice[T, U any](s []T, f func(T) U) []U {
	if s == nil {
		return nil
	}
	out := make([]U, len(s))
	for i, v := range s {
		out[i] = f(v)
	}
	return out
}

// Map converts the values of m; nil stays nil.
func Map[T, U any](m map[string]T, f func(T) U) map[string]U {
	if m == nil {
		return nil
	}
	out := make(map[string]U, len(m))
	for k, v := range m {
		out[k] = f(v)
	}
	return out
}
