//go:build xsgendebug

package bus

const debugging = true
