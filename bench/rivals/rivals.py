#!/usr/bin/python3
"""Times PyTorch, numpy and two C libraries beside our benchmarks, in turns.

    apt-get install python3-torch libopenblas0-openmp gcc libsleef-dev   # what is missing is left out
    bench/rivals/rivals.py                         # all rows, some ten minutes
    bench/rivals/rivals.py --only InfoNCE --pairs 9

Each row is a pair of runs, ours and theirs, made --pairs times one after the other, so that both
see the same machine. Printed are the best times and the ratio theirs/ours, above 1 where ours is
faster: that of the best times, and the median over the pairs. %peak is ours, as in README.md.

Rivals run at their best: PyTorch is told to keep freed memory instead of returning it to the
system, each loss is written in several ways, and the fastest of them in a trial, on the
fastest of four OpenBLAS kernels, is the one that is timed. A loss has two rows: as the formula reads, left to
autograd; and by hand, with a gradient that reuses the matrix of logits, or with only the hardest triplets
left to autograd (mined). Values and gradients of every way are compared with ours first.
Without PyTorch the script says so in a line and ends with status 0.
"""
import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KERNELS = ["Haswell", "Zen", "SkylakeX", "Cooperlake"]  # of OpenBLAS
OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"  # shares its threads with PyTorch
SIZES = [(256, 128), (1024, 128), (1024, 512), (4096, 128), (4096, 512), (4096, 768)]
BY_HAND = ["by hand", "mined"]  # ways that take more than the formula
LOSSES = ["InfoNCE", "CLIP", "NTXent", "BatchHard"]


# ---- the side that imports PyTorch: one process for each number of threads and kernel


