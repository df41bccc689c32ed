#!/usr/bin/python3
"""Two programs on the same workloads, in turns, on a machine whose speed wanders: prints the ratio of their medians.

  compare.py [--ours COMMAND] [--peer COMMAND] [--workload NAME ...] [--mode train] [--threads 2] [--rounds 9] [--seconds 0.4]

Both commands speak the protocol of README.md. In each round both are timed, one after the other, in alternating order; a
round's ratio is peer / ours, so above 1 means that ours is faster. Printed: the median ratio with its lowest and highest
round, both medians, both fastest steps, both peak resident memories; with --json one object a line.
"""
import argparse
import glob
import json
import os
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["seed-lstm", "seed-attention", "mlp-64", "mlp-784", "dense-2048"]  # what cornet_bench builds


class Program:
    def __init__(self, command, name, mode, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
        if "torch_peer" in command:  # the BLAS whose threads are those of PyTorch's own loops: 2 to 3 times faster here
            for folder in glob.glob("/usr/lib/*/openblas-openmp"):
                env.update(LD_LIBRARY_PATH=folder, OMP_PROC_BIND="true")
            if name not in ("seed-lstm", "seed-attention", "bigru-128"):  # what was faster, workload by workload
                with open("/proc/cpuinfo") as f:
                    env.update({"ATEN_CPU_CAPABILITY": "avx512"} if " avx512dq" in f.read() else {})
        words = shlex.split(command) + ["--workload", name, "--mode", mode, "--threads", str(threads), "--serve"]
        self.pipe = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self.answer()

    def answer(self):
        line = self.pipe.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.pipe.args)}: stopped with {self.pipe.wait()}")
        return json.loads(line)

    def time(self, seconds):
        self.pipe.stdin.write(f"{seconds}\n")
        self.pipe.stdin.flush()
        return self.answer()

    def close(self):
        self.pipe.stdin.close()
        self.pipe.wait()


def compare(args, name):
    ours, peer = (Program(c, name, args.mode, args.threads) for c in (args.ours, args.peer))
    a, b = [], []
    for i in range(-1, args.rounds):  # the first round warms up
        pair = [(ours, a), (peer, b)]
        for program, results in pair if i % 2 else reversed(pair):
            got = program.time(args.seconds)
            if i >= 0:
                results.append(got)
    ours.close()
    peer.close()
    ratios = [y["median_us"] / x["median_us"] for x, y in zip(a, b)]
    return {"workload": name, "mode": args.mode, "threads": args.threads, "ratio": statistics.median(ratios),
            "ratio_low": min(ratios), "ratio_high": max(ratios),
            "ratio_of_fastest": min(y["min_us"] for y in b) / min(x["min_us"] for x in a),
            "ours_us": statistics.median(x["median_us"] for x in a), "peer_us": statistics.median(y["median_us"] for y in b),
            "ours_min_us": min(x["min_us"] for x in a), "peer_min_us": min(y["min_us"] for y in b),
            "ours_rss_mb": a[-1]["rss_mb"], "peer_rss_mb": b[-1]["rss_mb"], "peer": peer.about.get("peer", args.peer)}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--ours", default="build/bench/cornet_bench")
    ap.add_argument("--peer", default=f"/usr/bin/python3 {HERE}/torch_peer.py")
    ap.add_argument("--workload", nargs="+", default=NAMES)
    ap.add_argument("--mode", default="train", choices=["train", "predict", "predict1"])
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--rounds", type=int, default=9)
    ap.add_argument("--seconds", type=float, default=0.4)
    ap.add_argument("--json", action="store_true")
    args = ap.parse_args()
    for name in args.workload:
        r = compare(args, name)
        if args.json:
            print(json.dumps(r), flush=True)
        else:
            print(f"{name:15} {r['ratio']:8.2f}x [{r['ratio_low']:.2f}, {r['ratio_high']:.2f}]   ours {r['ours_us']:11.1f} (min {r['ours_min_us']:.1f}) us "
                  f"{r['ours_rss_mb']:6.1f} MB   peer {r['peer_us']:11.1f} (min {r['peer_min_us']:.1f}) us {r['peer_rss_mb']:6.1f} MB", flush=True)


if __name__ == "__main__":
    main()
