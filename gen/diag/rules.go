package diag

import "slices"

// Rules of the file's shape, found while it is read (package spec).
var (
	Syntax         = rule("XS0001", "yaml-syntax", Error, "The file is not well-formed YAML, or not UTF-8.")
	TooLarge       = rule("XS0002", "spec-too-large", Error, "The file is larger than a spec may be (1 MiB).")
	TooDeep        = rule("XS0003", "nesting-too-deep", Error, "The file is nested deeper than a spec may be (100 levels).")
	SeveralDocs    = rule("XS0004", "several-documents", Error, "A file holds one YAML document; whatever follows it would silently be ignored.")
	Alias          = rule("XS0005", "yaml-alias", Error, "Anchors, aliases and merge keys are refused: what a reader sees is what is meant.")
	Tag            = rule("XS0006", "yaml-tag", Error, "Explicit YAML tags are refused: the spec's keys say what type a value has.")
	UnknownKey     = rule("XS0010", "unknown-key", Error, "A key that nothing reads is a misspelling or a misunderstanding.")
	DuplicateKey   = rule("XS0011", "duplicate-key", Error, "A mapping gives the same key twice; one of them would be lost.")
	MissingKey     = rule("XS0012", "missing-key", Error, "A required key is absent.")
	WrongShape     = rule("XS0013", "wrong-shape", Error, "A value is a scalar, a list or a mapping where another is wanted.")
	NotAString     = rule("XS0014", "name-not-a-string", Error, "YAML reads the name as a boolean, a number or null; it must be quoted.")
	Version        = rule("XS0015", "unsupported-version", Error, "The spec's version is not one that this xsgen reads.")
	BadValue       = rule("XS0016", "bad-value", Error, "A key's value is not one of those it can have.")
	KeyConflict    = rule("XS0017", "conflicting-keys", Error, "Keys that exclude each other, or that belong to different forms, stand side by side.")
	UnknownVariant = rule("XS0018", "unknown-spec", Error, "The file is neither a machine nor a topology.")
)

// Rules of names and references, found while the model is built (package model).
var (
	BadName        = rule("XS0101", "bad-name", Error, "A name has characters that topics or Go cannot carry, or is reserved.")
	DuplicateName  = rule("XS0102", "duplicate-name", Error, "Two declarations of one namespace have the same name.")
	UnknownType    = rule("XS0103", "unknown-type", Error, "A field's type is neither built in nor declared under types.")
	RecursiveType  = rule("XS0104", "recursive-type", Error, "A type contains itself without an optional, a slice or a map between.")
	BadDefault     = rule("XS0105", "bad-default", Error, "A default is not a value of its field's type.")
	UnknownTarget  = rule("XS0106", "unknown-target", Error, "A target names no state.")
	UnknownEvent   = rule("XS0107", "unknown-event", Error, "An event is used that is not declared.")
	UnknownRole    = rule("XS0108", "unknown-receiver", Error, "A send goes to something that is neither a declared role nor an invocation.")
	UnknownService = rule("XS0109", "unknown-service", Error, "An invocation names a service that is not declared.")
	MissingInitial = rule("XS0110", "missing-initial", Error, "A state with children does not say which of them it starts in.")
	BadInitial     = rule("XS0111", "bad-initial", Error, "An initial or a history default leads outside the state, or twice into one region.")
	StateShape     = rule("XS0112", "state-shape", Error, "A state has keys that its type cannot have.")
	BadDelay       = rule("XS0113", "bad-delay", Error, "A delay is neither a positive duration with a unit nor an expression.")
	BadTargets     = rule("XS0114", "conflicting-targets", Error, "A transition's targets cannot be active together.")
	BadReply       = rule("XS0115", "bad-reply", Error, "A reply is given where no request can be answered.")
	BadInput       = rule("XS0116", "bad-input", Error, "A machine's input does not fit the context that it fills.")
	MissingMachine = rule("XS0117", "missing-machine", Error, "An invocation or a topology names a machine spec that does not exist.")
	MachineCycle   = rule("XS0118", "machine-cycle", Error, "A machine invokes itself, directly or through others: their packages would import each other.")
	BrokenMachine  = rule("XS0119", "broken-machine", Error, "An invoked machine, or one of a topology, has errors of its own.")
	MachineTypes   = rule("XS0120", "machine-mismatch", Error, "What passes between a machine and one that it invokes is not declared alike on both sides.")
)

