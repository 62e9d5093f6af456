package golang

import (
	"fmt"
	"strings"
)

// script is a random script of n events: what is sent, and time that passes.
func (c *randomChart) script(n int) string {
	var b strings.Builder
	b.WriteString("start\n")
	for n > 0 {
		switch p := c.IntN(100); {
		case p < 8 && len(c.guards) > 0:
			name, result := oneOf(c, c.guards), oneOf(c, []string{"true", "true", "false", "false", "panic"})
			if name == "ga" && result == "panic" {
				result = "true"
			}
			fmt.Fprintf(&b, "guard %s %s\n", name, result)
		case p < 14 && len(c.actions) > 0:
			name := oneOf(c, c.actions)
			how := oneOf(c, []string{" broken", " panic", "", ""})
			fmt.Fprintf(&b, "fail %s%s\n", name, how)
			if how != "" {
				c.oneEvent(&b)
				fmt.Fprintf(&b, "fail %s\n", name)
				n--
			}
		case p < 24:
			fmt.Fprintf(&b, "advance %s\n", oneOf(c, []string{"500ms", "1s", "2s", "3s", "10s"}))
			n--
		default:
			c.oneEvent(&b)
			n--
		}
	}
	return b.String()
}

func (c *randomChart) oneEvent(b *strings.Builder) {
	switch name := oneOf(c, append(randomEvents[:randomExternal:randomExternal], "e0", "e1", "e2", "x")); {
	case c.chance(4):
		b.WriteString("send reset\n")
	case name == "e1":
		fmt.Fprintf(b, "send e1 {\"v\": %d}\n", c.IntN(6))
	default:
		fmt.Fprintf(b, "send %s\n", name)
	}
}
