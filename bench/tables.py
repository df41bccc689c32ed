#!/usr/bin/python3
"""Makes the tables and plots of docs/performance.md, on a quiet machine.

  tables.py [--rounds 9] [--seconds 0.4] [--build build] [--plots docs] [--only machine start peers growth]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import compare


def machine(args):
    print("| threads | vectors | GFLOP/s | GB/s |\n| --- | --- | --- | --- |")
    for line in subprocess.check_output([args.bench, "--machine"], text=True).splitlines():
        limits = json.loads(line)
        print(f"| {limits['threads']} | {limits['isa']} | {limits['gflops']:.0f} | {limits['gbytes']:.1f} |")


def start(args):
    times = []
    for _ in range(21):
        begin = time.perf_counter()
        subprocess.check_call([f"{args.build}/bench/start"])
        times.append(1e3 * (time.perf_counter() - begin))
    stripped = "/tmp/cornet_stripped"
    subprocess.check_call(["strip", "-o", stripped, f"{args.build}/libcornet.so"])
    print(f"From start to end {statistics.median(times):.1f} ms (fastest {min(times):.1f}); "
          f"library {os.path.getsize(stripped) / 1e6:.2f} MB stripped.")
    os.remove(stripped)


def peers(args):
    torch, onnx = f"/usr/bin/python3 {compare.HERE}/torch_peer.py", f"{compare.HERE}/onnxruntime_peer"
    print("| workload | train us | x PyTorch | MB | predict us | x ONNX Runtime | MB | batch 1 us | x ONNX Runtime | MB |")
    print("|" + " --- |" * 10)
    for name in args.workload:
        row = [name]
        for mode, peer in (("train", torch), ("predict", onnx), ("predict1", onnx)):
            r = compare.compare(argparse.Namespace(ours=args.bench, peer=peer, mode=mode, threads=2,
                                                   rounds=args.rounds, seconds=args.seconds), name)
            row += [f"{r['ours_us']:.1f}", f"{r['ratio']:.2f} ({r['ratio_low']:.2f}-{r['ratio_high']:.2f})",
                    f"{r['ours_rss_mb']:.0f} / {r['peer_rss_mb']:.0f}"]
        print("| " + " | ".join(row) + " |", flush=True)


GROWTH = [  # title, workload, option, values
    ("batch size (mlp-784)", "mlp-784", "--batch", [1, 4, 16, 64, 256, 1024]),
    ("sequence length (LSTM 64)", "length", "--size", [10, 30, 100, 300, 1000]),
    ("layers (Dense 64)", "depth", "--size", [1, 10, 100, 1000]),
    ("threads (mlp-784)", "mlp-784", "--threads", list(range(1, (os.cpu_count() or 1) + 1))),
]


def plot(path, title, points):
    """Both axes by powers of ten."""
    import math
    xs, ys = [math.log10(x) for x, _ in points], [math.log10(y) for _, y in points]
    low_x, low_y = math.floor(min(xs)), math.floor(min(ys))
    high_x, high_y = max(math.ceil(max(xs)), low_x + 1), max(math.ceil(max(ys)), low_y + 1)
    at = [(70 + 400 * (x - low_x) / (high_x - low_x), 300 - 260 * (y - low_y) / (high_y - low_y)) for x, y in zip(xs, ys)]
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" width="500" height="350" font-family="sans-serif" font-size="12">',
           '<rect width="500" height="350" fill="white"/>',
           f'<text x="270" y="24" text-anchor="middle">Training steps per second against {title}</text>']
    for power in range(low_x, high_x + 1):
        x = 70 + 400 * (power - low_x) / (high_x - low_x)
        svg.append(f'<path d="M{x:.0f} 40V300" stroke="#ddd"/><text x="{x:.0f}" y="318" text-anchor="middle">{10.0 ** power:g}</text>')
    for power in range(low_y, high_y + 1):
        y = 300 - 260 * (power - low_y) / (high_y - low_y)
        svg.append(f'<path d="M70 {y:.0f}H470" stroke="#ddd"/><text x="62" y="{y + 4:.0f}" text-anchor="end">{10.0 ** power:g}</text>')
    svg.append('<polyline fill="none" stroke="#0b5cad" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in at) + '"/>')
    svg += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#0b5cad"/>' for x, y in at] + ["</svg>\n"]
    with open(path, "w") as f:
        f.write("\n".join(svg))


def growth(args):
    for title, workload, option, values in GROWTH:
        points = []
        for value in values:
            line = subprocess.check_output([args.bench, "--workload", workload, option, str(value), "--seconds", str(args.seconds)])
            points.append((value, 1e6 / json.loads(line)["median_us"]))
        name = f"growth-{title.split()[0]}.svg"
        plot(f"{args.plots}/{name}", title, points)
        print(f"![{title}]({name}) " + ", ".join(f"{x}: {y:.4g}" for x, y in points), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", default="build")
    ap.add_argument("--plots", default="docs")
    ap.add_argument("--rounds", type=int, default=9)
    ap.add_argument("--seconds", type=float, default=0.4)
    ap.add_argument("--workload", nargs="+", default=compare.NAMES)
    ap.add_argument("--only", nargs="+", default=["machine", "start", "peers", "growth"],
                    choices=["machine", "start", "peers", "growth"])
    args = ap.parse_args()
    args.bench = f"{args.build}/bench/cornet_bench"
    for part in args.only:
        print(f"\n## {part.capitalize()}\n", flush=True)
        getattr(sys.modules[__name__], part)(args)


if __name__ == "__main__":
    main()
