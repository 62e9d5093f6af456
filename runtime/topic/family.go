package topic

import (
	"fmt"
	"strings"
)

// EscapeKey returns key as one segment. An empty key, or one that leaves no
// room in a name, is an error that wraps ErrInvalidKey or ErrTooLong.
func EscapeKey(key string) (string, error) {
	if key == "" {
		return "", fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	n := len(key)
	for i := range len(key) {
		if !plain(key[i]) {
			n += 2
		}
	}
	if n > MaxLength {
		return "", fmt.Errorf("%w: a key of %d bytes once escaped, the most is %d", ErrTooLong, n, MaxLength)
	}
	if n == len(key) {
		return key, nil
	}
	b := make([]byte, 0, n)
	for i := range len(key) {
		if c := key[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b), nil
}

// UnescapeKey returns the key that EscapeKey made segment of.
func UnescapeKey(segment string) (string, error) {
	if err := checkSegment(segment); err != nil {
		return "", fmt.Errorf("%w %q: %w", ErrInvalidKey, segment, err)
	}
	if strings.IndexByte(segment, '%') < 0 {
		return segment, nil
	}
	b := make([]byte, 0, len(segment))
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c == '%' {
			c, _ = unhex(segment[i+1:])
			i += 2
		}
		b = append(b, c)
	}
	return string(b), nil
}

// Family is the topics of a keyed machine that differ in the key only, such as
// state.order.<key>.closed. The zero Family is invalid. A Family is immutable,
// comparable, and safe for concurrent use.
type Family struct {
	prefix, suffix string // "state.order." and ".closed"
}

// NewFamily makes the family of prefix, a key, and suffix; both are names of
// one or more segments.
func NewFamily(prefix, suffix Name) (Family, error) {
	for _, n := range []Name{prefix, suffix} {
		if _, err := Parse(string(n)); err != nil {
			return Family{}, err
		}
	}
	f := Family{string(prefix) + ".", "." + string(suffix)}
	if len(f.prefix)+1+len(f.suffix) > MaxLength {
		return Family{}, fmt.Errorf("%w: the family %s leaves no room for a key", ErrTooLong, f)
	}
	return f, nil
}

// MustFamily is NewFamily for generated code; it panics on invalid names.
func MustFamily(prefix, suffix Name) Family {
	f, err := NewFamily(prefix, suffix)
	if err != nil {
		panic(err)
	}
	return f
}

// Of is the family's topic for key. Its errors wrap ErrInvalidKey or ErrTooLong.
func (f Family) Of(key string) (Name, error) {
	seg, err := EscapeKey(key)
	if err != nil {
		return "", err
	}
	if n := len(f.prefix) + len(seg) + len(f.suffix); n > MaxLength {
		return "", fmt.Errorf("%w: the topic of key %q has %d bytes, the most is %d", ErrTooLong, key, n, MaxLength)
	}
	return Name(f.prefix + seg + f.suffix), nil
}

// Key returns the key of a topic of the family, and whether n is one.
func (f Family) Key(n Name) (string, bool) {
	s, ok := strings.CutPrefix(string(n), f.prefix)
	if !ok {
		return "", false
	}
	if s, ok = strings.CutSuffix(s, f.suffix); !ok {
		return "", false
	}
	key, err := UnescapeKey(s)
	return key, err == nil
}

// Pattern matches the family's topics for every key.
func (f Family) Pattern() Pattern { return Pattern(f.prefix + "+" + f.suffix) }

// String shows the family for people.
func (f Family) String() string { return f.prefix + "<key>" + f.suffix }