def ways(torch):
    """The ways to write each loss, as functions of what our loss reads."""
    F = torch.nn.functional

    class Unit(torch.autograd.Function):
        """Rows of norm 1, in fewer passes than F.normalize takes back."""

        @staticmethod
        def forward(ctx, x):
            r = torch.linalg.vector_norm(x, dim=1, keepdim=True).reciprocal_()
            y = x * r
            ctx.save_for_backward(y, r)
            return y

        @staticmethod
        def backward(ctx, g):
            y, r = ctx.saved_tensors
            return torch.addcmul(g, y, (g * y).sum(1, keepdim=True), value=-1) * r

    class Softmax(torch.autograd.Function):
        """The mean over rows, and with both over columns too, of a softmax loss by hand: the matrix of
        logits is overwritten in place, first by exponentials, then by the gradient."""

        @staticmethod
        def forward(ctx, q, k, beta, both, views):
            n = q.shape[0]
            e = torch.mm(q * beta, k.T)
            if views:
                e.fill_diagonal_(-math.inf)
                pos = torch.cat([e.diagonal(views), e.diagonal(-views)])
                loss = -pos.mean()
            else:
                loss = -e.diagonal().mean()
            e.sub_(beta).exp_()
            rows = e.sum(1)
            loss += beta + rows.log().mean() / (2 if both else 1)
            if both:
                columns = e.sum(0)
                loss += columns.log().mean() / 2
                e.mul_((0.5 / rows)[:, None] + 0.5 / columns)
            else:
                e.div_(rows[:, None])
            if views:
                e.diagonal(views).sub_(1)
                e.diagonal(-views).sub_(1)
            else:
                e.diagonal().sub_(1)
            ctx.gradients = torch.mm(e, k).mul_(beta / n), torch.mm(e.T, q).mul_(beta / n)
            return loss

        @staticmethod
        def backward(ctx, g):
            dq, dk = ctx.gradients
            return dq.mul_(g), dk.mul_(g), None, None, None

    def infonce_hand(q, k, _):
        return Softmax.apply(Unit.apply(q), Unit.apply(k), 1 / 0.07, False, 0)

    def clip_hand(q, k, _):
        return Softmax.apply(Unit.apply(q), Unit.apply(k), 1 / 0.07, True, 0)

    def ntxent_hand(q, k, _):
        z = Unit.apply(torch.cat([q, k]))
        return Softmax.apply(z, z, 1 / 0.5, False, q.shape[0])

    def unit(q, k, scale):
        return Unit.apply(q) * scale, Unit.apply(k)

    def target(q):
        return torch.arange(q.shape[0])

    def infonce_ce(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        return F.cross_entropy(q @ k.T, target(q))

    def infonce_lse(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        return torch.logsumexp(q @ k.T, 1).mean() - (q * k).sum() / q.shape[0]

    def infonce_chunks(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        return F.linear_cross_entropy(q, k, target(q))

    def infonce_bf16(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            s = q @ k.T
        return F.cross_entropy(s.float(), target(q))

    def clip_ce(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        s = q @ k.T
        return (F.cross_entropy(s, target(q)) + F.cross_entropy(s.T, target(q))) / 2

    def clip_lse(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        s = q @ k.T
        return (torch.logsumexp(s, 1).mean() + torch.logsumexp(s, 0).mean()) / 2 - (q * k).sum() / q.shape[0]

    def clip_two(q, k, _):
        q, k = unit(q, k, 1 / 0.07)
        return (F.cross_entropy(q @ k.T, target(q)) + F.cross_entropy(k @ q.T, target(q))) / 2

    def views(q, k):
        n = q.shape[0]
        z = Unit.apply(torch.cat([q, k]))
        s = (z * (1 / 0.5)) @ z.T
        s.fill_diagonal_(float("-inf"))
        return z, s, torch.cat([torch.arange(n, 2 * n), torch.arange(n)])

    def ntxent_ce(q, k, _):
        _, s, other = views(q, k)
        return F.cross_entropy(s, other)

    def ntxent_lse(q, k, _):
        z, s, other = views(q, k)
        return torch.logsumexp(s, 1).mean() - (z * z[other]).sum() / (0.5 * z.shape[0])

    def distances(x, squared):
        d = torch.addmm((x * x).sum(1), x, x.T, alpha=-2) + (x * x).sum(1, keepdim=True)
        d = d.clamp(min=0)
        return d if squared else (d + 1e-12).sqrt()

    def hardest(d, labels):
        same = labels[:, None] == labels[None, :]
        far = torch.where(same, d, d.new_tensor(0)).max(1)
        near = torch.where(same, d.new_tensor(float("inf")), d).min(1)
        return far, near

    def hard_dot(x, _, labels):
        far, near = hardest(distances(x, False), labels)
        return F.relu(far.values - near.values + 1).mean()

    def hard_cdist(x, _, labels):
        far, near = hardest(torch.cdist(x, x), labels)
        return F.relu(far.values - near.values + 1).mean()

    def hard_mined(x, _, labels):
        with torch.no_grad():
            far, near = hardest(distances(x, True), labels)
        p, n = (x - x[far.indices]).norm(dim=1), (x - x[near.indices]).norm(dim=1)
        return F.relu(p - n + 1).mean()

    w = {
        "InfoNCE": {"cross_entropy": infonce_ce, "logsumexp": infonce_lse, "by hand": infonce_hand},
        "InfoNCE-bf16": {"autocast": infonce_bf16},
        "CLIP": {"cross_entropy": clip_ce, "logsumexp": clip_lse, "two products": clip_two, "by hand": clip_hand},
        "NTXent": {"cross_entropy": ntxent_ce, "logsumexp": ntxent_lse, "by hand": ntxent_hand},
        "BatchHard": {"dot": hard_dot, "cdist": hard_cdist, "mined": hard_mined},
    }
    if hasattr(F, "linear_cross_entropy"):
        w["InfoNCE"]["linear_cross_entropy"] = infonce_chunks  # in chunks, without the n×n matrix
    return w


class Server:
    """Answers questions about times, one JSON line each."""

    def __init__(self, threads):
        import numpy
        import torch

        self.numpy, self.torch = numpy, torch
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        self.ways = ways(torch)
        self.last = None, None

    def gradients(self, loss, way, q, k, labels):
        wanted = [q] if loss == "BatchHard" else [q, k]
        value = self.ways[loss][way](q, k, labels)
        return value, self.torch.autograd.grad(value, wanted)

    def row(self, name, n, d, way):
        """Returns a function to time."""
        torch = self.torch
        if name in self.ways:
            q, k = (2 * torch.rand(n, d) - 1 for _ in range(2))
            q.requires_grad_(), k.requires_grad_()
            labels = torch.arange(n) // 4
            return lambda: self.gradients(name, way, q, k, labels)
        if name == "MatMulTransB":
            q, k = (2 * torch.rand(n, d) - 1 for _ in range(2))
            if way == "numpy":
                a, b, out = q.numpy(), k.numpy().T, self.numpy.empty((n, n), "float32")
                return lambda: self.numpy.dot(a, b, out=out)
            out = torch.empty(n, n)
            return lambda: torch.mm(q, k.T, out=out)
        x = 2 * torch.rand(n, d) - 1
        out, reduced = torch.empty_like(x), torch.empty(n)
        return {
            "exp": lambda: torch.exp(x, out=out),
            "log": lambda: torch.log(x, out=out),
            "logsumexp": lambda: torch.logsumexp(x, 1, out=reduced),
            "softmax": lambda: torch.softmax(x, 1),
        }[way]

    def time(self, name, n, d, way, seconds):
        """The time of a call in ns, on average over so many seconds."""
        if self.last[0] != (name, n, d, way):
            self.last = None, None  # its memory serves the next
            self.last = (name, n, d, way), self.row(name, n, d, way)
            self.last[1]()
        f = self.last[1]
        calls, start = 0, time.perf_counter()
        while True:
            f()
            calls += 1
            elapsed = time.perf_counter() - start
            if elapsed > seconds:
                return 1e9 * elapsed / calls

    def check(self, folder):
        """The largest error of a value and of a gradient, relative to the largest of its kind."""
        torch = self.torch
        worst = {}
        with open(os.path.join(folder, "values.json")) as f:
            ours = json.load(f)
        n, d = ours["n"], ours["d"]

        def load(name):
            return torch.from_numpy(self.numpy.fromfile(os.path.join(folder, name), "<f4").reshape(n, d))

        for loss, of in self.ways.items():
            name = loss.split("-")[0]
            for way in of:
                q, k = load("q").requires_grad_(), load("k").requires_grad_()
                try:
                    value, gradients = self.gradients(loss, way, q, k, torch.arange(n) // 4)
                except (RuntimeError, TypeError) as e:
                    worst[loss + ", " + way] = str(e)
                    continue
                error = abs(float(value) / ours[name] - 1)
                for g, field in zip(gradients, "qk"):
                    want = load(name + "." + field)
                    error = max(error, float((g - want).abs().max() / want.abs().max()))
                worst[loss + ", " + way] = error
        return worst

    def serve(self):
        for line in sys.stdin:
            what, *rest = json.loads(line)
            print(json.dumps(getattr(self, what)(*rest)), flush=True)


# ---- the side that asks


class Rival:
    """A process that runs Server."""

    def __init__(self, threads, kernel):
        env = dict(
            os.environ,
            LD_LIBRARY_PATH=OPENBLAS,
            OMP_NUM_THREADS=str(threads),
            OPENBLAS_NUM_THREADS=str(threads),
            OPENBLAS_CORETYPE=kernel,
            MALLOC_MMAP_MAX_="0",
            MALLOC_TRIM_THRESHOLD_=str(1 << 40),
            MALLOC_TOP_PAD_=str(64 << 20),
            MALLOC_ARENA_MAX="1",
        )
        self.kernel = kernel
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--serve", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)

    def ask(self, *question):
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Ours:
    """Our benchmarks, in one binary."""

    def __init__(self, folder):
        self.folder, self.binary = folder, os.path.join(folder, "bench.test")
        subprocess.run(["go", "test", "-c", "-o", self.binary, "./bench"], cwd=ROOT, check=True)
        self.level = re.findall("level=([a-z0-9]+)", self.bench("Peak/workers=1", "1x"))[-1]

    def bench(self, name, benchtime):
        pattern = "/".join("^(" + p + ")$" for p in ("Benchmark" + name).split("/"))
        command = [self.binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", benchtime]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=os.path.join(ROOT, "bench")).stdout

    def export(self):
        subprocess.run([self.binary, "-test.run", "^TestExport$", "-export", self.folder], check=True, stdout=subprocess.DEVNULL)

    def time(self, name, seconds):
        """Runs the benchmark and returns ns/op and its other metrics."""
        out = self.bench(name, "%dms" % (1000 * seconds))
        lines = [l for l in out.splitlines() if "ns/op" in l]
        if len(lines) != 1:
            sys.exit("benchmark %s has %d results, want one:\n%s" % (name, len(lines), out))
        return {unit: float(v) for v, unit in re.findall(r"([0-9.]+) (\S+)", lines[0])}


# A row is our benchmark, what the rival is asked for, and the ways that it may choose from.
def rows(threads, ways, level):
    for loss in LOSSES + ["InfoNCE-bf16"]:
        for n, d in SIZES:
            if loss == "NTXent" and n * d > 1 << 21:
                continue  # takes PyTorch many seconds
            budget = "budget=default/" if loss in ("CLIP", "NTXent") else ""
            ours = "%s/n=%d/d=%d/workers=%d/pass=both/%slevel=%s" % (loss, n, d, threads, budget, level)
            if loss == "InfoNCE-bf16":
                if threads > 1 or n < 1024:
                    continue  # not among our benchmarks
                ours = "BFloat16/loss=InfoNCE/n=%d/d=%d/workers=1/level=%s" % (n, d, level)
            yield ours, loss, n, d, ways[loss]
    if threads > 1:
        return
    for n, d in SIZES:
        yield "MatMulTransB/n=%d/d=%d/level=%s" % (n, d, level), "MatMulTransB", n, d, {False: ["torch", "numpy"]}
    for ours, theirs in (("ExpSum", "exp"), ("Log", "log"), ("LogSumExp", "logsumexp"), ("Softmax", "softmax")):
        yield "%s/n=4096/level=%s" % (ours, level), "rows", 1, 4096, {False: [theirs]}
    for ours, theirs in (("LogSumExp", "logsumexp"), ("Softmax", "softmax")):
        yield "Rows/op=%s/rows=4096/cols=4096/level=%s" % (ours, level), "rows", 4096, 4096, {False: [theirs]}


HEAD = "%-60s %5s %10s %10s %6s %7s  %s"


def report(name, pairs, peaks, what):
    best = [min(p[i] for p in pairs) for i in (0, 1)]
    median = statistics.median(theirs / ours for ours, theirs in pairs)
    peak = "%.0f" % statistics.median(peaks) if peaks else ""
    print(HEAD % (name, peak, "%.4g" % (best[0] / 1e3), "%.4g" % (best[1] / 1e3), "%.2f" % (best[1] / best[0]), "%.2f" % median, what), flush=True)


def compare_torch(ours, args, threads):
    rivals = [Rival(threads, k) for k in KERNELS]
    ways = {}
    for name, error in rivals[0].ask("check", ours.folder).items():
        loss, way = name.split(", ")
        tolerance = 2e-2 if "bf16" in loss else 1e-5
        if isinstance(error, str) or not error <= tolerance:
            print("left out: %s: %s" % (name, error))
            continue
        ways.setdefault(loss, {}).setdefault(way in BY_HAND, []).append(way)
    for bench, name, n, d, choices in rows(threads, ways, ours.level):
        if not re.search(args.only, bench if name in bench else name + " " + bench):
            continue
        for choice in choices.values():
            def trial(rival, way):
                return rival.ask("time", name, n, d, way, args.seconds / 4)

            rival = min(rivals, key=lambda r: trial(r, choice[0]))
            way = min(choice, key=lambda w: trial(rival, w)) if len(choice) > 1 else choice[0]
            pairs, peaks = [], []
            for _ in range(args.pairs):
                mine = ours.time(bench, args.seconds)
                pairs.append((mine["ns/op"], rival.ask("time", name, n, d, way, args.seconds)))
                if "%peak" in mine:
                    peaks.append(mine["%peak"])
            report(bench, pairs, peaks, way + (" in bf16" if "bf16" in name else "") + ", " + rival.kernel)
    for r in rivals:
        r.process.stdin.close()
        r.process.wait()


def compare_c(ours, args):
    """exp of libmvec and SLEEF."""
    if not shutil.which("gcc"):
        print("no gcc: libmvec and SLEEF are left out")
        return
    binary = os.path.join(ours.folder, "exp")
    command = ["gcc", "-O3", "-ffast-math", "-march=native", "-o", binary, os.path.join(HERE, "exp.c")]
    if subprocess.run(command + ["-DSLEEF", "-lsleef", "-lm"], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run(command + ["-lm"], check=True)
    pairs = {}
    for _ in range(args.pairs):
        mine = ours.time("ExpSum/n=4096/level=" + ours.level, args.seconds)["ns/op"]
        out = subprocess.run([binary, str(args.seconds)], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name, ns in (l.split() for l in out.splitlines()):
            pairs.setdefault(name, []).append((mine, float(ns)))
    for name, p in pairs.items():
        report("ExpSum/n=4096/level=" + ours.level, p, [], name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name matches this expression")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side a row")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long a run is at least")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        Server(args.serve).serve()
        return
    try:
        import torch
    except ImportError:
        print("no PyTorch for %s, nothing is compared: apt-get install python3-torch" % sys.executable)
        return
    folder = tempfile.mkdtemp()
    try:
        ours = Ours(folder)
        ours.export()
        print("PyTorch %s; times in µs" % torch.__version__)
        print(HEAD % ("benchmark", "%peak", "ours", "theirs", "best", "median", "theirs is"))
        if re.search(args.only, "ExpSum"):
            compare_c(ours, args)
        for threads in map(int, args.threads.split(",")):
            compare_torch(ours, args, threads)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
