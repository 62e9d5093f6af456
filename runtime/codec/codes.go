package codec

// Format codes of the MessagePack specification.
const (
	codeFixMap   = 0x80
	codeFixArray = 0x90
	codeFixStr   = 0xa0
	codeNil      = 0xc0
	codeNever    = 0xc1
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin16    = 0xc5
	codeBin32    = 0xc6
	codeExt8     = 0xc7
	codeExt16    = 0xc8
	codeExt32    = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc
	codeUint16   = 0xcd
	codeUint32   = 0xce
	codeUint64   = 0xcf
	codeInt8     = 0xd0
	codeInt16    = 0xd1
	codeInt32    = 0xd2
	codeInt64    = 0xd3
	codeFixExt1  = 0xd4
	codeFixExt4  = 0xd6
	codeFixExt8  = 0xd7
	codeFixExt16 = 0xd8
	codeStr8     = 0xd9
	codeStr16    = 0xda
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeMap16    = 0xde
	codeMap32    = 0xdf

	negFixInt = 0xe0 // and above
	extTime   = 0xff // the timestamp extension, type -1
)

// shape says what follows a format code: size bytes of header or payload that
// are always there, of which the last length bytes are a big-endian count, and
// what that count counts.
type shape struct {
	kind   shapeKind
	length int // bytes of the count
	fixed  int // the count itself, where length is 0
}

type shapeKind int

const (
	payload  shapeKind = iota // count bytes follow
	elements                  // count values follow
	pairs                     // count pairs of values follow
	invalid
)

// shapeOf is the shape of a value that begins with code.
func shapeOf(code byte) shape {
	switch {
	case code < codeFixMap || code >= negFixInt:
		return shape{}
	case code < codeFixArray:
		return shape{kind: pairs, fixed: int(code & 15)}
	case code < codeFixStr:
		return shape{kind: elements, fixed: int(code & 15)}
	case code < codeNil:
		return shape{fixed: int(code & 31)}
	}
	return shapes[code-codeNil]
}

// shapes are those of the codes from codeNil to codeMap32.
var shapes = [...]shape{
	{}, {kind: invalid}, {}, {}, // nil, never used, false, true
	{length: 1}, {length: 2}, {length: 4}, // bin
	{length: 1, fixed: 1}, {length: 2, fixed: 1}, {length: 4, fixed: 1}, // ext: and one byte of type
	{fixed: 4}, {fixed: 8}, // float
	{fixed: 1}, {fixed: 2}, {fixed: 4}, {fixed: 8}, // uint
	{fixed: 1}, {fixed: 2}, {fixed: 4}, {fixed: 8}, // int
	{fixed: 2}, {fixed: 3}, {fixed: 5}, {fixed: 9}, {fixed: 17}, // fixext, with its type
	{length: 1}, {length: 2}, {length: 4}, // str
	{kind: elements, length: 2}, {kind: elements, length: 4},
	{kind: pairs, length: 2}, {kind: pairs, length: 4},
}
