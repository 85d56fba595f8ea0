package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/simd"
)

// advance makes one step of training: samples, embeddings, loss, gradients, update. If it returns
// an error, the parameters are unchanged.
func (t *Trainer) advance(step int) (Progress, error) {
	labels, err := t.Source.Next(step, t.x)
	if err != nil {
		return Progress{}, fmt.Errorf("source: %w", err)
	}
	if labels != nil && len(labels) != t.x.Rows {
		return Progress{}, fmt.Errorf("source: %d labels, want one for each of %d rows", len(labels), t.x.Rows)
	}
	z, err := t.embed()
	if err != nil {
		return Progress{}, err
	}
	if err := t.checkEmbedding(z); err != nil {
		return Progress{}, err
	}

	batch := t.arrange(z, labels)
	if batch.K.Rows > 0 && batch.Q.Rows%t.Batch != 0 {
		return Progress{}, fmt.Errorf("arrangement: %d queries, want a multiple of the %d samples of a step: it is for another number of views than %d",
			batch.Q.Rows, t.Batch, t.views())
	}
	if err := t.addQueue(step, &batch); err != nil {
		return Progress{}, err
	}
	if err := t.addIDs(&batch); err != nil {
		return Progress{}, err
	}
	result, err := t.evaluate(batch)
	if err != nil {
		return Progress{}, err
	}
	if err := t.backward(); err != nil {
		return Progress{}, err
	}
	norm, err := gradientNorm(t.Encoder.Params())
	if err != nil {
		return Progress{}, err
	}
	if err := t.LearnedTemperature.load(result.DTemperature); err != nil {
		return Progress{}, err
	}
	rate := t.Schedule.Rate(step)
	if !finite(float64(rate)) {
		return Progress{}, fmt.Errorf("learning rate is %v, want a finite number", rate)
	}

	// Nothing below can fail, so that parameters change only in a complete step.
	p := Progress{Result: result, Step: step, Rate: rate, GradNorm: norm}
	t.LearnedTemperature.step(&p)
	t.clip(&p)
	t.Optimizer.Step(t.Encoder.Params(), step, rate)
	if t.KeyEncoder != nil {
		t.KeyEncoder.Follow(t.Encoder.Params())
	}
	t.updateQueue(step, batch)
	return p, nil
}

// evaluate returns the loss of a batch and stores the gradient of the embeddings in t.dz.
func (t *Trainer) evaluate(batch infonce.Batch) (infonce.Result, error) {
	_, out := t.Encoder.Dims()
	t.dz = t.dz.Reshape(t.x.Rows, out)
	clear(t.dz.Data)
	t.grad = t.arrange(t.dz, nil)
	result, err := t.Loss.Evaluate(batch, &t.grad, 1)
	if err != nil {
		return result, err
	}
	if !finite(result.Loss) {
		return result, fmt.Errorf("loss is %v, want a finite number", result.Loss)
	}
	return result, checkMatrix("gradient", "embedding", t.dz)
}

// arrange returns z as the batch of the loss. By default that is Pairs, or, with more than two
// views, rows labelled by their sample.
func (t *Trainer) arrange(z simd.Matrix, labels []int) infonce.Batch {
	switch {
	case t.Arrange != nil:
		return t.Arrange(z, labels)
	case t.views() == 2:
		return Pairs(z, labels)
	}
	return Labelled(z, t.samples)
}

// addQueue adds the rows of Queue to the negatives of a batch.
func (t *Trainer) addQueue(step int, b *infonce.Batch) error {
	if !t.usesQueue(step) {
		return nil
	}
	if b.K.Rows != t.Batch {
		return fmt.Errorf("queue: the arrangement has %d keys, want %d, the second views", b.K.Rows, t.Batch)
	}
	b.Negatives = t.Queue.Rows()
	ids, err := t.keyIDs()
	if ids != nil {
		t.ids = append(append(t.ids[:0], ids...), t.Queue.IDs()...)
		b.IDs = t.ids
	}
	return err
}

