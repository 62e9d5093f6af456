package golang

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/gen/model"
)

// chartName is the name of a random chart among the machines.
func chartName(seed uint64) string { return fmt.Sprintf("random-%d", seed) }

// randomSpec is a random chart with its model.
type randomSpec struct {
	name  string
	chart *randomChart
	m     *model.Machine
}

func randomSpecs(seed, n int) []*randomSpec {
	var out []*randomSpec
	for i := range n {
		s := &randomSpec{name: chartName(uint64(seed + i))}
		s.chart, s.m = newRandomChart(uint64(seed + i))
		out = append(out, s)
	}
	return out
}

func machineSpecs(list []*randomSpec) []machineSpec {
	var out []machineSpec
	for _, s := range list {
		out = append(out, machineSpec{name: s.name, yaml: s.chart.yaml.String()})
	}
	return out
}

// setting is a number from the environment.
func setting(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return standard
}

// TestDifferential: generated machines do what the interpreter does, in random charts
// under random scripts. XSGEN_CHARTS, XSGEN_EVENTS and XSGEN_SEED ask for more, or for
// others.
func TestDifferential(t *testing.T) {
	charts, events, seed := setting("XSGEN_CHARTS", standardCharts), setting("XSGEN_EVENTS", standardEvents), setting("XSGEN_SEED", 1)
	d := &differential{t: t, counters: map[string]int{}, events: max(events/charts, 1)}
	const together = 200 // in one program
	for first := 0; first < charts; first += together {
		list := randomSpecs(seed+first, min(together, charts-first))
		start := time.Now()
		d.machines = buildMachines(t, machineSpecs(list))
		t.Logf("%d machines built in %v", len(list), time.Since(start).Round(time.Second))
		d.all(list)
	}
	d.summary(charts)
}

// differential compares charts, two at a time.
type differential struct {
	t        *testing.T
	machines *machines
	events   int // of each chart

	mu       sync.Mutex
	counters map[string]int
	failed   int
}

func (d *differential) all(list []*randomSpec) {
	next := make(chan *randomSpec)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for s := range next {
				d.one(s)
			}
		})
	}
	for _, s := range list {
		next <- s
	}
	close(next)
	wg.Wait()
}

// one runs the scripts of a chart: each as it is seen by an observer, and again
// without one, as the short cuts are only taken then, also in batches.
func (d *differential) one(s *randomSpec) {
	counters := map[string]int{}
	countFeatures(s, counters)
	var jobs []job
	for left := d.events; left > 0; left -= 100 {
		script := s.chart.script(min(left, 100))
		modes := []string{"observe guards\n", "observe plain\nobserve publish\n", "observe plain\nobserve batched\n"}
		if len(jobs)%2 == 1 {
			modes = []string{"observe publish\n", "observe plain\n", "observe plain\nobserve batched\nobserve publish\n"}
		}
		for _, first := range modes {
			jobs = append(jobs, job{s.name, first + script})
		}
	}
	traces, err := d.machines.try(jobs, time.Minute)
	seen := map[string]int{}
	for i, j := range jobs {
		got := fmt.Sprint("no trace: ", err)
		if i < len(traces) {
			got = withoutStates(traces[i])
		}
		count := seen
		if i%3 != 0 {
			count = nil
		}
		if want := interpretScript(s.m, j.script, count); got != want {
			d.differs(s, j.script)
			break
		}
	}
	if seen[illegal] > 0 {
		d.t.Errorf("%s has %s, %d times:\n%s", s.name, illegal, seen[illegal], s.chart.yaml.String())
	}
	if seen["conflicts"] > 0 {
		counters["charts with conflicts"]++
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range []map[string]int{counters, seen} {
		for k, n := range c {
			d.counters[k] += n
		}
	}
}

// differs reports a difference of the shortest script found.
func (d *differential) differs(s *randomSpec, script string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed++; d.failed > 3 {
		d.t.Errorf("%s differs, too", s.name)
		return
	}
	script = d.machines.shrink(s, script)
	got, want, _ := d.machines.compare(s, script)
	d.t.Errorf("%s differs:\n%s\nthe script\n%s\nthe machine\n%s\nthe interpreter\n%s", s.name, s.chart.yaml.String(), script, got, want)
}

// compare runs a script on both.
func (m *machines) compare(s *randomSpec, script string) (got, want string, equal bool) {
	traces, err := m.try([]job{{s.name, script}}, 5*time.Second)
	got = fmt.Sprint("no trace: ", err)
	if err == nil {
		got = withoutStates(traces[0])
	}
	want = interpretScript(s.m, script, nil)
	return got, want, got == want
}

// shrink cuts a script off after what differs, and then leaves commands out, many and
// then few, as long as a difference remains.
func (m *machines) shrink(s *randomSpec, script string) string {
	deadline := time.Now().Add(20 * time.Second)
	lines := strings.SplitAfter(strings.TrimSuffix(script, "\n"), "\n")
	got, want, _ := m.compare(s, script)
	if n := commandsBefore(got, want); n < len(lines) {
		lines = lines[:n]
	}
	for size := len(lines) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(lines) && time.Now().Before(deadline); {
			shorter := slices.Concat(lines[:at], lines[at+size:])
			if _, _, equal := m.compare(s, strings.Join(shorter, "")); equal {
				at += size
			} else {
				lines = shorter
			}
		}
	}
	return strings.Join(lines, "")
}

