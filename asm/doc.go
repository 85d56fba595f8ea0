// Package asm is the folder of the generated assembly kernels, one package an
// instruction set. Package internal/generic defines what they do, package simd
// calls them, and the programs that write them lie in gen.
package asm

//go:generate go -C ../gen run .
