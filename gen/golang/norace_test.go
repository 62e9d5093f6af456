//go:build !race

package golang

const standardEvents = 100_000
