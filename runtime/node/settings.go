package node

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// settings are the values of a transport's settings, and the errors of all variables that
// are missing.
func (n *Node) settings(t *TransportPlan) (map[string]string, []error) {
	values := map[string]string{}
	var errs []error
	for _, s := range t.Settings {
		var text strings.Builder
		temporary := false
		for _, p := range s.Parts {
			part, ok := n.part(p)
			if !ok {
				errs = append(errs, &VariableError{p.Variable, t.Name, s.Key})
			}
			temporary = temporary || p.Temporary
			text.WriteString(part)
		}
		if temporary {
			text.WriteString(user())
		}
		values[s.Key] = text.String()
	}
	return values, errs
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
func (n *Node) opener(t *TransportPlan) (Opener, error) {
	if open := n.config.Transports[t.Name]; open != nil {
		return open, nil
	}
	if t.Open == nil {
		return nil, &MissingError{fmt.Sprintf("Config.Transports[%q]", t.Name)}
	}
	return t.Open, nil
}