// Rules of expressions (package expr).
var (
	Expression   = rule("XS0201", "expression", Error, "An expression is not valid or not of the type that is wanted.")
	MissingField = rule("XS0202", "missing-field", Error, "A value that is built leaves a required field out.")
	UnknownField = rule("XS0203", "unknown-field", Error, "A value that is built or assigned names a field that does not exist.")

	PointlessExpression = rule("XS0204", "pointless-expression", Error, "A part of an expression repeats another, or has a foregone result: a mistake, which vet would find in the generated code.")
)

// Rules over the whole machine (package check).
var (
	Unreachable     = rule("XS0301", "unreachable-state", Warning, "No transition and no initial leads into the state.")
	NeverTaken      = rule("XS0302", "transition-never-taken", Warning, "The transition stands after one that is always taken.")
	FinalHasWork    = rule("XS0303", "final-with-transitions", Error, "A final state has transitions, children or invocations; nothing leaves a final state.")
	UnusedEvent     = rule("XS0304", "unused-event", Warning, "An event is declared that no transition takes or no action produces.")
	UnusedType      = rule("XS0305", "unused-type", Warning, "A type is declared that no field has.")
	UnusedService   = rule("XS0306", "unused-service", Warning, "A service is declared that nothing invokes.")
	AlwaysCycle     = rule("XS0307", "always-cycle", Error, "Eventless transitions without guards lead in a circle: the machine would never come to rest.")
	RaiseCycle      = rule("XS0308", "raise-cycle", Error, "Internal events without guards raise each other in a circle: the machine would never come to rest.")
	RegionConflict  = rule("XS0309", "region-conflict", Warning, "Two regions assign one context field in one step; what runs last wins.")
	DeferredLost    = rule("XS0310", "deferred-never-taken", Warning, "A deferred event is taken in no state: it would be kept for ever.")
	NameCollision   = rule("XS0311", "name-collision", Error, "Two names of the spec become one Go identifier, or a name becomes a method that go vet takes for another.")
	UnknownFamily   = rule("XS0312", "pattern-matches-nothing", Warning, "An event pattern matches no declared event.")
	UnusedContext   = rule("XS0313", "unused-context", Warning, "A context field is neither read nor assigned by the spec, and there is no action in Go that could.")
	ReenterNothing  = rule("XS0314", "reenter-without-effect", Warning, "A transition says `reenter: true` and would do the same without it.")
	NotYetSupported = rule("XS0901", "not-yet-supported", Error, "The construct is checked, but this version of xsgen cannot run it and refuses to generate it.")
)

// Rules of the output (packages gen and output).
var (
	OutputClash    = rule("XS0401", "output-clash", Error, "Two specs have one output directory.")
	NoModule       = rule("XS0402", "no-module", Error, "The output directory is in no Go module, so its import path is unknown.")
	ForeignPackage = rule("XS0404", "foreign-package", Error, "The output directory has Go files of another package, beside which the generated one would not build.")
	NotOurs        = rule("XS0403", "not-generated", Error, "A file in the way was not generated by xsgen; it is never overwritten.")
)

