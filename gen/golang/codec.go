package golang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// codecs declares the MessagePack methods of everything that travels, and the
// functions for the slices and maps within.
func (g *generator) codecs(f *jen.File) {
	c := &codecs{generator: g, file: f, containers: map[string]*model.Type{}}
	for _, t := range g.m.Types {
		if !t.Enum {
			c.structure(g.names.typ[t], t.Fields, true)
		}
	}
	for _, e := range append(append([]*model.Event(nil), g.m.Events...), append(g.m.Internal, g.m.Emits...)...) {
		c.structure(g.names.event[e], e.Fields, false)
		if e.HasReply {
			c.structure(g.names.reply[e], e.Reply, false)
		}
	}
	for _, r := range slices.Concat(g.m.Sends, g.m.ToChildren) {
		for _, e := range r.Events {
			c.structure(g.names.event[e], e.Fields, false)
		}
	}
	c.structure("StateChanged", g.changedFields(), false)
	c.structure("Context", g.m.Context, false)
	for len(c.queue) > 0 {
		t := c.queue[0]
		c.queue = c.queue[1:]
		c.container(t)
	}
}

// codecs carries the container types that functions are still to be declared for.
type codecs struct {
	*generator
	file       *jen.File
	containers map[string]*model.Type // by the names of their functions
	queue      []*model.Type
}

// structure declares the methods of a struct. A struct that is a field's type
// (nested) is also written within others, at a depth.
func (c *codecs) structure(name string, fields []*model.Field, nested bool) {
	recv := func() *jen.Statement { return jen.Func().Params(jen.Id("e").Op("*").Id(name)) }
	f := c.file
	appendDoc := doc("AppendMsgpack appends e's MessagePack form to b.")
	if nested {
		f.Add(appendDoc).Add(recv()).Id("AppendMsgpack").Params(jen.Id("b").Index().Byte()).Params(jen.Index().Byte(), jen.Error()).Block(
			jen.Return(jen.Id("e").Dot("appendMsgpack").Call(jen.Id("b"), jen.Lit(0), jen.Nil())))
		f.Add(recv()).Id("appendMsgpack").Params(appendParams()...).Params(jen.Index().Byte(), jen.Error()).BlockFunc(func(b *jen.Group) {
			descend(b)
			c.write(b, fields, true)
			b.Return(jen.Id("b"), jen.Err())
		})
	} else {
		f.Add(appendDoc).Add(recv()).Id("AppendMsgpack").Params(jen.Id("b").Index().Byte()).Params(jen.Index().Byte(), jen.Error()).BlockFunc(func(b *jen.Group) {
			if c.write(b, fields, false) {
				b.Return(jen.Id("b"), jen.Err())
			} else {
				b.Return(jen.Id("b"), jen.Nil())
			}
		})
	}
	f.Add(doc("UnmarshalMsgpack reads e from b, which it does not keep.")).
		Add(recv()).Id("UnmarshalMsgpack").Params(jen.Id("b").Index().Byte()).Error().Block(
		jen.Var().Id("r").Qual(codecPath, "Reader"),
		jen.Id("r").Dot("Reset").Call(jen.Id("b")),
		jen.Id("e").Dot("ReadMsgpack").Call(jen.Op("&").Id("r")),
		jen.Return(jen.Id("r").Dot("Finish").Call()),
	)
	f.Add(doc("EncodeMsgpack implements msgpack/v5's CustomEncoder.")).
		Func().Params(jen.Id("e").Id(name)).Id("EncodeMsgpack").Params(jen.Id("enc").Op("*").Qual(codecPath, "Encoder")).Error().Block(
		jen.Id("buf").Op(":=").Qual(codecPath, "Borrow").Call(),
		jen.List(jen.Id("b"), jen.Err()).Op(":=").Id("e").Dot("AppendMsgpack").Call(jen.Op("*").Id("buf")),
		jen.Return(jen.Qual(codecPath, "Send").Call(jen.Id("enc"), jen.Id("buf"), jen.Id("b"), jen.Err())))
	f.Add(doc("DecodeMsgpack implements msgpack/v5's CustomDecoder.")).
		Add(recv()).Id("DecodeMsgpack").Params(jen.Id("dec").Op("*").Qual(codecPath, "Decoder")).Error().Block(
		jen.Return(jen.Qual(codecPath, "Decode").Call(jen.Id("dec"), jen.Id("e"))))
	f.Add(doc("ReadMsgpack reads e from r; what the message does not have is zero.")).
		Add(recv()).Id("ReadMsgpack").Params(jen.Id("r").Op("*").Qual(codecPath, "Reader")).BlockFunc(func(b *jen.Group) { c.read(b, name, fields) })
}

