package golang

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// codecs declares the MessagePack methods of everything that travels, and the
// functions for the slices and maps within.
func (g *generator) codecs(f *jen.File) {
	c := &codecs{generator: g, file: f, containers: map[string]bool{}}
	for _, t := range g.m.Types {
		if !t.Enum {
			c.structure(g.names.typ[t], t.Fields)
		}
	}
	for _, e := range append(append([]*model.Event(nil), g.m.Events...), append(g.m.Internal, g.m.Emits...)...) {
		c.structure(g.names.event[e], e.Fields)
		if e.HasReply {
			c.structure(g.names.reply[e], e.Reply)
		}
	}
	for _, r := range g.m.Sends {
		for _, e := range r.Events {
			c.structure(g.names.event[e], e.Fields)
		}
	}
	c.structure("StateChanged", g.changedFields())
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
	containers map[string]bool
	queue      []*model.Type
}

func (c *codecs) structure(name string, fields []*model.Field) {
	recv := func() *jen.Statement { return jen.Func().Params(jen.Id("e").Op("*").Id(name)) }
	f := c.file
	f.Add(doc("AppendMsgpack appends e's MessagePack form to b.")).
		Add(recv()).Id("AppendMsgpack").Params(jen.Id("b").Index().Byte()).Params(jen.Index().Byte(), jen.Error()).Block(
		jen.Id("w").Op(":=").Qual(codecPath, "NewWriter").Call(jen.Id("b")),
		jen.Id("e").Dot("WriteMsgpack").Call(jen.Op("&").Id("w")),
		jen.Return(jen.Id("w").Dot("Finish").Call()),
	)
	f.Add(doc("UnmarshalMsgpack reads e from b, which it does not keep.")).
		Add(recv()).Id("UnmarshalMsgpack").Params(jen.Id("b").Index().Byte()).Error().Block(
		jen.Id("r").Op(":=").Qual(codecPath, "NewReader").Call(jen.Id("b")),
		jen.Id("e").Dot("ReadMsgpack").Call(jen.Op("&").Id("r")),
		jen.Return(jen.Id("r").Dot("Finish").Call()),
	)
	f.Add(doc("EncodeMsgpack implements msgpack/v5's CustomEncoder.")).
		Add(recv()).Id("EncodeMsgpack").Params(jen.Id("enc").Op("*").Qual(codecPath, "Encoder")).Error().Block(
		jen.Return(jen.Qual(codecPath, "Encode").Call(jen.Id("enc"), jen.Id("e"))))
	f.Add(doc("DecodeMsgpack implements msgpack/v5's CustomDecoder.")).
		Add(recv()).Id("DecodeMsgpack").Params(jen.Id("dec").Op("*").Qual(codecPath, "Decoder")).Error().Block(
		jen.Return(jen.Qual(codecPath, "Decode").Call(jen.Id("dec"), jen.Id("e"))))
	f.Add(doc("WriteMsgpack writes e to w.")).
		Add(recv()).Id("WriteMsgpack").Params(jen.Id("w").Op("*").Qual(codecPath, "Writer")).BlockFunc(func(b *jen.Group) { c.write(b, fields) })
	f.Add(doc("ReadMsgpack reads e from r; what the message does not have is zero.")).
		Add(recv()).Id("ReadMsgpack").Params(jen.Id("r").Op("*").Qual(codecPath, "Reader")).BlockFunc(func(b *jen.Group) { c.read(b, name, fields) })
}

func (c *codecs) write(b *jen.Group, fields []*model.Field) {
	required, optional := 0, false
	for _, fd := range fields {
		if fd.Type.Optional {
			optional = true
		} else {
			required++
		}
	}
	if optional {
		b.Id("n").Op(":=").Lit(required)
		for _, fd := range fields {
			if fd.Type.Optional {
				b.If(jen.Id("e").Dot(goname.Exported(fd.Name.Value)).Op("!=").Nil()).Block(jen.Id("n").Op("++"))
			}
		}
		b.Id("w").Dot("Map").Call(jen.Id("n"))
	} else {
		b.Id("w").Dot("Map").Call(jen.Lit(required))
	}
	for _, fd := range fields {
		c.writeField(b, fd)
	}
	b.Id("w").Dot("End").Call()
}

func (c *codecs) writeField(b *jen.Group, fd *model.Field) {
	value := jen.Id("e").Dot(goname.Exported(fd.Name.Value))
	key := jen.Id("w").Dot("Raw").Call(rawKey(fd.Name.Value))
	if !fd.Type.Optional {
		b.Add(key)
		b.Add(c.writeValue(value, fd.Type))
		return
	}
	elem := *fd.Type
	elem.Optional = false
	deref := jen.Op("*").Add(value.Clone())
	condition := value.Clone().Op("!=").Nil()
	if elem.Kind == model.Struct {
		deref = value.Clone() // methods take a pointer
		condition.Op("&&").Op("!").Id("w").Dot("Failed").Call()
	}
	b.If(condition).Block(key, c.writeValue(deref, &elem))
}

