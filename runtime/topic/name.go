package topic

import (
	"errors"
	"fmt"
	"strings"
)

// MaxLength is the most bytes a name or a pattern can have: AMQP's limit for a
// routing key.
const MaxLength = 255

// Sentinels that every error of this package wraps one of.
var (
	ErrInvalidName    = errors.New("topic: invalid name")
	ErrInvalidPattern = errors.New("topic: invalid pattern")
	ErrInvalidKey     = errors.New("topic: invalid key")
	ErrTooLong        = errors.New("topic: too long")
)

// Name is a topic. A Name that did not come from Parse, a constant of generated
// code or a Family may be invalid; Parse tells.
type Name string

// Parse checks s and returns it as a Name. Its errors wrap ErrInvalidName or
// ErrTooLong.
func Parse(s string) (Name, error) {
	if len(s) > MaxLength {
		return "", fmt.Errorf("%w: a name of %d bytes, the most is %d", ErrTooLong, len(s), MaxLength)
	}
	rest := s
	for {
		seg, tail, more := strings.Cut(rest, ".")
		if err := checkSegment(seg); err != nil {
			return "", fmt.Errorf("%w %q: %w", ErrInvalidName, s, err)
		}
		if !more {
			return Name(s), nil
		}
		rest = tail
	}
}

// MustParse is Parse for names that are known to be valid; it panics on others.
func MustParse(s string) Name {
	n, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return n
}

var (
	errEmptySegment = errors.New("an empty segment")
	errBadByte      = errors.New("a segment has letters, digits, `_`, `-` and the escapes %XX of other bytes")
)

func checkSegment(seg string) error {
	if seg == "" {
		return errEmptySegment
	}
	for i := 0; i < len(seg); i++ {
		switch c := seg[i]; {
		case plain(c):
		case c == '%':
			b, ok := unhex(seg[i+1:])
			if !ok || plain(b) {
				return errBadByte
			}
			i += 2
		default:
			return errBadByte
		}
	}
	return nil
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

const upperHex = "0123456789ABCDEF"

// unhex reads the two upper-case digits that s begins with.
func unhex(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	hi, lo := strings.IndexByte(upperHex, s[0]), strings.IndexByte(upperHex, s[1])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}