func appendParams() []jen.Code {
	return []jen.Code{jen.Id("b").Index().Byte(), jen.Id("depth").Int(), jen.Err().Error()}
}

// descend returns early from a function that writes a level too many.
func descend(b *jen.Group) {
	b.If(jen.Err().Op("=").Qual(codecPath, "Descend").Call(jen.Id("depth"), jen.Err()), jen.Err().Op("!=").Nil()).Block(
		jen.Return(jen.Id("b"), jen.Err()))
}

// write appends the fields to b. It reports whether there is an err; within
// structure's nested form there always is one.
func (c *codecs) write(b *jen.Group, fields []*model.Field, nested bool) bool {
	w := &fieldWriter{codecs: c, group: b, depth: func() jen.Code { return jen.Lit(1) }}
	if nested {
		w.depth = func() jen.Code { return jen.Id("depth").Op("+").Lit(1) }
	}
	failing := false
	required, optional := 0, false
	for _, fd := range fields {
		failing = failing || canFail(fd.Type)
		if fd.Type.Optional {
			optional = true
		} else {
			required++
		}
	}
	switch {
	case optional:
		b.Id("n").Op(":=").Lit(required)
		for _, fd := range fields {
			if fd.Type.Optional {
				b.If(jen.Id("e").Dot(goname.Exported(fd.Name.Value)).Op("!=").Nil()).Block(jen.Id("n").Op("++"))
			}
		}
		b.Id("b").Op("=").Qual(codecPath, "AppendMap").Call(jen.Id("b"), jen.Id("n"))
	case required < 16:
		w.pending = []byte{0x80 | byte(required)}
	default:
		b.Id("b").Op("=").Qual(codecPath, "AppendMap").Call(jen.Id("b"), jen.Lit(required))
	}
	if failing && !nested {
		b.Var().Err().Error()
	}
	for _, fd := range fields {
		w.field(fd)
	}
	w.flush(b)
	return failing
}

// canFail reports whether a value of type t may be refused when it is written.
func canFail(t *model.Type) bool {
	switch t.Kind {
	case model.String, model.Bytes, model.Enum, model.Slice, model.Map, model.Struct:
		return true
	}
	return false
}

// fieldWriter writes fields one after the other. What is known beforehand, the
// header and the names, is put together.
type fieldWriter struct {
	*codecs
	group   *jen.Group
	pending []byte
	depth   func() jen.Code // of what is within the struct
}

func (w *fieldWriter) flush(b *jen.Group) {
	if len(w.pending) > 0 {
		b.Id("b").Op("=").Append(jen.Id("b"), rawString(w.pending).Op("..."))
		w.pending = nil
	}
}

func (w *fieldWriter) field(fd *model.Field) {
	value := func() *jen.Statement { return jen.Id("e").Dot(goname.Exported(fd.Name.Value)) }
	if !fd.Type.Optional {
		w.pending = append(w.pending, rawKey(fd.Name.Value)...)
		w.flush(w.group)
		w.group.Add(w.writeValue(value(), fd.Type, w.depth()))
		return
	}
	w.flush(w.group)
	elem := *fd.Type
	elem.Optional = false
	deref := jen.Op("*").Add(value())
	if elem.Kind == model.Struct {
		deref = value() // methods take a pointer
	}
	w.group.If(value().Op("!=").Nil()).BlockFunc(func(b *jen.Group) {
		w.pending = rawKey(fd.Name.Value)
		w.flush(b)
		b.Add(w.writeValue(deref, &elem, w.depth()))
	})
}

// rawKey is a field's name as it is written: a header and the text. Names are
// ASCII and have at most 64 bytes.
func rawKey(name string) []byte {
	if len(name) > 31 {
		return append([]byte{0xd9, byte(len(name))}, name...)
	}
	return append([]byte{0xa0 | byte(len(name))}, name...)
}

