package node

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/xsgen/xsgen/runtime/transport"
)

// transportConfig is what a transport is opened with, and the errors of all variables that
// are missing.
func (n *Node) transportConfig(t *TransportPlan) (transport.Config, []error) {
	c := transport.Config{Topology: n.plan.Topology, Node: n.plan.Node, Replica: n.replica, Settings: map[string]string{}, Queues: t.Queues}
	var errs []error
	value := func(s *Setting) string {
		if s == nil {
			return ""
		}
		v, missing := n.value(t.Name, s)
		errs = append(errs, missing...)
		return v
	}
	for i := range t.Settings {
		c.Settings[t.Settings[i].Key] = value(&t.Settings[i])
	}
	c.Listen = value(t.Listen)
	for _, p := range t.Peers {
		c.Peers = append(c.Peers, transport.Peer{Node: p.Node, Replicas: p.Replicas, Address: value(p.Address)})
	}
	return c, errs
}

// value is the value of a setting, and the errors of all variables that are missing.
func (n *Node) value(name string, s *Setting) (string, []error) {
	var errs []error
	var text strings.Builder
	temporary := false
	for _, p := range s.Parts {
		part, ok := n.part(p)
		if !ok {
			errs = append(errs, &VariableError{p.Variable, name, s.Key})
		}
		temporary = temporary || p.Temporary
		text.WriteString(part)
	}
	if temporary {
		text.WriteString(user())
	}
	return text.String(), errs
}

// part is the text of a part; false if its variable is missing.
func (n *Node) part(p Part) (string, bool) {
	switch {
	case p.Temporary:
		return strings.TrimSuffix(os.TempDir(), "/"), true
	case p.Variable == "":
		return p.Text, true
	}
	v, _ := n.config.Getenv(p.Variable)
	if v == "" {
		return p.Default, p.HasDefault
	}
	return v, true
}

// user tells the directories of users apart that lie in the one for everybody.
func user() string {
	if id := os.Getuid(); id >= 0 {
		return "-" + strconv.Itoa(id)
	}
	return "" // Windows: each user has a directory
}

// opener is how a transport is opened, or an error that says what is missing.
func (n *Node) opener(t *TransportPlan) (transport.Opener, error) {
	if open := n.config.Transports[t.Name]; open != nil {
		return open, nil
	}
	if t.Open == nil {
		return nil, &MissingError{fmt.Sprintf("Config.Transports[%q]", t.Name)}
	}
	return t.Open, nil
}
