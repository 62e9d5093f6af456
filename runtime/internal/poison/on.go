//go:build xsgendebug

package poison

// On is set by this build tag.
const On = true
