package golang

const (
	chartFile  = "gen/golang/chart.go"
	entryFile  = "gen/golang/entry.go"
	domainFile = "gen/model/domain.go"
)

// generatorMutants are mistakes in the tables.
var generatorMutants = []mutant{
	{chartFile, "\t\tslices.Sort(out[first:])\n", "\t\t_ = first\n", "done transitions come after those written later"},
	{chartFile, "width += widthOf(child)", "width = max(width, widthOf(child))", "regions are not counted"},
	{chartFile, "if len(s.OnDone) > 0 {", "if false {", "done is raised only where it is named"},
	{chartFile, "\tif s.Initial != nil {\n\t\twhat", "\tif s.Initial != nil && s.Kind != model.History {\n\t\twhat", "a history's default has no actions"},
	{domainFile, "if s.Kind == History && s.Parent.Kind == Parallel {", "if false {", "a parallel state's history has no default"},
	{entryFile, "!c.besideOthers(t.Source) && ", "", "actions run with the guard in regions"},
	{entryFile, "(r.domain == none || !c.exitActions(t.Source, c.m.States[r.domain]))", "true", "actions run before exit actions"},
	{entryFile, `add("Shared", widthOf(t.Source) > 1)`, `add("Shared", false)`, "leaves do not know of each other's guards"},
	{entryFile, `add("Reenter", dynamic && t.Reenter)`, `add("Reenter", false)`, "reenter to a history is forgotten"},
	{entryFile, "quiet := c.width == 1 && r.actions == none && !dynamic", "quiet := r.actions == none && !dynamic", "regions take short cuts"},
	{entryFile, "len(s.Entry)+len(s.After)+len(s.Invokes) > 0", "len(s.Entry) > 0", "delays do not begin on short cuts"},
	{entryFile, "st.initial != none || s.Kind == model.Final ||", "st.initial != none ||", "final states are passed by short cuts"},
	{entryFile, "len(s.Exit)+len(s.After)+len(s.Invokes) > 0 || slices.ContainsFunc(s.Children, isHistory)", "len(s.Exit)+len(s.After)+len(s.Invokes) > 0", "history is not recorded on short cuts"},
	{entryFile, "slices.ContainsFunc(s.Children, isHistory)", "isHistory(s)", "history is not recorded on short cuts from a child"},
	{entryFile, "\tfor s := within; s != nil; s = s.Parent {\n\t\tif len(s.Always) > 0 {\n\t\t\treturn false", "\tfor s := within; s != nil; s = s.Parent {\n\t\tif len(s.Always) > 0 {\n\t\t\treturn true", "short cuts leave eventless transitions out"},
	{domainFile, "if !t.Reenter && inside(t.Source) {", "if inside(t.Source) {", "reenter is ignored"},
	{domainFile, "s.Kind == Compound && inside(s)", "inside(s)", "a parallel state is the domain"},
	{domainFile, " && !slices.Contains(t.Targets, s)", "", "a target that holds the source is not exited"},
	{entryFile, "return a.Index - b.Index", "return b.Index - a.Index", "entries in reverse order"},
	{entryFile, "if slices.Contains(e.byDefault, s) {", "if s.Initial != nil {", "initials run on the way to a deeper target"},
	{entryFile, "inside: s == domain", "inside: false", "the domain is entered"},
	{entryFile, "\t\tif up.Kind == model.Parallel {\n\t\t\te.regions(up)\n\t\t}\n", "", "the other regions of a target are not entered"},
	{entryFile, "\t\t\te.ascend(t, s)\n", "\t\t\t_ = t\n", "states on the way of a deep initial are not entered"},
}
