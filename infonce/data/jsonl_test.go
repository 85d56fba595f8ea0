package data

import (
	"testing"
)

func TestJSONL(t *testing.T) {
	two := matrix(2, 2, 1, 2.5, -3, 4e-3)
	checkText(t, "a.jsonl", []textCase{
		{"arrays", "[1, 2.5]\n[-3,4e-3]\n", two, nil, nil},
		{"objects", `{"x": [1, 2.5]}` + "\n\n" + `{"x" :[ -3 , 4e-3 ] }`, two, nil, nil},
		{"other keys", `{"id": 7, "text": "a \"[quoted]\" \\", "vec": [1, 2.5], "meta": {"tags": ["x", {"vec": [9]}]}}` + "\n" +
			`{"vec":[-3,4e-3],"tags":[1,2,3]}`, two, nil, nil},
		{"several arrays", `{"tokens": [1, 2, 3], "embedding": [1, 2.5], "embeddings": "no"}` + "\n" + `{"embedding": [-3, 4e-3]}`, two, nil, nil},
		{"labels", `{"x": [1, 2.5], "label": 7}` + "\n" + `{"x": [-3, 4e-3], "Label": "0"}`, two, []int{7, 0}, nil},
		{"names of classes", `{"class": "d\u006fg", "x": [1, 2.5]}` + "\n" + `{"x": [-3, 4e-3], "class": "cat"}`, two, []int{1, 0}, []string{"cat", "dog"}},
		{"escaped key", `{"\u0078": [1, 2.5]}` + "\n" + `{"x": [-3, 4e-3]}`, two, nil, nil},
	})
}

// badJSONL returns files of JSON that break a rule.
func badJSONL() []badFile {
	text := func(name, file, want string) badFile { return badFile{name, []byte(file), want} }
	return []badFile{
		text("empty", "", "line 1: rows: got end of file, want at least one"),
		text("blank", "\n\n", "line 3: rows: got end of file, want at least one"),
		text("not JSON", "[1,2]\n[3,4\n", "line 2: JSON: unexpected end of JSON input"),
		text("two values", "[1,2] [3,4]\n", "line 1: JSON: invalid character '['"),
		text("one array over lines", "[\n[1,2],\n[3,4]\n]\n", "line 1: JSON: unexpected end of JSON input"),
		text("Python", "{'x': [1]}\n", `line 1: JSON: invalid character '\''`),
		text("NaN", "[1,NaN]\n", "line 1: JSON: invalid character 'N'"),
		text("a number", "1\n", `line 1: line: got "1", want an array or an object`),
		text("null", "null\n", `line 1: line: got "null", want an array or an object`),
		text("empty array", "[]\n", "line 1: length of vector: got 0, want at least 1"),
		text("empty object", "{}\n", `line 1: keys of arrays: got 0, want one, or one named "embedding" or "embeddings"`),
		text("no array", `{"x": 1}`, "line 1: keys of arrays: got 0, want one"),
		text("two arrays", `{"x": [1], "y": [2]}`, `line 1: keys of arrays: got 2, want one, or one named "embedding"`),
		text("array of arrays", "[[1,2],[3,4]]\n", `line 1: number 0: got "[1,2]", want a finite float32`),
		text("array of strings", `["1"]`, `line 1: number 0: got "\"1\"", want a finite float32`),
		text("null in an array", "[1,2]\n[3,null]\n", `line 2: number 1: got "null", want a finite float32`),
		text("too large", "[1,1e39]\n", `line 1: number 1: got "1e39", want a finite float32`),
		text("shorter", "[1,2]\n[3]\n", "line 2: length of vector: got 1, want 2 as in the first line"),
		text("longer", "[1,2]\n[3,4,5]\n", "line 2: length of vector: got more, want 2 as in the first line"),
		text("none", "[1,2]\n[]\n", "line 2: length of vector: got 0, want 2"),
		text("array then object", "[1]\n{\"x\":[1]}\n", `line 2: line: got "{\"x\":[1]}", want an array as in the first line`),
		text("object then array", "{\"x\":[1]}\n[1]\n", `line 2: line: got "[1]", want an object as in the first line`),
		text("another key", "{\"x\":[1]}\n{\"y\":[1]}\n", `line 2: key: got none "x", want an array of numbers`),
		text("key of another kind", "{\"x\":[1]}\n{\"x\":1}\n", `line 2: vector: got "1", want an array of numbers`),
		text("key twice", `{"x":[1],"x":[2]}`, `keys of arrays: got 2, want one`),
		text("key twice later", "{\"x\":[1]}\n{\"x\":[1],\"x\":[2]}\n", `line 2: key: got "x" twice, want once`),
		text("labels twice", `{"x":[1],"label":1,"class":2}`, "line 1: labels: got 2, want one a line"),
		text("label missing", "{\"x\":[1],\"label\":1}\n{\"x\":[1]}\n", "line 2: labels: got 1 so far, want 2 or none, as many as lines"),
		text("label late", "{\"x\":[1]}\n{\"x\":[1],\"label\":1}\n", "line 2: labels: got 1 so far, want 2 or none"),
		text("label null", `{"x":[1],"label":null}`, `line 1: label: got "null", want a string, or an integer from 0 to 2147483647`),
		text("label with a fraction", `{"x":[1],"label":1.5}`, `line 1: label: got "1.5", want a string, or an integer`),
		text("label negative", `{"x":[1],"label":-1}`, `line 1: label: got "-1", want a string, or an integer`),
		text("label empty", `{"x":[1],"label":""}`, `line 1: label: got "", want a name in UTF-8`),
		text("label not UTF-8", "{\"x\":[1],\"label\":\"\xff\"}", `line 1: label: got "\"\xff\"", want a string in UTF-8`),
		text("label half a character", `{"x":[1],"label":"\ud800"}`, `line 1: label: got`),
		text("deep", deepJSON, "line 1: JSON: invalid character '[' exceeded max depth"),
	}
}

