package cpu

import "github.com/klauspost/cpuid/v2"

func brandName() string { return cpuid.CPU.BrandName }
