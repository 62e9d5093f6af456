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
	c := transport.Config{
		Topology: n.plan.Topology, Node: n.plan.Node, Replica: n.replica, Settings: map[string]string{}, Queues: t.Queues,
		OnError: func(err error) { n.fail(fmt.Errorf("node: the transport %s: %w", t.Name, err)) },
	}
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
	given := -1 // where the text begins that the environment gives
	for _, p := range s.Parts {
		part, fromEnv, ok := n.part(p)
		if !ok {
			errs = append(errs, &VariableError{p.Variable, name, s.Key})
		}
		if fromEnv && given < 0 {
			given = text.Len()
		}
		text.WriteString(part)
	}
	if given < 0 {
		given = text.Len()
	}
	if s.Key == "dir" {
		return perUser(text.String(), given), errs
	}
	return text.String(), errs
}

// part is the text of a part, and whether a variable gives it; not ok if that is missing.
func (n *Node) part(p Part) (text string, fromEnv, ok bool) {
	if p.Variable != "" {
		if v, _ := n.config.Getenv(p.Variable); v != "" {
			return v, true, true
		}
	}
	switch {
	case p.Temporary:
		return strings.TrimSuffix(os.TempDir(), "/"), false, true
	case p.Variable == "":
		return p.Text, false, true
	}
	return p.Default, false, p.HasDefault
}

// perUser is a directory with the user's id, if it is the topology that puts it below the
// system's directory for temporary files: two users who run one topology must not need each
// other's. What comes from the environment, the text from given on, is taken as it is. The id
// is in the name right below that directory, whose owner decides who gets further.
func perUser(dir string, given int) string {
	for _, tmp := range []string{strings.TrimSuffix(os.TempDir(), "/"), "/tmp"} {
		rest, below := strings.CutPrefix(dir, tmp+"/")
		if !below || given < len(tmp) {
			continue
		}
		if rest = strings.TrimLeft(rest, "/"); rest == "" {
			return dir
		}
		name, further, _ := strings.Cut(rest, "/")
		return strings.TrimSuffix(tmp+"/"+name+user()+"/"+further, "/")
	}
	return dir
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
