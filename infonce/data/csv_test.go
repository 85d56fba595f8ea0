package data

import (
	"reflect"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/simd"
)

// A textCase is a file of text and what it holds.
type textCase struct {
	name    string
	file    string
	want    simd.Matrix
	labels  []int
	classes []string
}

// checkText reads files of that name.
func checkText(t *testing.T, name string, tests []textCase) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := saveFile(t, name, []byte(test.file))
			checkVectors(t, path, test.want)
			r, err := OpenVectors(path)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Labels(), test.labels) || !reflect.DeepEqual(r.Classes(), test.classes) {
				t.Errorf("labels %v of %q, want %v of %q", r.Labels(), r.Classes(), test.labels, test.classes)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			m := simd.NewMatrix(2, test.want.Cols)
			if err := r.Gather(m, []int{test.want.Rows - 1, 0}); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m.Row(0), test.want.Row(test.want.Rows-1)) || !reflect.DeepEqual(m.Row(1), test.want.Row(0)) {
				t.Errorf("gathered %v", m)
			}
		})
	}
}

func TestCSV(t *testing.T) {
	two := matrix(2, 2, 1, 2.5, -3, 4e-3)
	checkText(t, "a.csv", []textCase{
		{"bare", "1,2.5\n-3,4e-3\n", two, nil, nil},
		{"no last newline", "1,2.5\n-3,4e-3", two, nil, nil},
		{"Windows", "\ufeff1,2.5\r\n-3,4e-3\r\n", two, nil, nil},
		{"blank lines and spaces", "\n 1 ,\t2.5\n\n\n-3, 4e-3  \n \n", two, nil, nil},
		{"names", "x,y\n1,2.5\n-3,4e-3\n", two, nil, nil},
		{"quotes", "\"x, \"\"1\"\"\",\"y\"\n\"1\", \"2.5\" \n-3,4e-3\n", two, nil, nil},
		{"labels", "x,label,y\n1,7,2.5\n-3,0,4e-3\n", two, []int{7, 0}, nil},
		{"names of classes", "Class,x,y\ndog,1,2.5\n\"a, b\",-3,4e-3\n", two, []int{1, 0}, []string{"a, b", "dog"}},
		{"classes without names of columns", "dog,1,2.5\ncat,-3,4e-3\n", two, []int{1, 0}, []string{"cat", "dog"}},
		{"integers and names", "label,x,y\n10,1,2.5\nx,-3,4e-3\n", two, []int{0, 1}, []string{"10", "x"}},
		{"an index without a name", ",0,1\n0,1,2.5\n1,-3,4e-3\n", two, nil, nil},
		{"an id", "0,ID,1\n1,abc,2.5\n-3,def,4e-3\n", two, nil, nil},
		{"one column", "1\n2\n3\n", matrix(3, 1, 1, 2, 3), nil, nil},
		{"carriage returns", "x,y\r1,2.5\r-3,4e-3", two, nil, nil},
		{"line ends of all kinds", "x,y\r1,2.5\r\n\r\n\n\r-3,4e-3\r", two, nil, nil},
		{"lines in quotes", "\"a\nname\",label,y\n1,\"a \"\"dog\"\",\n\n at home\",2.5\r\n-3,\"a\rb\",\"4e-3\"\n", two, []int{1, 0}, []string{"a\nb", "a \"dog\",\n\n at home"}},
		{"quotes within a field", "x,label,y\n1,5\",2.5\n-3,3\",4e-3\n", two, []int{1, 0}, []string{"3\"", "5\""}},
		{"tabs", "x\tlabel\ty\n1\ta b\t2.5\n-3\t\"c\td\"\t4e-3\n", two, []int{0, 1}, []string{"a b", "c\td"}},
		{"tabs and an index without a name", "\tx\ty\n0\t1\t2.5\n1\t-3\t4e-3\n", two, nil, nil},
		{"comments", "# by hand\n#\n1,2.5\n-3,4e-3\n", two, nil, nil},
		{"names in a comment", "# written by NumPy\n# x,label,y\n1,7,2.5\n-3,0,4e-3\n", two, []int{7, 0}, nil},
		{"numbers for names in a comment", "#,0,1\n0,1,2.5\n1,-3,4e-3\n", two, nil, nil},
	})
}

