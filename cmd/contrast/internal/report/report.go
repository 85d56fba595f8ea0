// Package report shows a run as one HTML page: curves, metrics, a map of what was
// embedded, and nearest neighbours.
//
// [Page.WriteFile] writes it as a file that needs nothing else: no network, no
// font, no other file. A [Server] shows the same page while training runs, and the
// page keeps itself up to date. Tables work without JavaScript; curves and maps need it.
//
// What a page holds may come from hostile files: names and labels are escaped
// everywhere, and the page carries a policy (CSP) that lets the browser run
// the script of this package only and load nothing.
package report

// A Page is all there is to show of a run. Every field may be left out: an empty part is not shown.
// The zero value is an empty page.
//
// A page that was handed over is read until the next one replaces it. Its slices must not change
// below their length; appending to them is fine.
type Page struct {
	Title    string   // "" is "contrast"
	Summary  string   // the result, in a sentence or two
	Warnings []string // what the reader must know, such as a collapse

	Running     bool // training is under way
	Step, Steps int  // steps done, and all steps; Steps 0: unknown

	Settings []Setting // all settings of the run
	Tables   []Table   // of metrics
	Charts   []Chart   // the first is drawn large

	Classes    []string // the names of the classes of points
	Map        Map
	Neighbours Neighbours
	Sprite     Sprite // the images of points and tiles
}

// A Setting is a setting of the run.
type Setting struct{ Name, Value string }

// A Table holds a number for each embedder (a row) and each metric (a column). The best of a column
// is highlighted if there are several rows.
type Table struct {
	Caption string // such as "augmented queries"; "" is none
	Columns []Column
	Rows    []Row
}

// A Column is a metric.
type Column struct {
	Name    string
	Percent bool // values are shares, 1 is shown as 100 %
	Lower   bool // lower values are better
}

// A Row is an embedder: "raw pixels", "untrained", "trained".
type Row struct {
	Name   string
	Values []float64 // of each column; one that is not finite is shown as a dash
}

// A Chart is curves over steps that share a vertical axis.
type Chart struct {
	Title  string
	Log    bool // the vertical axis is logarithmic at first; the reader may change it
	Series []Series
}

// A Series is a curve of any length: a long one is drawn by the mean and the range of neighbouring
// steps. Values that are not finite leave a gap, and are counted below the chart.
type Series struct {
	Name   string    // "" if the title of the chart says enough
	Steps  []int     // of each value, in increasing order; nil: 1, 2, 3, …
	Values []float64 // one each step
}

// A Map is points in one or several planes: the same samples embedded in different ways, so that
// the reader can compare them. At most 5,000 points are shown, drawn at random but always the same
// ones.
type Map struct {
	Points []Point
	Views  []View
}

// A Point is a sample of a map.
type Point struct {
	Class int    // the index of its name in Page.Classes
	Label string // what the sample is; "" is its class
	Image int    // the number of its image in the sprite, counted from 1; 0: none
}

// A View is where the points of a map lie.
type View struct {
	Title string    // such as "raw pixels"
	X, Y  []float32 // of each point; one that is not finite is left out
}

// Neighbours are what was found nearest to queries, by one or several embedders.
type Neighbours struct {
	Ways   []string // the embedders: "raw pixels", "trained"
	Strips []Strip
}

// A Strip is a query and what was found.
type Strip struct {
	Query Tile
	Near  [][]Tile // Near[w] was found by embedder w, nearest first
}

// A Tile is a sample of a strip.
type Tile struct {
	Image int    // the number of its image in the sprite, counted from 1; 0: none
	Label string // its class, or a text
	Wrong bool   // found, but of another class
}
