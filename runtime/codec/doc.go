// Package codec writes and reads the MessagePack form of generated types:
// maps from field names to values, fields in declaration order, map keys
// sorted, integers in their shortest form. Generated code calls the Append
// functions and a [Reader]; neither knows what an event is, and delivery does not
// live here.
//
// Reading is strict: sizes, depth, element counts, the memory that elements need, integer ranges, UTF-8,
// trailing bytes and duplicate keys are checked before anything is allocated
// for them. Unknown fields are skipped and missing ones are zero.
//
// This is the only package that imports msgpack/v5, so that a generated type
// can be encoded and decoded by that library too; see [Encode] and [Decode].
package codec

// Limits of every message.
const (
	MaxSize  = 1 << 20 // bytes, unless a reader is given another limit
	MaxDepth = 32      // nested maps and arrays

	// What slices, maps and optionals of structs take in memory: of FreeMemory a
	// message may have all, and beyond that MaxGrowth times its own size. A struct in
	// which nothing is set is one byte in a message; without this limit a list of
	// them would take a thousand times its size.
	FreeMemory = 1 << 20 // bytes
	MaxGrowth  = 64
)
