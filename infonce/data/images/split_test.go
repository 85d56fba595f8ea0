package images

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// TestSplitClasses has a database of faces, s1/1.pgm and so on: every fifth person is
// only in test.
func TestSplitClasses(t *testing.T) {
	files := map[string][]byte{"README": []byte("not read")}
	for person := 1; person <= 11; person++ {
		for n := 1; n <= 10; n++ {
			files[fmt.Sprintf("s%d/%d.pgm", person, n)] = pgm(2, 1, byte(person), byte(n))
		}
	}
	all, err := ReadFolder(filetest.Folder(t, files), Size{})
	if err != nil {
		t.Fatal(err)
	}
	order := []string{"s1", "s10", "s11", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"}
	if all.Len() != 110 || !slices.Equal(all.Classes, order) {
		t.Fatalf("%d images of %q", all.Len(), all.Classes)
	}
	train, test, err := SplitClasses(all, 5)
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 90 || test.Len() != 20 || !slices.Equal(test.Classes, order) || !slices.Equal(train.Classes, order) {
		t.Fatalf("%d and %d images of %q and %q", train.Len(), test.Len(), train.Classes, test.Classes)
	}
	for i, label := range test.Labels {
		name, person := "s3", byte(3)
		if i >= 10 {
			name, person = "s8", 8
		}
		n := []byte{1, 10, 2, 3, 4, 5, 6, 7, 8, 9}[i%10] // as their names are sorted
		if all.Classes[label] != name || !slices.Equal(test.At(i), []byte{person, n}) {
			t.Errorf("test image %d is %v of %s, want %d of %s", i, test.At(i), all.Classes[label], n, name)
		}
	}
	for i, label := range train.Labels {
		if slices.Contains(test.Labels, label) {
			t.Errorf("image %d to train on is of %s, who is in test", i, train.Classes[label])
		}
	}

	two, odd, err := SplitClasses(Set{1, 1, 1, []byte{1, 2, 3}, []int{1, 0, 1}, nil}, 2)
	if err != nil || !reflect.DeepEqual(two, Set{1, 1, 1, []byte{2}, []int{0}, nil}) || !reflect.DeepEqual(odd, Set{1, 1, 1, []byte{1, 3}, []int{1, 1}, nil}) {
		t.Errorf("%v and %v, error %v", two, odd, err)
	}
}

func TestSplitClassesRefuses(t *testing.T) {
	for _, test := range []struct {
		m    Set
		want string
	}{
		{Set{1, 1, 1, []byte{1}, nil, nil}, "labels: got none, want those of at least 5 classes"},
		{Set{1, 1, 1, []byte{1, 2}, []int{0, 3}, []string{"a", "b", "c", "d"}}, "classes: got 0 images to test on and 2 to train on, want some of both: every 5th class is held out, so there must be 5 classes at least"},
		{Set{1, 1, 1, []byte{1}, []int{4}, nil}, "classes: got 1 images to test on and 0 to train on"},
		{Set{}, "labels: got none"},
	} {
		_, _, err := SplitClasses(test.m, 5)
		filetest.CheckError(t, err, "images: ", test.want)
	}
	defer func() {
		if recover() == nil {
			t.Error("every class in test, without a panic")
		}
	}()
	SplitClasses(Set{}, 1)
}
