//go:build !xsgendebug

package poison

// On is set by the build tag xsgendebug. It is a constant: what depends on it is not
// compiled into other programs.
const On = false
