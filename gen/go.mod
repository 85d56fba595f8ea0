module github.com/contrast-go/contrast/gen

go 1.26.0

require (
	github.com/contrast-go/contrast v0.0.0-00010101000000-000000000000
	github.com/mmcloughlin/avo v0.6.0
	golang.org/x/arch v0.32.0
)

require (
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.52.0 // indirect; avo asks for one that does not compile since Go 1.25
)

replace github.com/contrast-go/contrast => ../
