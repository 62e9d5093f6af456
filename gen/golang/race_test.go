//go:build race

package golang

// The interpreter is some ten times slower under the race detector, and has nothing
// for it to find.
const standardEvents = 20_000
