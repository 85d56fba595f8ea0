module github.com/contrast-go/contrast/gen

go 1.26.0

require github.com/contrast-go/contrast v0.0.0-00010101000000-000000000000

require (
	github.com/mmcloughlin/avo v0.6.0 // indirect
	golang.org/x/arch v0.32.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
)

replace github.com/contrast-go/contrast => ../
