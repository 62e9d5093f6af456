//go:build race

package golang

// The interpreter is some ten times slower under the race detector, and has nothing
// for it to find.
const standardCharts, standardEvents = 40, 4_000
