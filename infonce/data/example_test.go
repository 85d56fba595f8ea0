package data_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/contrast-go/contrast/infonce/data"
)

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
