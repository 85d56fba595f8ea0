// Package nn provides the encoders that contrastive learning trains, and their files.
//
// An [Encoder] turns the rows of a matrix into embeddings and carries gradients back:
//
//	m, err := nn.NewMLP(1, []int{784, 512, 256}, []int{128, 64}) // seed, body, projection head
//	z := m.Forward(x)                                            // x is n×784, z is n×64
//	m.Backward(dz)                                               // adds to m.Params().Grads
//	err = nn.WriteModel("model.safetensors", m)
//
// There are three: an [MLP], a [CNN] for images, and a [Dual] of two towers for pairs of two kinds.
// All parameters of an encoder lie in one block of memory and all gradients in another, so that an
// optimiser is one loop and a checkpoint one write. Results have the same bits on every CPU and for
// any number of workers. In steady state, a step allocates nothing.
package nn
