//go:build !xsgendebug

package bus

// debugging is set by the build tag xsgendebug: an event whose handler has returned is not
// used again, and panics when it is asked for anything.
const debugging = false
