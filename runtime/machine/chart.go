package machine

// Version3 is the contract between generated code and this package. Generated
// code refers to the constant of the contract that it was made for; one that is
// no longer kept is removed, so that a mismatch does not compile. That is so where
// code from before would do something else with this package: where tables mean
// something else, or where what this package looks for at run time, a Codec, a
// Publisher or a Parent, has changed.
const Version3 = 3

// None stands for "there is none" wherever a table holds an index.
const None = -1

// Kind is the kind of a state.
type Kind uint8

// The kinds of states.
const (
	Atomic Kind = iota
	Compound
	Final
	Parallel
	ShallowHistory
	DeepHistory
)

// Chart is a machine as tables. It is made by the generator and never changed;
// any number of machines share one.
//
// States are numbered in document order, so that a state's descendants are the
// numbers after its own up to Last. Event number 0 stands for "no event": its
// candidates are the eventless transitions. Numbers below len(Transitions) given
// to Take are transitions, the others blocks of actions.
type Chart struct {
	Machine     string
	Strict      bool         // an external event that nothing takes is an error
	Width       int32        // the most leaves that can be active at once
	States      []State      // in document order; the first is the machine itself
	Events      []string     // names by number
	Transitions []Transition // in document order
	Blocks      []Block      // what observers are told of what Take runs, by its numbers
	Outputs     []string     // names of what is emitted and sent, by kind
	Kin         []string     // names of what goes to invoked machines and to the parent, by the kinds -2, -3, …
	Shape       Shape
	Delays      []Delay
	Invokes     []Invoke
	// Index says, at a leaf's row plus the number of an event, which transitions are
	// tried: 0 is none, n > 0 is transition n-1 only, n < 0 those in Candidates from
	// -n-1 on.
	Index []int32
	// Candidates are lists of transitions in the order in which they are tried, each
	// list ended by None. A number below None is not a transition: the state
	// Deferring(number) defers the event.
	Candidates []int32
	Idle       int32   // a row of Index without any transition
	Steps      []Step  // what transitions enter, outermost state first
	Targets    []int32 // lists of states that transitions, initials and histories lead to
	Histories  []int32 // the history states, those of one parent together
	Start      Transition
	Finish     []int32 // transitions whose actions run when the machine is done
	Execution  int32   // the number of the event error.execution
	Comm       int32   // the number of the event error.communication
}

// Block is what the actions of a transition, or of another block, are called and
// are.
type Block struct {
	Name    string
	Actions []string
}

// State is a row of a chart's table of states.
type State struct {
	Path        string // dotted; empty for the machine itself
	Kind        Kind
	Parent      int32
	Last        int32 // the last of its descendants, itself if it has none
	Row         int32 // of a leaf: where its part of Index begins
	Entry, Exit int32 // blocks
	Done        int32 // the event that is raised when the state is done
	Output      int32 // of a final state: the block that makes the machine's output
	// Targets[FirstTarget:LastTarget] are entered by default, after the block Default:
	// the initial of a compound state, or what a history state leads to before there
	// is a history.
	Default                   int32
	FirstTarget, LastTarget   int32
	FirstDelay, LastDelay     int32 // Delays[FirstDelay:LastDelay] begin when the state is entered
	FirstInvoke, LastInvoke   int32 // Invokes[FirstInvoke:LastInvoke] run while the state is active
	FirstHistory, LastHistory int32 // Histories[FirstHistory:LastHistory] are its children
}

// Delay is a row of a chart's table of delays.
type Delay struct {
	Event    int32 // what happens when it has passed
	Constant int64 // nanoseconds; 0 where Program.Delay computes it
}

// Invoke is a row of a chart's table of invocations.
type Invoke struct {
	ID          string
	Done, Error int32 // the events that tell how it ended
}

// Transition is a row of a chart's table of transitions.
type Transition struct {
	Source  int32
	Domain  int32 // the innermost state that stays active; None where nothing is exited
	Leaf    int32 // the state that is active afterwards, where it is one
	Row     int32 // where Leaf's part of Index begins
	First   int32 // Steps[First:Last] are entered, unless the transition is Dynamic
	Last    int32
	Actions int32 // the block that runs between exit and entry, unless Take runs it with the guard
	Flags   Flags

	FirstTarget, LastTarget int32 // of a Dynamic one: Targets[FirstTarget:LastTarget]
}

// Flags are properties of a transition.
type Flags uint8

// The flags of transitions.
const (
	Unguarded Flags = 1 << iota // it has no guard
	Quiet                       // one leaf follows another, and no state on the way has anything to do
	NoCode                      // neither guard nor actions: Take need not be called
	Swift                       // Quiet, Take runs all of it, and no eventless transition can follow
	Dynamic                     // a history is on its way: what it exits and enters is computed
	Shared                      // several leaves can be active within its source
	Reenter                     // of a Dynamic one: the source is exited even if the targets are within it
)

// Step is one state that a transition enters.
type Step struct {
	State   int32
	Default int32 // the block of the state's initial, where that is how its children are entered
	Inside  bool  // the state is active already: only its initial is followed
}

// Deferring is the state that a number in Candidates below None stands for.
func Deferring(n int32) int32 { return -n - 2 }

// StateNumber is the number of the state with the given path, None if there is none.
func (c *Chart) StateNumber(path string) int32 {
	for i := range c.States {
		if c.States[i].Path == path {
			return int32(i)
		}
	}
	return None
}

func (c *Chart) path(i int32) string { return c.States[i].Path }

// within reports whether state i is state of or a descendant of it.
func (c *Chart) within(i, of int32) bool { return of <= i && i <= c.States[of].Last }

// leaf reports whether state i can be a leaf of a configuration.
func (c *Chart) leaf(i int32) bool { k := c.States[i].Kind; return k == Atomic || k == Final }

// history reports whether state i stands for others.
func (c *Chart) history(i int32) bool { return c.States[i].Kind >= ShallowHistory }

// regions calls f for the children of i that can be active, in document order,
// until it returns false; it reports whether f never did.
func (c *Chart) regions(i int32, f func(child int32) bool) bool {
	for child := i + 1; child <= c.States[i].Last; child = c.States[child].Last + 1 {
		if !c.history(child) && !f(child) {
			return false
		}
	}
	return true
}
