package model

import "slices"

// Answer says what a transport makes of a key of a profile.
type Answer int

// The answers.
const (
	Honoured      Answer = iota
	NotApplicable        // it has no meaning there, and nothing is lost
	Refused              // it would promise what does not happen: an error
	BlockRefuses         // of overflow: honoured, but for block, with which the publisher is told as with error
)

func (a Answer) String() string {
	return [...]string{"honoured", "not applicable", "refused", "honoured; `block` as `error`"}[a]
}

// TransportKind is what is known of a transport before it runs. It is registered by
// being listed in TransportKinds.
type TransportKind struct {
	Name      string
	Available bool // this version can run it
	// Package is, below runtime/transport, the package that opens it between processes;
	// empty if none is built in: then a node's configuration must say how it is opened.
	Package string
	// Serves are the locations whose two ends it can join.
	Serves   []Location
	Settings []SettingKind
	// NameLimit is the most bytes of a name that it carries: a topic's or a queue's. 0
	// is none of its own.
	NameLimit int
	// PathLimit is the most bytes of the path of a socket in its `dir`; 0 if it has none.
	PathLimit int
	// Listens says that ends on two hosts find each other at their nodes' `listen`.
	Listens bool
	// Answers are what it makes of each of Rows.
	Answers map[string]Answer
}

// SettingKind is a setting that a transport has.
type SettingKind struct {
	Name     string // with a dot: of a key in a mapping
	Required bool
	Meaning  string
	// Default is used if the setting is not written. `{topology}` in it is the
	// topology's name, and `{run}`, at its beginning, the user's directory of a session, or
	// the system's one for temporary files.
	Default string
}

var (
	directory = SettingKind{Name: "dir", Default: "{run}/{topology}", Meaning: "the directory of its sockets; one that the topology puts in the system's temporary directory gets the user's id"}
	users     = SettingKind{Name: "allow.users", Meaning: "other users whose processes take part, a list of names or numbers"}
	group     = SettingKind{Name: "allow.group", Meaning: "a group whose members' processes take part, by name or number"}
	prefix    = SettingKind{Name: "prefix", Default: "{topology}", Meaning: "what its names on the server begin with"}
)

// TransportKinds are all transports that topologies can name.
var TransportKinds = []*TransportKind{
	{
		Name: "direct", Available: true, Serves: []Location{SameThread},
		Answers: answers(Refused, nil),
	},
	{
		Name: "memory", Available: true, Serves: []Location{SameThread, SameProcess},
		Answers: answers(Honoured, map[string]Answer{
			"durable": NotApplicable, DurableRequired: Refused, "ack": NotApplicable, "confirm": NotApplicable, "sensitive": NotApplicable}),
	},
	{
		Name: "unix", Available: true, Package: "unix", Serves: []Location{SameMachine},
		Settings: []SettingKind{directory, users, group,
			{Name: "spin", Default: "0s", Meaning: "how long a connection looks for what comes before it sleeps: a hop is faster, and a processor busy"}},
		PathLimit: 107,
		Answers:   answers(Honoured, map[string]Answer{"durable": NotApplicable, DurableRequired: Refused}),
	},
	{
		Name: "zeromq", Available: true, Package: "zeromq", Serves: []Location{SameMachine, Remote},
		Settings: []SettingKind{directory, users, group}, PathLimit: 107, Listens: true,
		Answers: answers(Honoured, map[string]Answer{"durable": NotApplicable, DurableRequired: Refused}),
	},
	{
		Name: "amqp", Available: true, Serves: []Location{SameMachine, Remote},
		Settings: []SettingKind{
			{Name: "url", Default: "amqp://guest:guest@localhost:5672/", Meaning: "the server's address, or several, separated by commas"}, prefix,
			{Name: "insecure", Default: "false", Meaning: "`true` allows a server on another machine without encryption"},
			{Name: "passive", Default: "false", Meaning: "`true` declares nothing: others see to exchanges and queues, as wire.md says"}},
		Package: "amqp", NameLimit: 255,
		Answers: answers(Honoured, map[string]Answer{"overflow": BlockRefuses, OverflowDropNewest: Refused}),
	},
	{
		Name: "redis", Serves: []Location{SameMachine, Remote},
		Settings: []SettingKind{
			{Name: "url", Default: "redis://localhost:6379/", Meaning: "the server's address"}, prefix},
		Answers: answers(Honoured, nil),
	},
}

// answers are one for all rows, but for some.
func answers(most Answer, others map[string]Answer) map[string]Answer {
	out := map[string]Answer{}
	for _, k := range Rows() {
		out[k] = most
	}
	for k, a := range others {
		out[k] = a
	}
	return out
}

// defaultTransports serve the locations that a topology says nothing of.
var defaultTransports = [Locations]string{"direct", "memory", "zeromq", "amqp"}

// TransportNamed returns the transport with the given name, or nil.
func TransportNamed(name string) *TransportKind {
	for _, k := range TransportKinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Direct reports whether there is no queue: events are handled within their publish.
func (k *TransportKind) Direct() bool { return k.CanServe(SameThread) && !k.CanServe(SameProcess) }

// CanServe reports whether the transport can join ends at a location.
func (k *TransportKind) CanServe(l Location) bool { return slices.Contains(k.Serves, l) }
