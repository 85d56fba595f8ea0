package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// An entry describes one tensor in the header of a safetensors file.
type entry struct {
	name       string
	shape      []int
	begin, end int64 // bytes of data, relative to the end of the header
	of         number.Type
}

// An elementType is a type of elements of tensors.
type elementType struct {
	name string // in the header
	of   number.Type
}

var (
	float32Only = []elementType{{"F32", number.Float32}}

	elementTypes = []elementType{
		{"F32", number.Float32}, {"F64", number.Float64}, {"F16", number.Float16}, {"BF16", number.Bfloat16},
		{"I64", number.Int64}, {"I32", number.Int32}, {"I16", number.Int16}, {"I8", number.Int8},
		{"BOOL", number.Bool}, {"U64", number.Uint64}, {"U32", number.Uint32}, {"U16", number.Uint16}, {"U8", number.Uint8},
	}
)

// A headerDecoder reads the header of a safetensors file token by token, because json.Unmarshal
// keeps the last of two equal keys and ignores the case of keys. The argument what of its methods
// is for errors.
type headerDecoder struct {
	dec   *json.Decoder
	types []elementType // that are allowed
	other bool          // others are too: they become the zero Type with the name of the element type
	limit int64         // the most bytes of a tensor
}

// number returns the type with a name, the zero Type if there is none.
func (h headerDecoder) number(name string) number.Type {
	for _, t := range h.types {
		if t.name == name {
			return t.of
		}
	}
	return number.Type{}
}

// wantType lists the types for an error.
func (h headerDecoder) wantType() string {
	var names []string
	for _, t := range h.types {
		names = append(names, strconv.Quote(t.name))
	}
	return strings.Join(names, ", ")
}