// keyIDs returns what the source knows of the second views: equal numbers for the same thing, or
// nil.
func (t *Trainer) keyIDs() ([]int, error) {
	s, ok := t.Source.(dataset.Identifier)
	if !ok {
		return nil, nil
	}
	ids := s.IDs()
	if ids == nil {
		return nil, nil
	}
	if len(ids) != t.x.Rows {
		return nil, fmt.Errorf("source: %d IDs, want one for each of %d rows", len(ids), t.x.Rows)
	}
	return ids[t.Batch:], nil
}

// addIDs tells the loss which keys show the same thing, so that it does not use positives as
// negatives. It does so if the source knows, if views are arranged in pairs by default, and if the
// batch has any such keys.
func (t *Trainer) addIDs(b *infonce.Batch) error {
	if t.IgnoreIDs || t.Arrange != nil || t.views() != 2 || b.IDs != nil {
		return nil
	}
	ids, err := t.keyIDs()
	if err != nil {
		return err
	}
	t.ids = append(t.ids[:0], ids...)
	slices.Sort(t.ids)
	for i := 1; i < len(t.ids); i++ {
		if t.ids[i-1] == t.ids[i] {
			b.IDs = ids
			break
		}
	}
	return nil
}

// updateQueue adds the keys of a batch to Queue.
func (t *Trainer) updateQueue(step int, b infonce.Batch) {
	if !t.usesQueue(step) {
		return
	}
	ids := b.IDs
	if ids != nil {
		ids = ids[:t.Batch]
	}
	t.Queue.Push(b.K, ids)
}

func (t *Trainer) usesQueue(step int) bool { return t.Queue != nil && step >= t.QueueAfter }

// clip scales the gradient of a step down to norm ClipNorm if it is longer, and counts that in p.
func (t *Trainer) clip(p *Progress) {
	if t.ClipNorm == 0 {
		return
	}
	t.clipState()
	if p.GradNorm > t.ClipNorm {
		g := t.Encoder.Params().Grads
		simd.Scale(g, float32(t.ClipNorm/p.GradNorm), g)
		t.clips.set(0, t.clips.at(0)+1)
	}
	p.Clipped = int(t.clips.at(0))
}

// A loss needs the embeddings of all rows at once, but not the activations of the encoder. So the
// encoder may be given chunks of the batch (GradCache, Gao et al. 2021, section 3): first only the
// embeddings are kept, and once their gradient is known, each chunk is passed forward again and
// then back. A second Forward is the price of memory that does not grow with the batch.
//
// Chunks come in ascending order and sums over rows continue from one to the next, so the gradients
// have the same bits as without chunks.

// embed returns the embeddings of the rows of t.x.
func (t *Trainer) embed() (simd.Matrix, error) {
	n := t.trainedRows()
	if n == t.x.Rows && n <= t.chunk() {
		return forward(t.Encoder, t.x)
	}
	_, out := t.Encoder.Dims()
	t.z = t.z.Reshape(t.x.Rows, out)
	err := t.embedRows(t.Encoder, 0, n)
	if err == nil && t.KeyEncoder != nil {
		err = t.embedRows(t.KeyEncoder.Encoder, n, t.x.Rows)
	}
	return t.z, err
}

// forward is e.Forward, held to what e says of its embeddings.
func forward(e nn.Encoder, x simd.Matrix) (simd.Matrix, error) {
	z := e.Forward(x)
	if _, out := e.Dims(); z.Rows != x.Rows || z.Cols != out {
		return z, fmt.Errorf("encoder: embeddings are %d×%d, want %d×%d", z.Rows, z.Cols, x.Rows, out)
	}
	return z, nil
}

