package report

import (
	"errors"
	"fmt"
	"slices"
)

// check returns what is wrong with the page: lengths that do not agree, or indices of nothing.
func (p *Page) check() error {
	for _, t := range p.Tables {
		for _, r := range t.Rows {
			if len(r.Values) != len(t.Columns) {
				return fmt.Errorf("report: row %q has %d values, want %d", r.Name, len(r.Values), len(t.Columns))
			}
		}
	}
	for _, c := range p.Charts {
		for _, s := range c.Series {
			if s.Steps != nil && len(s.Steps) != len(s.Values) {
				return fmt.Errorf("report: series %q of chart %q has %d steps and %d values", s.Name, c.Title, len(s.Steps), len(s.Values))
			}
			if !slices.IsSorted(s.Steps) {
				return fmt.Errorf("report: the steps of series %q of chart %q do not increase", s.Name, c.Title)
			}
		}
	}
	if err := p.Sprite.check(); err != nil {
		return err
	}
	for i, q := range p.Map.Points {
		if q.Class < 0 || q.Class >= len(p.Classes) {
			return fmt.Errorf("report: point %d is of class %d of %d", i, q.Class, len(p.Classes))
		}
		if err := p.Sprite.checkImage(q.Image); err != nil {
			return fmt.Errorf("report: point %d: %w", i, err)
		}
	}
	for _, v := range p.Map.Views {
		if n := len(p.Map.Points); len(v.X) != n || len(v.Y) != n {
			return fmt.Errorf("report: view %q has %d×%d coordinates, want %d each", v.Title, len(v.X), len(v.Y), n)
		}
	}
	for i, s := range p.Neighbours.Strips {
		if len(s.Near) != len(p.Neighbours.Ways) {
			return fmt.Errorf("report: strip %d was searched in %d ways, want %d", i, len(s.Near), len(p.Neighbours.Ways))
		}
		for tile := range s.tiles() {
			if err := p.Sprite.checkImage(tile.Image); err != nil {
				return fmt.Errorf("report: strip %d: %w", i, err)
			}
		}
	}
	return nil
}

// tiles yields all tiles of the strip.
func (s Strip) tiles() func(yield func(Tile) bool) {
	return func(yield func(Tile) bool) {
		if !yield(s.Query) {
			return
		}
		for _, near := range s.Near {
			for _, tile := range near {
				if !yield(tile) {
					return
				}
			}
		}
	}
}

func (s Sprite) check() error {
	if s.Count > 0 && (s.Width <= 0 || s.Height <= 0 || s.Columns <= 0) {
		return errors.New("report: a sprite without a size")
	}
	return nil
}

// checkImage accepts the numbers of images, and 0 for none.
func (s Sprite) checkImage(number int) error {
	if number < 0 || number > s.Count {
		return fmt.Errorf("image %d of %d", number, s.Count)
	}
	return nil
}
