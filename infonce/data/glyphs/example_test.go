package glyphs_test

import (
	"fmt"
	"log"

	"github.com/contrast-go/contrast/infonce/data/glyphs"
)

func ExampleDraw() {
	seen, unseen, err := glyphs.Draw()
	if err != nil {
		log.Fatal(err)
	}
	_, names := glyphs.Typefaces()
	fmt.Println(seen.Len(), "images to train on,", unseen.Len(), "to test on")
	fmt.Println("image 100 to test on is", unseen.Classes[unseen.Labels[100]], "in", names[100/62])
	// Output:
	// 1116 images to train on, 248 to test on
	// image 100 to test on is m in Liberation Serif Italic
}