// commandsBefore is the number of commands up to the first difference.
func commandsBefore(got, want string) int {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	n := 0
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			if !strings.HasPrefix(a[i], " ") && i < len(b) && !strings.HasPrefix(b[i], " ") {
				n++
			}
			break
		}
		if !strings.HasPrefix(a[i], " ") {
			n++
		}
	}
	return n
}

func countFeatures(s *randomSpec, counters map[string]int) {
	has := func(what string, f func(*model.State) bool) {
		if slices.ContainsFunc(s.m.States, f) {
			counters["charts with "+what]++
		}
	}
	has("parallel", isParallelState)
	has("history", func(x *model.State) bool { return x.Kind == model.History })
	has("deep history", func(x *model.State) bool { return x.Kind == model.History && x.Deep })
	has("shallow history", func(x *model.State) bool { return x.Kind == model.History && !x.Deep })
	has("several histories of one parent", func(x *model.State) bool { return len(historiesAmong(x.Children)) > 1 })
	has("deferral", func(x *model.State) bool { return len(x.Defer) > 0 })
	has("several initials", func(x *model.State) bool { return x.Initial != nil && len(x.Initial.Targets) > 1 })
	if slices.ContainsFunc(s.m.Transitions, func(t *model.Transition) bool { return len(t.Targets) > 1 }) {
		counters["charts with several targets"]++
	}
	if slices.ContainsFunc(s.m.Transitions, func(t *model.Transition) bool {
		h := historiesAmong(t.Targets)
		return len(h) > 1 && h[0].Parent == h[1].Parent
	}) {
		counters["charts with several histories of one parent as targets"]++
	}
	counters["states"] += len(s.m.States)
	counters["transitions"] += len(s.m.Transitions)
}

func historiesAmong(list []*model.State) []*model.State {
	return slices.DeleteFunc(slices.Clone(list), func(s *model.State) bool { return s.Kind != model.History })
}

// summary logs what was seen, and fails if the charts are not what they should be.
func (d *differential) summary(charts int) {
	for _, k := range slices.Sorted(maps.Keys(d.counters)) {
		d.t.Logf("%9d %s", d.counters[k], k)
	}
	if charts < 100 || d.t.Failed() {
		return
	}
	for what, percent := range map[string]int{"parallel": 30, "history": 30, "deep history": 15, "shallow history": 15, "conflicts": 20,
		"several histories of one parent": 20, "several histories of one parent as targets": 4, "deferral": 10, "several targets": 20, "several initials": 5} {
		if n := d.counters["charts with "+what]; n*100 < percent*charts {
			d.t.Errorf("%d charts have %s, less than %d %%", n, what, percent)
		}
	}
	for _, what := range []string{"conflicts", "conflicts won by a descendant", "histories restored", "history defaults", "several history defaults of one parent", "events deferred",
		"deferred events taken", "internal transitions", "reentering transitions", "atomic states that target themselves",
		"transitions without a target", "transitions to several targets", "microsteps of several transitions", "eventless transitions",
		"delayed transitions", "done transitions", "events raised", "events sent to itself", "failures", "machines finished"} {
		if d.counters[what] < charts*d.events/4000 {
			d.t.Errorf("there were only %d %s", d.counters[what], what)
		}
	}
}
