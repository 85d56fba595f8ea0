// Times e^x of 4096 float32 in the first-level cache by libmvec and, where it is
// installed, by SLEEF, and prints "NAME ns" for each. argv[1] is how long to run, in seconds.
//
//	gcc -O3 -ffast-math -march=native exp.c -lm [-DSLEEF -lsleef]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef SLEEF
#include <immintrin.h>
#include <sleef.h>
#endif

enum { n = 4096, calls = 100 };
static float x[n], y[n];

// The compiler makes calls to libmvec of this loop.
static void libmvec(void) {
	for (int i = 0; i < n; i++) y[i] = expf(x[i]);
}

#ifdef SLEEF
static void sleef(void) {
#ifdef __AVX512F__
	for (int i = 0; i < n; i += 16) _mm512_storeu_ps(y + i, Sleef_expf16_u10(_mm512_loadu_ps(x + i)));
#else
	for (int i = 0; i < n; i += 8) _mm256_storeu_ps(y + i, Sleef_expf8_u10(_mm256_loadu_ps(x + i)));
#endif
}
#endif

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void run(const char *name, void (*f)(void), double seconds) {
	double best = 1, end = now() + seconds;
	while (now() < end) {
		double start = now();
		for (int c = 0; c < calls; c++) {
			f();
			__asm__ volatile("" ::: "memory");
		}
		double t = (now() - start) / calls;
		if (t < best) best = t;
	}
	for (int i = 0; i < n; i++)
		if (!(fabs(y[i] / exp(x[i]) - 1) < 1e-6)) exit(1);
	printf("%s %.1f\n", name, 1e9 * best);
}

int main(int argc, char **argv) {
	for (int i = 0; i < n; i++) x[i] = 2.0f * i / n - 1;
	double seconds = argc > 1 ? atof(argv[1]) : 0.1;
	run("libmvec", libmvec, seconds);
#ifdef SLEEF
	run("sleef", sleef, seconds);
#endif
}