// Rules of names and references in topologies, found while the model is built
// (packages model and expr).
var (
	UnknownMachine    = rule("XS0501", "unknown-machine", Error, "A topology names a machine that it does not list.")
	UnknownNode       = rule("XS0502", "unknown-node", Error, "A topology names a node that it does not declare.")
	UnknownHost       = rule("XS0503", "unknown-host", Error, "A node runs on a host that is not declared.")
	UnknownProfile    = rule("XS0504", "unknown-profile", Error, "A profile is named that is neither built in nor declared.")
	UnknownEnd        = rule("XS0505", "unknown-end", Error, "A link begins or ends at something that is not declared.")
	UnknownTransport  = rule("XS0506", "unknown-transport", Error, "A transport or a location is named that does not exist.")
	UnknownBroadcast  = rule("XS0507", "unknown-broadcast", Error, "A link broadcasts something that is not declared.")
	UnknownPart       = rule("XS0508", "unknown-role", Error, "A link names a role to which its machine sends nothing.")
	MachineID         = rule("XS0509", "machine-id-mismatch", Error, "A topology lists a machine under another id than its spec gives it.")
	BadLink           = rule("XS0510", "bad-link", Error, "A link's keys do not go with where it begins, or with what it takes.")
	BadSetting        = rule("XS0511", "bad-setting", Error, "A setting is not one that its owner has, or its value is not well-formed.")
	MisplacedVariable = rule("XS0512", "misplaced-variable", Error, "An environment variable is named where nothing reads it.")
	BadLocation       = rule("XS0513", "bad-location", Error, "A transport cannot serve the location, or the ends of the link.")
	BadProfile        = rule("XS0514", "bad-profile", Error, "A profile has no such key, or its values make no sense.")
	BadPattern        = rule("XS0515", "bad-pattern", Error, "A pattern over topics or states is not well-formed.")
	BadMapping        = rule("XS0516", "bad-mapping", Error, "Fields of one name, which would be passed on, are of types that do not fit.")
)

// Rules over the whole topology (package check).
var (
	RoleNotPlayed     = rule("XS0601", "role-not-played", Error, "A machine sends to a role that no link gives to anybody.")
	EventNotHeard     = rule("XS0602", "event-not-heard", Warning, "A machine emits an event that no link takes and no subscription hears.")
	EventNotSent      = rule("XS0603", "event-not-sent", Warning, "A machine accepts an event that no link and no broadcast brings.")
	TopicNotPublished = rule("XS0604", "topic-matches-nothing", Warning, "A pattern matches nothing that is ever published.")
	DeliveredTwice    = rule("XS0605", "delivered-twice", Error, "Two links bring the same event to the same machine.")
	DirectCycle       = rule("XS0606", "direct-cycle", Error, "Inline links lead in a circle: the machines would call each other without end.")
	BlockingCycle     = rule("XS0607", "blocking-cycle", Warning, "Links that all wait for room lead in a circle: when their queues are full, each waits for the next.")
	StatefulGroup     = rule("XS0608", "stateful-group", Warning, "Members of a group have states, and nothing says which of them an event belongs to.")
	StickyWithoutKey  = rule("XS0609", "sticky-without-key", Error, "A sticky group chooses its member by a key that its link does not give.")
	SeveralProcesses  = rule("XS0610", "several-processes", Error, "A plain link leads to a machine without keys that runs in several processes.")
	StoreNotShared    = rule("XS0611", "store-not-shared", Error, "A keyed machine runs in several processes that have no store in common.")
	TooLong           = rule("XS0612", "too-long", Error, "A name is longer than a transport can carry.")
	ProfileRefused    = rule("XS0613", "profile-refused", Error, "A profile asks a transport for something that it cannot do.")
	NotOnOneNode      = rule("XS0614", "not-on-one-node", Error, "The ends of an inline link do not run in one process.")
	MissingListen     = rule("XS0615", "missing-listen", Error, "A node that others reach over the network has no address for them.")
	MachineWithout    = rule("XS0616", "machine-without-node", Error, "A machine of a topology runs on no node.")
	MissingTargetKey  = rule("XS0617", "missing-key", Error, "A link leads to a keyed machine and gives no key.")
	BroadcastMismatch = rule("XS0618", "broadcast-mismatch", Warning, "A machine has an event of a broadcast's name with other fields, and does not hear it.")
)

var all []*Rule

func rule(code, name string, s Severity, summary string) *Rule {
	r := &Rule{Code: code, Name: name, Severity: s, Summary: summary}
	all = append(all, r)
	return r
}

// Rules lists every rule by code.
func Rules() []*Rule {
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b *Rule) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return out
}
