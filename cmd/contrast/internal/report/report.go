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

// A Page is what there is to tell of a run. Every field may be left out: a part
// with nothing in it is not shown. The zero value is an empty page.
//
// A page that was handed over is read until the next one replaces it. Its slices
// must not change below their length; appending to them is fine.
type Page struct {
	Title    string   // "" is "contrast"
	Summary  string   // what came out, in a sentence or two
	Warnings []string // what the reader must know, such as a collapse

	Running     bool // training is under way
	Step, Steps int  // the steps done, and to do; Steps 0: unknown

	Settings []Setting // all of them, resolved
	Tables   []Table   // of metrics
	Charts   []Chart   // the first is drawn large

	Classes    []string // the names of the classes of points
	Map        Map
	Neighbours Neighbours
	Sprite     Sprite // the images of points and tiles
}

// A Setting is what a run was told.
type Setting struct{ Name, Value string }

// A Table holds a number for each way to see samples (a row) and each metric (a
// column). The best of a column is set off where there are several rows.
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

// A Row is a way to see samples: "raw pixels", "untrained", "trained".
type Row struct {
	Name   string
	Values []float64 // of each column; one that is not finite is shown as a dash
}

// A Chart is curves over the steps that share a vertical axis.
type Chart struct {
	Title  string
	Log    bool // the vertical axis is logarithmic at first; the reader may change it
	Series []Series
}

// A Series is a curve. It may be of any length: long ones are drawn by the mean and
// the range of neighbouring steps. Values that are not finite are a gap, and are
// counted below the chart.
type Series struct {
	Name   string    // "" where the title of the chart says it all
	Steps  []int     // of each value, in increasing order; nil: 1, 2, 3, …
	Values []float64 // one each step
}

// A Map is points in one or several planes: the same samples seen in different ways,
// so that the reader can compare them. At most 5,000 points are shown, chosen evenly
// at random but always the same ones.
type Map struct {
	Points []Point
	Views  []View
}

// A Point is a sample of a map.
type Point struct {
	Class int    // the index of its name in Page.Classes
	Label string // what the sample is; "" is its class
	Image int    // the number of its image in the sprite, from 1 on; 0: none
}

// A View is where the points of a map lie.
type View struct {
	Title string    // such as "raw pixels"
	X, Y  []float32 // of each point; one that is not finite is left out
}

// Neighbours are what was found nearest to queries, in one or several ways.
type Neighbours struct {
	Ways   []string // how was searched: "raw pixels", "trained"
	Strips []Strip
}

// A Strip is a query and what was found.
type Strip struct {
	Query Tile
	Near  [][]Tile // Near[w] was found by way w, nearest first
}

// A Tile is a sample of a strip.
type Tile struct {
	Image int    // the number of its image in the sprite, from 1 on; 0: none
	Label string // its class, or a text
	Wrong bool   // found, but not what was asked for
}
