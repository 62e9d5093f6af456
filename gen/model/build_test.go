package model_test

import (
	"os"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

func build(t *testing.T, text string) (*model.Machine, string) {
	t.Helper()
	var l diag.List
	s := spec.ParseMachine(source.NewFile("x.machine.yaml", []byte(text)), &l)
	var m *model.Machine
	if s != nil {
		m = model.Build(s, &l)
	}
	var out strings.Builder
	if err := diag.Text(&out, &l); err != nil {
		t.Fatal(err)
	}
	return m, out.String()
}

func TestOrderResolves(t *testing.T) {
	text, err := os.ReadFile("testdata/order.machine.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, diags := build(t, string(text))
	if diags != "" {
		t.Fatalf("unexpected diagnostics:\n%s", diags)
	}
	var paths []string
	for _, s := range m.States {
		paths = append(paths, s.Kind.String()+" "+s.Path)
	}
	want := "compound ,atomic idle,compound placed,atomic placed.awaiting,final placed.ready,history placed.before," +
		"parallel fulfilling,compound fulfilling.packing,atomic fulfilling.packing.open,final fulfilling.packing.packed," +
		"compound fulfilling.billing,atomic fulfilling.billing.due,final fulfilling.billing.done,final closed,final cancelled,final expired"
	if got := strings.Join(paths, ","); got != want {
		t.Errorf("states:\n%s\nwant:\n%s", got, want)
	}
	for _, meth := range m.Guards {
		if meth.Name.Value == "within_limit" && (meth.Arrival.Payload != model.OneEvent || meth.Arrival.Event.Name.Value != "submit") {
			t.Errorf("within_limit gets %+v, want the event submit", meth.Arrival)
		}
	}
	for _, a := range m.Actions {
		if a.Name.Value == "start_clock" && a.Arrival.Payload != model.NoPayload {
			t.Errorf("start_clock gets %+v, want nothing", a.Arrival)
		}
	}
}

func TestManyErrorsInOneRun(t *testing.T) {
	_, got := build(t, `version: 1
machine: order
events: {submit: {total: mony}, pay: {}}
types: {money: {fields: {cents: int64}}}
initial: idel
states:
  idle: {on: {submitt: placed, pay: "#order.placed"}, after: {30: placed}}
  placed:
    states: {a: {}, b: {}}
`)
	for _, want := range []string{
		"x.machine.yaml:3:26: error: the type \"mony\" is neither built in nor declared [XS0103 unknown-type]\n" +
			"  events: {submit: {total: mony}, pay: {}}\n" +
			"                           ^^^^\n" +
			"  hint: did you mean `money`?\n",
		"x.machine.yaml:5:10: error: the machine has no child \"idel\" [XS0106 unknown-target]",
		"x.machine.yaml:7:15: error: the event \"submitt\" is not declared [XS0107 unknown-event]",
		"x.machine.yaml:7:63: error: the delay 30 has no unit [XS0113 bad-delay]",
		"x.machine.yaml:8:3: error: the state `placed` has children and no initial [XS0110 missing-initial]",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing:\n%s\nin:\n%s", want, got)
		}
	}
}
