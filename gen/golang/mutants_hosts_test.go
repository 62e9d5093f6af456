package golang

const treeFile = "runtime/machine/tree.go"

// hostMutants are mistakes in what invoked machines do that are part of an instance of a
// keyed host. No conformance case has a host.
var hostMutants = []mutant{
	// Turns.
	{treeFile, "\t\tc.life = l\n\t\tc.settlePlain()\n", "\t\tc.life = l\n", "short cuts are not stored"},
	{treeFile, "\t\tif len(c.kept) > 0 {\n\t\t\tc.retry()\n\t\t}\n", "", "an invoked machine does not take what it has deferred"},
	{treeFile, "\tif c.lost() {\n\t\tc.tellParent(ErrStopped)\n\t}\n", "", "that an invoked machine has stopped is not told"},
	{treeFile, "\t\tc.drain()\n\t\treturn\n\t}\n\tc.askForTurn()\n", "\t\tc.drain()\n\t\treturn\n\t}\n", "what an invoked machine is sent waits for another event"},
	{treeFile, "\t\tif up.failed {\n\t\t\treturn true", "\t\tif up.failed {\n\t\t\treturn false", "a machine whose first step has failed goes on"},
	{treeFile, "ask := !c.asked && c.inbox.len() > 0", "ask := c.asked && c.inbox.len() > 0", "no turn is asked for"},

	// What is stored, and how.
	{treeFile, "\tc.nested = true\n\tc.process(&entry{ctx: context.WithoutCancel(ctx), kind: leaveEntry})", "\tc.process(&entry{ctx: context.WithoutCancel(ctx), kind: leaveEntry})", "a machine that is not needed any more stores its exit by itself"},
	{treeFile, "\t\tif up.opening {", "\t\tif false {", "what a machine has made that cannot be started is published"},
	{treeFile, "if own.Invokes[n].Child, err = call.child.captureTree(); err != nil {", "if _, err = call.child.captureTree(); err != nil {", "invoked machines are not stored"},
	{treeFile, "\t\t\tf(call.child)\n\t\t\tcall.child.eachChild(f)\n", "\t\t\tf(call.child)\n", "what waits for a machine that an invoked one invokes is not stored"},
	{treeFile, "\tl.rare.services = nil\n", "", "services are called again after each step"},

	// Messages.
	{treeFile, "return call.core.prefix() + chart.path(", "return chart.path(", "messages do not know what invokes the invoker"},
	{treeFile, "Message{Name: c.prefix() + name,", "Message{Name: name,", "messages do not know what machine they are of"},
	{treeFile, "\t\tpath = rest\n", "\t\tpath = \"\"\n", "a stored message is published by who invokes its machine"},
	{treeFile, "if c.bound && l.core.bound {", "if l.core.bound {", "a machine that is not bound publishes"},
	{treeFile, "\tfor _, s := range l.rare.spares {", "\tfor _, s := range l.rare.spares[:0] {", "machines that were made to publish are not stopped"},

	// Being put away.
	{treeFile, "\tc.eachChild(func(child *Core) { due = sooner(due, child.nextDue()) })\n", "", "delays of invoked machines do not bring the instance back"},
	{treeFile, "if a.IsZero() || !b.IsZero() && b.Before(a) {", "if a.IsZero() || !b.IsZero() && a.Before(b) {", "an instance comes back at its last delay"},
	{treeFile, "call.child.lost() || call.child.busyTree())", "call.child.lost())", "an instance is put away while an invoked machine's service runs"},
	{treeFile, "e.wait != nil && !e.wait.gone", "e.wait != nil && e.wait.gone", "an instance is put away while somebody waits for a reply"},

	// Kin, and the ids of events.
	{childFile, "queuedCtx(ctx), c.life != nil", "queuedCtx(ctx), false", "what machines of an instance send each other is not stored"},
	{childFile, "err == nil {\n\t\tcall.keepMade()", "true {\n\t\tcall.keepMade()", "what a machine has made that cannot be started is kept"},
	{"runtime/machine/commit.go", "\tl.core.eachChild(accept)\n", "", "what invoked machines are sent is not accepted"},
	{"runtime/machine/commit.go", "!e.kept && !e.stored && c.life.seen", "!e.kept && c.life.seen", "what was stored while it waited is not processed"},
	{"runtime/machine/life.go", "string(forInvoked) + c.prefix() + string(forInvoked) + e.id", "e.id", "an event for the instance is taken for one for what it invokes"},
}