// rawKey is a field's name as it is written: a header and the text. Names are
// ASCII.
func rawKey(name string) jen.Code {
	header := fmt.Sprintf("\\x%02x", 0xa0|len(name))
	if len(name) > 31 {
		header = fmt.Sprintf("\\xd9\\x%02x", len(name))
	}
	if strings.IndexByte("0123456789abcdefABCDEF", name[0]) >= 0 {
		return jen.Id(`"` + header + `"`).Op("+").Lit(name)
	}
	return jen.Id(`"` + header + name + `"`)
}

// writer names the Writer's method for a kind, and the type that it takes.
var writers = map[model.Kind][2]string{
	model.String: {"String", ""}, model.Bool: {"Bool", ""}, model.Bytes: {"Bytes", ""}, model.Time: {"Time", ""}, model.Duration: {"Duration", ""},
	model.Float32: {"Float32", ""}, model.Float64: {"Float64", ""}, model.Enum: {"String", "string"},
	model.Int: {"Int", ""}, model.Int8: {"Int", "int64"}, model.Int16: {"Int", "int64"}, model.Int32: {"Int", "int64"}, model.Int64: {"Int", ""},
	model.Uint: {"Uint", ""}, model.Uint8: {"Uint", "uint64"}, model.Uint16: {"Uint", "uint64"}, model.Uint32: {"Uint", "uint64"}, model.Uint64: {"Uint", ""},
}

func (c *codecs) writeValue(v jen.Code, t *model.Type) *jen.Statement {
	switch t.Kind {
	case model.Struct:
		return jen.Add(v).Dot("WriteMsgpack").Call(jen.Id("w"))
	case model.Slice, model.Map:
		return jen.Id("write"+c.containerName(t)).Call(jen.Id("w"), v)
	}
	w := writers[t.Kind]
	if w[1] != "" {
		v = jen.Id(w[1]).Call(v)
	}
	return jen.Id("w").Dot(w[0]).Call(v)
}

func (c *codecs) read(b *jen.Group, name string, fields []*model.Field) {
	b.Op("*").Id("e").Op("=").Id(name).Values()
	b.For(jen.Id("f").Op(":=").Id("r").Dot("Struct").Call(), jen.Id("f").Dot("Next").Call(jen.Id("r")), jen.Empty()).BlockFunc(func(b *jen.Group) {
		if len(fields) == 0 {
			b.Id("f").Dot("Skip").Call(jen.Id("r"))
			return
		}
		b.Switch(jen.String().Call(jen.Id("f").Dot("Key"))).BlockFunc(func(b *jen.Group) {
			for i, fd := range fields {
				b.Case(jen.Lit(fd.Name.Value)).BlockFunc(func(b *jen.Group) {
					b.Id("f").Dot("Once").Call(jen.Id("r"), jen.Lit(i))
					c.readField(b, fd)
				})
			}
			b.Default().Block(jen.Id("f").Dot("Skip").Call(jen.Id("r")))
		})
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
			target.Clone().Op("=").New(jen.Id(c.names.typ[fd.Type.Named])),
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
	return r.Dot(writers[t.Kind][0]).Call()
}

// containerName is what the functions for a slice or map are called, and asks
// for them to be declared.
func (c *codecs) containerName(t *model.Type) string {
	name := c.typeName(t)
	if !c.containers[name] {
		c.containers[name] = true
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
	name, typ := c.typeName(t), c.typ(t)
	isMap := t.Kind == model.Map
	w := jen.Id("w")
	c.file.Func().Id("write"+name).Params(jen.Id("w").Op("*").Qual(codecPath, "Writer"), jen.Id("s").Add(typ)).BlockFunc(func(b *jen.Group) {
		if isMap {
			b.Add(w.Clone()).Dot("Map").Call(jen.Len(jen.Id("s")))
			b.For(jen.List(jen.Id("_"), jen.Id("k")).Op(":=").Range().Qual(codecPath, "SortedKeys").Call(jen.Id("s"))).BlockFunc(func(b *jen.Group) {
				b.Add(w.Clone()).Dot("String").Call(jen.Id("k"))
				if t.Elem.Kind == model.Struct {
					b.Id("v").Op(":=").Id("s").Index(jen.Id("k")) // to have an address
					b.Id("v").Dot("WriteMsgpack").Call(w.Clone())
				} else {
					b.Add(c.writeValue(jen.Id("s").Index(jen.Id("k")), t.Elem))
				}
			})
		} else {
			b.Add(w.Clone()).Dot("Array").Call(jen.Len(jen.Id("s")))
			b.For(jen.Id("i").Op(":=").Range().Id("s")).Block(c.writeValue(jen.Id("s").Index(jen.Id("i")), t.Elem))
		}
		b.Add(w.Clone()).Dot("End").Call()
	})
	c.file.Func().Id("read" + name).Params(jen.Id("r").Op("*").Qual(codecPath, "Reader")).Add(typ).BlockFunc(func(b *jen.Group) { c.readContainer(b, t) })
}

func (c *codecs) readContainer(b *jen.Group, t *model.Type) {
	open, build := "Array", "Make"
	if t.Kind == model.Map {
		open, build = "Map", "MakeMap"
	}
	b.Id("a").Op(":=").Id("r").Dot(open).Call()
	b.Id("s").Op(":=").Qual(codecPath, build).Index(c.typ(t.Elem)).Call(jen.Id("a"))
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
