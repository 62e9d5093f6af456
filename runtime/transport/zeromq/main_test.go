package zeromq_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roles are what the test binary does instead of testing when it is started as a peer.
var roles = map[string]func(){}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv("XSGEN_ZEROMQ_ROLE")]; role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}
