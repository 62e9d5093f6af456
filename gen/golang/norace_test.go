//go:build !race

package golang

const standardCharts, standardEvents = 200, 100_000