// badCSV returns files of text that break a rule.
func badCSV() []badFile {
	text := func(name, file, want string) badFile { return badFile{name, []byte(file), want} }
	return []badFile{
		text("empty", "", "line 1: rows: got end of file, want at least one"),
		text("blank", "\n \r\n\t\n", "line 4: rows: got end of file, want at least one"),
		text("names only", "x,y\n", "line 2: rows: got end of file, want at least one"),
		text("a word", "x,y\n1,two\n", `line 2: number in field 2 "y": got "two", want a finite float32`),
		text("a word without names", "1,2\n3,four\n", `line 2: number in field 2: got "four", want a finite float32`),
		text("two words", "a,1,b\nc,2,d\n", `line 1: number in field 3: got "b"`),
		text("nothing", "1,2\n3,\n", `line 2: number in field 2: got "", want`),
		text("nothing first", "1,,3\n", `line 1: number in field 2: got "", want`),
		text("NaN", "1,2\n3,NaN\n", `line 2: number in field 2: got "NaN", want a finite float32`),
		text("NaN first", "nan,2\n3,4\n", `line 1: number in field 1: got "nan"`),
		text("infinite", "1,2\n-Inf,3\n", `line 2: number in field 1: got "-Inf"`),
		text("too large", "1,2\n3,1e39\n", `line 2: number in field 2: got "1e39"`),
		text("hexadecimal", "1,2\n3,0x1p4\n", `line 2: number in field 2: got "0x1p4"`),
		text("underscores", "1,2\n3,1_000\n", `line 2: number in field 2: got "1_000"`),
		text("semicolons", "1;2\n3;4\n", "line 2: number in field 1"),
		text("fewer fields", "1,2\n3\n", "line 2: number of fields: got 1, want 2 as in the first line"),
		text("more fields", "1,2\n\n3,4,5\n", "line 3: number of fields: got 3, want 2 as in the first line"),
		text("fewer than names", "x,y\n1\n", "line 2: number of fields: got 1, want 2"),
		text("no second quote", "1,2\n3,\"4\n5,6\n", "line 2: quoted field: got no second quote, want one within 16777216 bytes"),
		text("no second quote in the first line", "1,\"2\"\"\n3,4\n", "line 1: quoted field: got no second quote"),
		text("text after a quote of two lines", "1,\"2\n3\"4\n", "line 2: field 2: got text after the second quote"),
		text("comments only", "# x,y\n#\n", "line 3: rows: got end of file"),
		text("text after a quote", "1,\"2\"3\n", "line 1: field 2: got text after the second quote, want a comma"),
		text("labels twice", "label,x,class\n1,2,3\n", `line 1: names of columns: got "label" and "class", want one of labels`),
		text("labels only", "label,id\n1,2\n", "line 2: columns of numbers: got none, want at least one"),
		text("no label", "label,x\n,2\n", `line 2: label: got "", want a name in UTF-8`),
		text("label not UTF-8", "label,x\n\xff,2\n", `line 2: label: got "\xff", want a name in UTF-8`),
		text("label negative", "label,x\n1,2\n-1,2\n", `line 3: label: got "-1", want an integer from 0 to 2147483647`),
		text("label over 31 bits", "label,x\n2147483648,2\n", `line 2: label: got "2147483648", want an integer`),
		text("label over 64 bits", "label,x\n99999999999999999999,2\n", `line 2: label: got "99999999999999999999", want an integer`),
		text("line too long", "1,2\n3,"+strings.Repeat(" ", maxLine)+"\n", "line 2: length of line: got more, want at most 16777216 bytes"),
		text("too many fields", strings.Repeat("1,", maxFields)+"1\n", "line 1: number of fields: got more, want at most 1048576"),
		text("zeros", strings.Repeat("\x00", 100), `line 2: rows: got end of file`),
		text("binary", "\x93NUMPY\x01\x00,1\n\x00,\x01\n", `line 1: label: got "\x93NUMPY\x01\x00", want a name in UTF-8`),
	}
}

// badCSVLabels returns files that break a rule of labels.
func badCSVLabels() []badFile {
	return []badFile{
		{"empty", nil, "line 1: rows: got end of file"},
		{"names only", []byte("label\n"), "line 2: rows: got end of file"},
		{"two columns", []byte("1,2\n"), `line 1: columns: got 2, want one, or one named "label" or "class"`},
		{"negative", []byte("1\n-2\n"), `line 2: label: got "-2", want an integer from 0`},
	}
}

// badCSVTriplets returns files that break a rule of triplets.
func badCSVTriplets() []badFile {
	return []badFile{
		{"empty", nil, "line 1: rows: got end of file"},
		{"names only", []byte("a,p,n\n"), "line 2: rows: got end of file"},
		{"two fields", []byte("1,2\n"), "line 1: number of fields: got 2, want 3, anchor, positive and negative"},
		{"fewer fields later", []byte("1,2,3\n4,5\n"), "line 2: number of fields: got 2, want 3 as in the first line"},
		{"negative", []byte("1,2,-3\n"), `line 1: index in field 3: got "-3", want an integer from 0 to 2147483647`},
		{"with a fraction", []byte("1,2,3\n1,2.0,3\n"), `line 2: index in field 2: got "2.0", want`},
		{"over 31 bits", []byte("1,2147483648,3\n"), `line 1: index in field 2: got "2147483648"`},
	}
}
