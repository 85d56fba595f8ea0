// Package asm is the folder of the generated assembly kernels, one package for each instruction set.
// Package internal/generic defines what they do, package simd calls them, and the programs in gen
// write them, together with the functions of package simd that choose between them.
package asm

//go:generate go -C ../gen run .
