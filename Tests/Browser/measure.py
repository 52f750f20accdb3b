"""Measures the browser's solver, one worker in Chromium, against a native SHA256_Transform loop and plain WebAssembly.

    measure.py [--repeats N] [--seconds S]

The three take turns on the same machine, and each figure is a median over the turns. Time is the CPU time of the one
thread that hashes, so that a machine that is busy with other things measures what an idle one does. Prints one JSON
object: rates in hashes per second of it, and the two ratios that have a budget. Run it by `run.sh measure`.
"""

import argparse
import functools
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parents[1] / "Sources/CPage/assets"
RATIO_NATIVE_MIN = 0.55
RATIO_SCALAR_MIN = 1.6


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=7, help="turns, 1 to 100")
    options.add_argument("--seconds", type=float, default=0.7, help="length of one measurement, 0.1 to 60")
    options = options.parse_args()
    if not 1 <= options.repeats <= 100 or not 0.1 <= options.seconds <= 60:
        raise SystemExit("measure.py: out of range")

    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for file in [*ASSETS.glob("*.js"), *ASSETS.glob("*.wasm"), *(HERE / "rate").glob("rate.*")]:
            shutil.copy(file, root)
        native = root / "native"
        compiler = os.environ.get("CC") or shutil.which("clang") or "cc"
        source = str(HERE / "rate/native.c")
        # SHA256_Transform is deprecated, and is what OpenSSL's own code for this processor is reached by without overhead.
        command = [compiler, "-O2", "-Wno-deprecated-declarations", source, "-lcrypto", "-o", str(native)]
        subprocess.run(command, check=True)
        print(json.dumps(measure(root, native, options.repeats, options.seconds), indent=2))


def worker_rate(page, seconds: float) -> float:
    """Hashes per second of the worker thread's CPU time, over about so many seconds."""
    clock = worker_clock()
    samples = []
    for pause in (seconds, 0):
        samples.append((int(page.get_attribute("body", "data-hashes")), int(clock.read_text().split()[0])))
        time.sleep(pause)
    (hashes, began), (more, ended) = samples
    return (more - hashes) / (ended - began) * 1e9


def worker_clock() -> pathlib.Path:
    """The file that tells the CPU time, in nanoseconds, of the one worker thread among our own descendants."""
    parents, names = {}, {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # After the name, which may hold anything: state, then the parent.
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            for task in (process / "task").iterdir():
                names[task] = (task / "comm").read_text().strip()
        except OSError:
            continue  # it has ended meanwhile
    found = []
    for task, name in names.items():
        process = int(task.parts[2])
        while process not in (0, 1, os.getpid()):
            process = parents.get(process, 0)
        if process == os.getpid() and name.startswith("DedicatedWorker"):
            found.append(task / "schedstat")
    if len(found) != 1:
        raise SystemExit(f"measure.py: {len(found)} worker threads found instead of one")
    return found[0]


def measure(root: pathlib.Path, native: pathlib.Path, repeats: int, seconds: float) -> dict:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    rates = {"native": [], "simd": [], "scalar": []}
    try:
        with sync_playwright() as playwright:
            path = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--headless=new"])
            version = browser.version
            for _ in range(repeats):
                command = [str(native), str(seconds * 1000)]
                result = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                rates["native"].append(float(result.stdout))
                for name, solver in (("simd", "solver.wasm"), ("scalar", "scalar.wasm")):
                    page = browser.new_page()
                    page.goto(f"http://127.0.0.1:{server.server_port}/rate.html?page=/&solver=/{solver}")
                    page.wait_for_selector("body[data-warm]", state="attached", timeout=60_000)
                    rates[name].append(worker_rate(page, seconds))
                    page.close()
            browser.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    median = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "browser": f"Chromium {version}",
        "native_sha256_transform_per_second": round(median["native"]),
        "browser_worker_per_second": round(median["simd"]),
        "browser_scalar_worker_per_second": round(median["scalar"]),
        "ratio_to_native": round(median["simd"] / median["native"], 3),
        "ratio_to_native_min": RATIO_NATIVE_MIN,
        "ratio_to_scalar": round(median["simd"] / median["scalar"], 3),
        "ratio_to_scalar_min": RATIO_SCALAR_MIN,
        "repeats": repeats,
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()
