// Package bench holds the benchmarks that compare levels, rivals and the peak of the machine:
//
//	go test -run '^$' -bench . ./bench
//
// README.md says what the figures mean. There is nothing to import.
package bench
