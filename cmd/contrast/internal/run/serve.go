package run

import (
	"context"
	"fmt"
	"io"

	"github.com/contrast-go/contrast/cmd/contrast/internal/report"
)

// A pageServer shows the page of a run while it lasts. A nil *pageServer shows nothing.
type pageServer struct {
	*report.Server
	cancel context.CancelFunc
	over   chan struct{}
}

// serve begins to show a page at an address, if there is one; to other machines only where
// all is true.
func serve(ctx context.Context, w io.Writer, address string, all bool) (*pageServer, error) {
	if address == "" {
		return nil, nil
	}
	s, err := report.Listen(address, all)
	if err != nil {
		return nil, fmt.Errorf("--serve: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &pageServer{s, cancel, make(chan struct{})}
	go func() {
		defer close(p.over)
		if err := s.Serve(ctx); err != nil {
			fmt.Fprintf(w, "warning: --serve: %v\n", err)
		}
	}()
	return p, nil
}

// update shows another page.
func (p *pageServer) update(page *report.Page) {
	if p != nil {
		p.Update(*page)
	}
}

// text tells where the page is, as a line of the heading.
func (p *pageServer) text() string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("page     %s\n", p.URL())
}

// stop ends the page.
func (p *pageServer) stop() {
	if p != nil {
		p.cancel()
		<-p.over
	}
}
