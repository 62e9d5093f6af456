// Package poison makes uses of what was given back visible, in programs that are built
// with the tag xsgendebug: there, what was given back is overwritten and never used again.
package poison

// fill is a byte that occurs in no MessagePack value and in no UTF-8 text: what is read
// of it is an error.
const fill = 0xc1

// Text takes the place of texts that were given back.
const Text = "used after it was settled"

// Bytes overwrites b.
func Bytes(b []byte) {
	for i := range b {
		b[i] = fill
	}
}