// deepJSON opens more arrays than are read.
var deepJSON = func() string {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = '['
	}
	return string(b)
}()

// badJSONLLabels returns files that break a rule of labels.
func badJSONLLabels() []badFile {
	return []badFile{
		{"empty", nil, "line 1: labels: got end of file, want at least one"},
		{"null", []byte("null\n"), `line 1: label: got "null", want a string, or an integer`},
		{"an array", []byte("[1]\n"), `line 1: label: got "[1]", want a string, or an integer`},
		{"no label", []byte("{\"x\":1}\n"), "line 1: labels: got 0, want one a line"},
		{"two labels", []byte("{\"label\":1,\"class\":1}\n"), "line 1: labels: got 2, want one a line"},
	}
}

// badJSONLTriplets returns files that break a rule of triplets.
func badJSONLTriplets() []badFile {
	return []badFile{
		{"empty", nil, "line 1: triplets: got end of file, want at least one"},
		{"a number", []byte("1\n"), `line 1: line: got "1", want an array or an object`},
		{"two", []byte("[1,2]\n"), "line 1: negative: got none, want an integer"},
		{"four", []byte("[1,2,3,4]\n"), "line 1: indices: got more, want 3, anchor, positive and negative"},
		{"negative", []byte("[1,-2,3]\n"), `line 1: positive: got "-2", want an integer from 0 to 2147483647`},
		{"a string", []byte(`{"anchor":"1","positive":2,"negative":3}`), `line 1: anchor: got "\"1\"", want an integer`},
		{"key missing", []byte(`{"anchor":1,"negative":3}`), "line 1: positive: got none, want an integer"},
		{"key twice", []byte(`{"anchor":1,"positive":2,"anchor":1,"negative":3}`), "line 1: indices: got more, want 3"},
	}
}