// embedRows stores the embeddings of rows [from, to) of t.x in t.z.
func (t *Trainer) embedRows(e nn.Encoder, from, to int) error {
	for i := from; i < to; i += t.chunk() {
		j := min(i+t.chunk(), to)
		z, err := forward(e, t.x.Slice(i, j))
		if err != nil {
			return err
		}
		for r := range z.Rows {
			copy(t.z.Row(i+r), z.Row(r))
		}
	}
	return nil
}

// backward computes the gradients of the parameters, given t.dz, the gradient with respect to the
// result of embed.
func (t *Trainer) backward() error {
	clear(t.Encoder.Params().Grads)
	n := t.trainedRows()
	if n <= t.chunk() {
		t.Encoder.Backward(t.dz.Slice(0, n))
		return nil
	}
	for i := 0; i < n; i += t.chunk() {
		j := min(i+t.chunk(), n)
		z := t.Encoder.Forward(t.x.Slice(i, j))
		for r := range z.Rows {
			if !slices.Equal(z.Row(r), t.z.Row(i+r)) {
				return fmt.Errorf("encoder: row %d has another embedding the second time, want the same: it is the one that the gradient is of", i+r)
			}
		}
		t.Encoder.Backward(t.dz.Slice(i, j))
	}
	return nil
}

// chunk returns the number of rows that an encoder is given at a time.
func (t *Trainer) chunk() int {
	if t.Chunk == 0 {
		return t.x.Rows
	}
	return t.Chunk
}

// trainedRows returns the number of rows, the first ones of t.x, that the trained encoder embeds.
func (t *Trainer) trainedRows() int {
	if t.KeyEncoder != nil {
		return t.Batch
	}
	return t.x.Rows
}

// checkEmbedding returns an error if the samples or their embeddings are not finite. The samples
// are checked too, because max(0, −∞) is finite.
func (t *Trainer) checkEmbedding(z simd.Matrix) error {
	if err := checkMatrix("source", "sample", t.x); err != nil {
		return err
	}
	err := checkMatrix("encoder", "embedding", z)
	if err == nil {
		return nil
	}
	for _, p := range t.Encoder.Params().Tensors { // name the cause, if it is one of them
		if err := checkMatrix("parameter", p.Name, asMatrix(p.Shape, p.Values)); err != nil {
			return err
		}
	}
	return err
}

// gradientNorm returns the Euclidean norm of all gradients, or an error that names the first tensor
// that is not finite.
func gradientNorm(p *nn.Params) (float64, error) {
	var sum float64
	for _, t := range p.Tensors {
		sum += float64(simd.Dot(t.Grads, t.Grads))
	}
	if finite(sum) {
		return math.Sqrt(sum), nil
	}
	for _, t := range p.Tensors {
		if err := checkMatrix("gradient", t.Name, asMatrix(t.Shape, t.Grads)); err != nil {
			return 0, err
		}
	}
	sum = 0 // only the sum of squares overflowed
	for _, g := range p.Grads {
		sum += float64(float64(g) * float64(g))
	}
	return math.Sqrt(sum), nil
}

// asMatrix returns a tensor as a matrix of as many columns as its last dimension.
func asMatrix(shape []int, values []float32) simd.Matrix {
	cols := 1
	if len(shape) > 0 {
		cols = max(shape[len(shape)-1], 1)
	}
	return simd.Matrix{Rows: len(values) / cols, Cols: cols, Stride: cols, Data: values}
}

// checkMatrix returns an error that names the first number of m that is not finite.
func checkMatrix(op, name string, m simd.Matrix) error {
	for i := range m.Rows {
		row := m.Row(i)
		// The sum of squares is finite only if the row is.
		if finite(float64(simd.Dot(row, row))) {
			continue
		}
		for j, v := range row {
			if !finite(float64(v)) {
				return &simd.NonFiniteError{Op: op, Arg: name, Row: i, Col: j, Value: v}
			}
		}
	}
	return nil
}

func finite(x float64) bool { return x-x == 0 }