// rawString is a string literal of any bytes.
func rawString(data []byte) *jen.Statement {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range data {
		if c >= 0x80 || c < ' ' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\x%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return jen.Id(b.String())
}

// appender names the function for a kind, the type that it takes, and says
// whether it can fail.
type appender struct {
	name, takes string
	fails       bool
}

var appenders = map[model.Kind]appender{
	model.String: {"String", "", true}, model.Bool: {"Bool", "", false}, model.Bytes: {"Bytes", "", true}, model.Time: {"Time", "", false},
	model.Duration: {"Duration", "", false}, model.Float32: {"Float32", "", false}, model.Float64: {"Float64", "", false}, model.Enum: {"String", "string", true},
	model.Int: {"Int", "", false}, model.Int8: {"Int", "int64", false}, model.Int16: {"Int", "int64", false}, model.Int32: {"Int", "int64", false},
	model.Int64: {"Int", "", false}, model.Uint: {"Uint", "", false}, model.Uint8: {"Uint", "uint64", false}, model.Uint16: {"Uint", "uint64", false},
	model.Uint32: {"Uint", "uint64", false}, model.Uint64: {"Uint", "", false},
}

func bAndErr() *jen.Statement { return jen.List(jen.Id("b"), jen.Err()) }

// writeValue appends a value of type t that is depth levels deep.
func (c *codecs) writeValue(v jen.Code, t *model.Type, depth jen.Code) *jen.Statement {
	switch t.Kind {
	case model.Struct:
		return bAndErr().Op("=").Add(v).Dot("appendMsgpack").Call(jen.Id("b"), depth, jen.Err())
	case model.Slice, model.Map:
		return bAndErr().Op("=").Id("append"+c.containerName(t)).Call(jen.Id("b"), v, depth, jen.Err())
	}
	a := appenders[t.Kind]
	if a.takes != "" {
		v = jen.Id(a.takes).Call(v)
	}
	call := jen.Qual(codecPath, "Append"+a.name)
	if a.fails {
		return bAndErr().Op("=").Add(call).Call(jen.Id("b"), v, jen.Err())
	}
	return jen.Id("b").Op("=").Add(call).Call(jen.Id("b"), v)
}

func (c *codecs) read(b *jen.Group, name string, fields []*model.Field) {
	b.Op("*").Id("e").Op("=").Id(name).Values()
	b.For(jen.Id("f").Op(":=").Id("r").Dot("Record").Call(), jen.Id("f").Dot("Pass").Call(jen.Id("r")), jen.Empty()).BlockFunc(func(b *jen.Group) {
		for i, fd := range fields {
			bit := jen.Lit(0)
			if i < 64 {
				bit = jen.Lit(1).Op("<<").Lit(i)
			}
			at := jen.Id("f").Dot("At").Call(jen.Id("r"), rawString(rawKey(fd.Name.Value)))
			b.If(at.Op("&&").Id("f").Dot("Take").Call(jen.Id("r"), bit)).BlockFunc(func(b *jen.Group) { c.readField(b, fd) })
		}
	})
}

func (c *codecs) readField(b *jen.Group, fd *model.Field) {
	target := jen.Id("e").Dot(goname.Exported(fd.Name.Value))
	switch {
	case !fd.Type.Optional && fd.Type.Kind == model.Struct:
		b.Add(target).Dot("ReadMsgpack").Call(jen.Id("r"))
	case !fd.Type.Optional:
		b.Add(target).Op("=").Add(c.readValue(fd.Type))
	case fd.Type.Kind == model.Struct:
		b.If(jen.Op("!").Id("r").Dot("Nil").Call()).Block(
			target.Clone().Op("=").Qual(codecPath, "New").Index(jen.Id(c.names.typ[fd.Type.Named])).Call(jen.Id("r")),
			target.Clone().Dot("ReadMsgpack").Call(jen.Id("r")),
		)
	default:
		elem := *fd.Type
		elem.Optional = false
		b.If(jen.Op("!").Id("r").Dot("Nil").Call()).Block(
			jen.Id("v").Op(":=").Add(c.readValue(&elem)),
			target.Clone().Op("=").Op("&").Id("v"),
		)
	}
}

// readValue is an expression that reads a value of any type but a struct.
func (c *codecs) readValue(t *model.Type) *jen.Statement {
	r := jen.Id("r")
	switch t.Kind {
	case model.Slice, model.Map:
		return jen.Id("read" + c.containerName(t)).Call(r)
	case model.Enum:
		return jen.Id(c.names.typ[t.Named]).Call(r.Dot("String").Call())
	}
	if t.Kind.IsInteger() {
		read := r.Dot("Int").Call(jen.Lit(t.Kind.Bits()))
		if t.Kind >= model.Uint {
			read = jen.Id("r").Dot("Uint").Call(jen.Lit(t.Kind.Bits()))
		}
		if t.Kind.Bits() == 64 {
			return read
		}
		return jen.Id(goTypes[t.Kind]).Call(read)
	}
	return r.Dot(appenders[t.Kind].name).Call()
}

// containerName is what the functions for a slice or map are called, and asks
// for them to be declared. A type of the spec may be called like a container of
// another: the later one gets a number.
func (c *codecs) containerName(t *model.Type) string {
	base := c.typeName(t)
	name := base
	for n := 2; c.containers[name] != nil && !c.containers[name].Equal(t); n++ {
		name = fmt.Sprintf("%s%d", base, n)
	}
	if c.containers[name] == nil {
		c.containers[name] = t
		c.queue = append(c.queue, t)
	}
	return name
}

func (c *codecs) typeName(t *model.Type) string {
	switch t.Kind {
	case model.Slice:
		return "SliceOf" + c.typeName(t.Elem)
	case model.Map:
		return "MapOf" + c.typeName(t.Elem)
	case model.Struct, model.Enum:
		return c.names.typ[t.Named]
	case model.Bytes:
		return "Bytes"
	case model.Time:
		return "Time"
	case model.Duration:
		return "Duration"
	}
	return goname.Exported(goTypes[t.Kind]) + "Value"
}

// container declares how a slice or a map is written and read.
func (c *codecs) container(t *model.Type) {
	name, typ := c.containerName(t), c.typ(t)
	deeper := func() jen.Code { return jen.Id("depth").Op("+").Lit(1) }
	params := []jen.Code{jen.Id("b").Index().Byte(), jen.Id("s").Add(typ), jen.Id("depth").Int(), jen.Err().Error()}
	c.file.Func().Id("append"+name).Params(params...).Params(jen.Index().Byte(), jen.Error()).BlockFunc(func(b *jen.Group) {
		descend(b)
		if t.Kind == model.Map {
			b.Id("b").Op("=").Qual(codecPath, "AppendMap").Call(jen.Id("b"), jen.Len(jen.Id("s")))
			b.For(jen.List(jen.Id("_"), jen.Id("k")).Op(":=").Range().Qual(codecPath, "SortedKeys").Call(jen.Id("s"))).BlockFunc(func(b *jen.Group) {
				b.Add(bAndErr()).Op("=").Qual(codecPath, "AppendString").Call(jen.Id("b"), jen.Id("k"), jen.Err())
				value := jen.Id("s").Index(jen.Id("k"))
				if t.Elem.Kind == model.Struct {
					b.Id("v").Op(":=").Add(value) // to have an address
					value = jen.Id("v")
				}
				b.Add(c.writeValue(value, t.Elem, deeper()))
			})
		} else {
			b.Id("b").Op("=").Qual(codecPath, "AppendArray").Call(jen.Id("b"), jen.Len(jen.Id("s")))
			b.For(jen.Id("i").Op(":=").Range().Id("s")).Block(c.writeValue(jen.Id("s").Index(jen.Id("i")), t.Elem, deeper()))
		}
		b.Return(jen.Id("b"), jen.Err())
	})
	c.file.Func().Id("read" + name).Params(jen.Id("r").Op("*").Qual(codecPath, "Reader")).Add(typ).BlockFunc(func(b *jen.Group) { c.readContainer(b, t) })
}

func (c *codecs) readContainer(b *jen.Group, t *model.Type) {
	open, build := "Array", "Make"
	if t.Kind == model.Map {
		open, build = "Map", "MakeMap"
	}
	b.Id("a").Op(":=").Id("r").Dot(open).Call()
	b.Id("s").Op(":=").Qual(codecPath, build).Index(c.typ(t.Elem)).Call(jen.Id("r"), jen.Id("a"))
	b.For(jen.Id("a").Dot("Next").Call(jen.Id("r"))).BlockFunc(func(b *jen.Group) {
		if t.Kind == model.Map {
			b.Id("k").Op(":=").Id("r").Dot("String").Call()
		}
		value := jen.Code(jen.Id("v"))
		if t.Elem.Kind == model.Struct {
			b.Var().Id("v").Add(c.typ(t.Elem))
			b.Id("v").Dot("ReadMsgpack").Call(jen.Id("r"))
		} else {
			value = c.readValue(t.Elem)
		}
		if t.Kind == model.Map {
			b.Id("s").Index(jen.Id("k")).Op("=").Add(value)
			b.Id("a").Dot("Unique").Call(jen.Id("r"), jen.Len(jen.Id("s")))
		} else {
			b.Id("s").Op("=").Append(jen.Id("s"), value)
		}
	})
	b.Return(jen.Id("s"))
}
