package data_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/contrast-go/contrast/infonce/data"
)

func ExampleGlyphs() {
	seen, unseen, err := data.Glyphs()
	if err != nil {
		log.Fatal(err)
	}
	_, names := data.Typefaces()
	fmt.Println(seen.Len(), "images to train on,", unseen.Len(), "to test on")
	fmt.Println("image 100 to test on is", unseen.Classes[unseen.Labels[100]], "in", names[100/62])
	// Output:
	// 1116 images to train on, 248 to test on
	// image 100 to test on is m in Liberation Serif Italic
}

func ExampleWriteSafetensors() {
	var file bytes.Buffer
	weights := data.Tensor{Name: "weights", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}
	if err := data.WriteSafetensors(&file, []data.Tensor{weights}, map[string]string{"step": "7"}); err != nil {
		log.Fatal(err)
	}
	tensors, meta, err := data.ReadSafetensors(&file, int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tensors, meta)
	// Output: [{weights [2 2] [1 2 3 4]}] map[step:7]
}
