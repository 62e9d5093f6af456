package golang

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// failure is what guards and actions that fail panic with here.
type failure string

// beyond is what is not known here and some tests' machines have.
type beyond string

// failing calls f, which may fail: then the result is false and error.execution is
// raised.
func (n *interpreter) failing(f func() bool) (result bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			n.count("failures")
			n.raise(&event{name: "error.execution", failure: fmt.Sprintf("machine %s: in state ? on %s: %s", n.self(), n.eventName(), r),
				data: map[string]any{"code": "execution", "message": string(r)}})
			result = false
		default:
			panic(r)
		}
	}()
	return f()
}

func (n *interpreter) eventName() string {
	if n.event.name == "" {
		return "(none)"
	}
	return n.event.name
}

// executeContent runs one block: a failure ends it.
func (n *interpreter) executeContent(actions []*model.Action) {
	n.failing(func() bool {
		for _, a := range actions {
			n.execute(a)
		}
		return true
	})
}

func (n *interpreter) execute(a *model.Action) {
	switch a.Kind {
	case spec.ActionName:
		n.callAction(a.Method.Name.Value)
	case spec.ActionAssign:
		for name, v := range n.values(a) { // all evaluated before any is stored
			n.context[name] = v
		}
	case spec.ActionRaise:
		n.count("events raised")
		n.raise(&event{name: a.Event.Name.Value, data: n.values(a)})
	case spec.ActionEmit:
		n.emit(n.topic("emit", a.Event.Name.Value), n.values(a))
	case spec.ActionSend:
		n.send(a)
	case spec.ActionCancel:
		n.cancelSend(a.ID.Value)
	case spec.ActionReply:
		if reply := n.values(a); n.reply == nil {
			n.reply = reply
		}
	case spec.ActionLog:
		n.evaluate(a.With.Scalar.Value)
	}
}

func (n *interpreter) raise(e *event) { n.internalQueue = append(n.internalQueue, e) }

func (n *interpreter) emit(topic string, _ map[string]any) { n.outbox = append(n.outbox, topic) }

// send: to the machine itself through its external queue, or by the outbox.
func (n *interpreter) send(a *model.Action) {
	data := n.values(a)
	deliver := func() error {
		n.emit(a.Event.Role.Name.Value+"."+a.Event.Name.Value, data)
		return nil
	}
	if a.Self {
		external := a.Event.Section == model.External
		deliver = func() error {
			n.count("events sent to itself")
			return n.external(&event{name: a.Event.Name.Value, external: external, data: data})
		}
	}
	switch {
	case a.After != nil:
		delay := a.After.Constant
		if delay == 0 {
			delay = time.Duration(n.evaluate(a.After.Text.Value).(int64))
		}
		n.sendAfter(delay, a.ID.Value, func() error {
			if a.Self {
				return deliver()
			}
			n.beginMacrostep()
			deliver()
			return n.endMacrostep()
		})
		return
	case a.ID.IsSet():
		n.cancelSend(a.ID.Value)
	}
	switch {
	case a.Self:
		n.externalQueue = append(n.externalQueue, deliver)
	default:
		deliver()
	}
}

// values evaluates what an action sets, without setting it.
func (n *interpreter) values(a *model.Action) map[string]any {
	out := map[string]any{}
	if a.With != nil {
		for _, e := range a.With.Entries {
			out[e.Key.Value] = n.evaluate(e.Value.Scalar.Value)
		}
	}
	return out
}

// zero is the value of a field that nothing has set.
func zero(f *model.Field) any {
	switch f.Type.Kind {
	case model.Bool:
		return f.Default != nil && f.Default.Scalar.Value == "true"
	case model.String:
		if f.Default != nil {
			return f.Default.Scalar.Value
		}
		return ""
	case model.Duration:
		if f.Default != nil {
			d, _ := time.ParseDuration(f.Default.Scalar.Value)
			return int64(d)
		}
	case model.Int, model.Int64:
		if f.Default != nil {
			v, _ := strconv.ParseInt(f.Default.Scalar.Value, 10, 64)
			return v
		}
	default:
		panic(beyond("a field like " + f.Name.Value))
	}
	return int64(0)
}

