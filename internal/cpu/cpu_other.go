//go:build purego || (!amd64 && !arm64)

package cpu

func detect() []Level { return nil }

func featureNames() []string { return nil }
