package dataset

// A Sized source tells how many bytes of memory its data take.
type Sized interface{ Bytes() int64 }

// Bytes returns the size of the data in memory; see [Sized].
func (s *Views) Bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *Classes) Bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

func imageBytes(pixels int, labels []int) int64 { return int64(pixels) + 8*int64(len(labels)) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *RowViews) Bytes() int64 { return rowBytes(s.Rows) + 8*int64(len(s.Labels)) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *RowClasses) Bytes() int64 { return rowBytes(s.Rows) + 8*int64(len(s.Labels)) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *RowTriplets) Bytes() int64 { return rowBytes(s.Rows) + 24*int64(len(s.Triplets)) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *RowPairs) Bytes() int64 {
	total := rowBytes(s.Queries) + 8*int64(len(s.DocumentIDs))
	q, inMemory := s.Queries.(Table)
	d, alike := s.Documents.(Table)
	if inMemory && alike && q.Overlaps(d.Matrix) {
		return total
	}
	return total + rowBytes(s.Documents)
}

// rowBytes returns the bytes of rows that are in memory.
func rowBytes(r Rows) int64 {
	if t, ok := r.(Table); ok {
		return 4 * int64(len(t.Data))
	}
	return 0
}
