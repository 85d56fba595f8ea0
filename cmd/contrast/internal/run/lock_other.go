//go:build !unix || solaris || illumos || aix

package run

import "os"

func lockFile(*os.File) bool { return true }
