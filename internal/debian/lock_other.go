//go:build !unix

package debian

import "errors"

// lock fails: where it is called there is an apt-get.
func lock(string) (unlock func(), err error) { return nil, errors.ErrUnsupported }