// decodeHeader returns the tensors, of the given types or any, and of at most limit bytes, and the
// metadata of a header at offset 8 of a file.
func decodeHeader(text []byte, types []elementType, other bool, limit int64) (entries []entry, meta map[string]string, err error) {
	if i := invalidUTF8(text); i >= 0 {
		return nil, nil, input.Malformed(8+int64(i), "UTF-8", fmt.Sprintf("%#02x", text[i]), "a character")
	}
	if text[0] != '{' {
		return nil, nil, input.Malformed(8, "first byte of header", input.Quoted(string(text[:1])), `"{"`)
	}
	h := headerDecoder{json.NewDecoder(bytes.NewReader(text)), types, other, limit}
	h.dec.UseNumber()
	err = h.object("header", func(key string) (err error) {
		if key == metadataKey {
			meta = make(map[string]string)
			return h.object("metadata", func(key string) (err error) {
				if len(meta) == maxKeys {
					return h.malformed("number of metadata", "more", fmt.Sprintf("at most %d", maxKeys))
				}
				meta[key], err = h.string("metadata " + input.Quoted(key))
				return err
			})
		}
		if len(entries) == maxKeys {
			return h.malformed("number of tensors", "more", fmt.Sprintf("at most %d", maxKeys))
		}
		e, err := h.entry(key)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	end := h.dec.InputOffset()
	for i, c := range text[end:] {
		if c != ' ' {
			return nil, nil, input.Malformed(8+end+int64(i), "padding of header", input.Quoted(string(rune(c))), `" "`)
		}
	}
	return entries, meta, nil
}

// invalidUTF8 returns the index of the first byte that is not UTF-8, or −1.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// entry reads the description of the tensor name.
func (h headerDecoder) entry(name string) (entry, error) {
	e := entry{name: name, begin: -1}
	what := "tensor " + input.Quoted(name)
	var dtype string
	var shaped bool
	err := h.object(what, func(key string) (err error) {
		switch key {
		case "dtype":
			if dtype, err = h.string("dtype of " + what); err != nil {
				return err
			}
			if e.of = h.number(dtype); e.of.Size == 0 && h.other {
				e.of.Name = dtype
			} else if e.of.Size == 0 {
				err = h.malformed("dtype of "+what, input.Quoted(dtype), h.wantType())
			}
			return err
		case "shape":
			shaped = true
			return h.array("shape of "+what, func() error {
				d, err := h.integer("shape of "+what, math.MaxInt)
				if e.shape = append(e.shape, int(d)); err == nil && len(e.shape) > maxRank {
					err = h.malformed("dimensions of "+what, "more", fmt.Sprintf("at most %d", maxRank))
				}
				return err
			})
		case "data_offsets":
			var offsets []int64
			err := h.array("data_offsets of "+what, func() error {
				v, err := h.integer("data_offsets of "+what, math.MaxInt64)
				if offsets = append(offsets, v); err == nil && len(offsets) > 2 {
					err = h.malformed("data_offsets of "+what, "more", "two")
				}
				return err
			})
			if err == nil && len(offsets) < 2 {
				err = h.malformed("data_offsets of "+what, len(offsets), "two")
			}
			if err == nil {
				e.begin, e.end = offsets[0], offsets[1]
			}
			return err
		}
		return h.malformed("key of "+what, input.Quoted(key), "dtype, shape or data_offsets")
	})
	if err != nil {
		return entry{}, err
	}
	n, ok := elements(e.shape)
	size := int64(e.of.Size)
	switch {
	case dtype == "":
		return entry{}, h.malformed("dtype of "+what, "none", h.wantType())
	case !shaped:
		return entry{}, h.malformed("shape of "+what, "none", "an array")
	case e.begin < 0:
		return entry{}, h.malformed("data_offsets of "+what, "none", "two")
	case !ok || size > 0 && n > h.limit/size:
		return entry{}, h.malformed("shape of "+what, fmt.Sprint(e.shape), "a product that fits in memory")
	case e.begin > e.end:
		return entry{}, h.malformed("data_offsets of "+what, fmt.Sprintf("%d and %d", e.begin, e.end), "begin before end")
	case size > 0 && e.end-e.begin != size*n:
		return entry{}, h.malformed("data_offsets of "+what, fmt.Sprintf("%d bytes", e.end-e.begin), fmt.Sprintf("%d for shape %d", size*n, e.shape))
	}
	return e, nil
}

// malformed returns the error for the last token, with the offset of its end.
func (h headerDecoder) malformed(rule string, got, want any) error {
	return input.Malformed(8+h.dec.InputOffset(), rule, got, want)
}

// token reads the next token.
func (h headerDecoder) token(what string) (json.Token, error) {
	token, err := h.dec.Token()
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, h.malformed(what, "end of header", "the rest of it")
	case err != nil:
		return nil, fmt.Errorf("offset %d: %s: JSON: %w", 8+h.dec.InputOffset(), what, err)
	}
	return token, nil
}

// object reads an object and calls value to read the value of each key.
func (h headerDecoder) object(what string, value func(key string) error) error {
	if err := h.delim(what, '{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for h.dec.More() {
		key, err := h.string("key of " + what)
		if err != nil {
			return err
		}
		if seen[key] {
			return h.malformed("key of "+what, input.Quoted(key)+" twice", "once")
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return h.delim(what, '}')
}

// array reads an array and calls value to read each of its values.
func (h headerDecoder) array(what string, value func() error) error {
	if err := h.delim(what, '['); err != nil {
		return err
	}
	for h.dec.More() {
		if err := value(); err != nil {
			return err
		}
	}
	return h.delim(what, ']')
}

func (h headerDecoder) delim(what string, want json.Delim) error {
	token, err := h.token(what)
	if err == nil && token != want {
		err = h.malformed(what, kind(token), want)
	}
	return err
}

func (h headerDecoder) string(what string) (string, error) {
	token, err := h.token(what)
	if err != nil {
		return "", err
	}
	s, ok := token.(string)
	switch {
	case !ok:
		return "", h.malformed(what, kind(token), "a string")
	case !isText(s):
		return "", h.malformed(what, input.Quoted(s), "text without U+FFFD")
	}
	return s, nil
}

// integer reads a number from 0 to limit, written in digits only.
func (h headerDecoder) integer(what string, limit uint64) (int64, error) {
	token, err := h.token(what)
	if err != nil {
		return 0, err
	}
	number, ok := token.(json.Number)
	if !ok {
		return 0, h.malformed(what, kind(token), "an integer")
	}
	v, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil || v > limit {
		return 0, h.malformed(what, input.Quoted(string(number)), fmt.Sprintf("an integer from 0 to %d", limit))
	}
	return int64(v), nil
}

// kind names the JSON type of a token.
func kind(token json.Token) string {
	switch token := token.(type) {
	case json.Delim:
		return token.String()
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	default:
		return "null"
	}
}