// evaluate knows numbers, strings and bools, which is all that the tests' machines
// have. Numbers are int64; durations too.
func (n *interpreter) evaluate(text string) any {
	x, known := n.expressions[text]
	if !known {
		var err error
		if x, err = parser.ParseExpr(text); err != nil {
			panic(err)
		}
		n.expressions[text] = x
	}
	return n.eval(x)
}

func (n *interpreter) eval(x ast.Expr) any {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return n.eval(x.X)
	case *ast.BasicLit:
		return literal(x)
	case *ast.Ident:
		if v, ok := map[string]any{"true": true, "false": false, "key": n.key()}[x.Name]; ok {
			return v
		}
	case *ast.SelectorExpr:
		base, _ := x.X.(*ast.Ident)
		if base == nil {
			break
		}
		scope := map[string]map[string]any{"context": n.context, "event": n.event.data}[base.Name]
		if v, ok := scope[x.Sel.Name]; ok {
			return v
		}
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return !n.eval(x.X).(bool)
		}
		return -n.eval(x.X).(int64)
	case *ast.CallExpr:
		return n.call(x)
	case *ast.BinaryExpr:
		return n.binary(x)
	}
	panic(beyond(fmt.Sprintf("%T", x)))
}

func literal(x *ast.BasicLit) any {
	if x.Kind == token.STRING {
		s, _ := strconv.Unquote(x.Value)
		return s
	}
	v, err := strconv.ParseInt(x.Value, 0, 64)
	if err != nil {
		panic(err)
	}
	return v
}

func (n *interpreter) call(x *ast.CallExpr) any {
	fun, ok := x.Fun.(*ast.Ident)
	if !ok || len(x.Args) != 1 {
		panic(beyond("this call"))
	}
	arg := n.eval(x.Args[0])
	switch name := fun.Name; {
	case name == "duration":
		d, _ := time.ParseDuration(arg.(string))
		return int64(d)
	case name == "len":
		return int64(len(arg.(string)))
	case strings.HasPrefix(name, "int"):
		return arg
	default:
		panic(beyond(name))
	}
}

func (n *interpreter) binary(x *ast.BinaryExpr) any {
	switch x.Op {
	case token.LAND:
		return n.eval(x.X).(bool) && n.eval(x.Y).(bool)
	case token.LOR:
		return n.eval(x.X).(bool) || n.eval(x.Y).(bool)
	}
	a, b := n.eval(x.X), n.eval(x.Y)
	switch x.Op {
	case token.EQL:
		return a == b
	case token.NEQ:
		return a != b
	}
	if s, ok := a.(string); ok && x.Op == token.ADD {
		return s + b.(string)
	}
	return arithmetic(x.Op, a.(int64), b.(int64))
}

func arithmetic(op token.Token, a, b int64) any {
	switch op {
	case token.LSS:
		return a < b
	case token.LEQ:
		return a <= b
	case token.GTR:
		return a > b
	case token.GEQ:
		return a >= b
	}
	if b == 0 && (op == token.QUO || op == token.REM) {
		panic(failure("panic: division by zero in " + op.String()))
	}
	x, y := big.NewInt(a), big.NewInt(b)
	compute, ok := map[token.Token]func(x, y *big.Int) *big.Int{token.ADD: x.Add, token.SUB: x.Sub, token.MUL: x.Mul, token.QUO: x.Quo, token.REM: x.Rem}[op]
	if !ok {
		panic(beyond(op.String()))
	}
	if x = compute(x, y); !x.IsInt64() {
		panic(failure("panic: integer overflow in " + op.String()))
	}
	return x.Int64()
}
