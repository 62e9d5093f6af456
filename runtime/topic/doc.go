// Package topic holds names of topics, families of names that differ in a key,
// patterns over names, and an index of patterns. Every transport, the bus and
// the generator use this one grammar. Only the standard library is imported,
// and nothing that delivers lives here.
//
// A name is up to 255 bytes of segments joined by dots. A segment has letters,
// digits, `_` and `-`; any other byte of a key is written %XX in upper case.
//
// In a pattern `+` stands for exactly one segment, `#` for any number of them,
// none included, and `*` for exactly one, except as the last segment, where it
// stands for one or more.
package topic
