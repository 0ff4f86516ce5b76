#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures ONNX networks on this device for Parsimony (README.md). Copy this one file to the device.

    parsimony_runner.py model.onnx      prints the answer
    parsimony_runner.py --serve 8765    answers POST /measure with an ONNX file as its body

Needs Python 3.8 or later, numpy and onnxruntime.
"""
import argparse
import http.server
import json
import platform
import statistics
import sys
import threading
import time

MAX_MODEL_BYTES = 1 << 30
ONE_AT_A_TIME = threading.Lock()


def device_name():
    for file in ("/proc/device-tree/model", "/sys/firmware/devicetree/base/model"):
        try:
            with open(file, encoding="utf-8") as text:
                return text.read().rstrip("\0\n")
        except OSError:
            pass
    return platform.processor() or platform.machine()


def quiet_half(blocks):
    """The runs of the blocks that nothing else disturbed (docs/latency.md)."""
    blocks = sorted(blocks, key=statistics.median)
    return sorted(run for block in blocks[: (len(blocks) + 1) // 2] for run in block)


def measure(model, options):
    """`model`: a path or the bytes of an ONNX file."""
    import numpy
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    port = session.get_inputs()[0]
    shape = [extent if isinstance(extent, int) else 1 for extent in port.shape]
    picture = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)

    def run():
        begin = time.perf_counter()
        session.run(None, {port.name: picture})
        return 1e3 * (time.perf_counter() - begin)

    begin = time.perf_counter()
    warm_up = 0
    while warm_up < 3 or time.perf_counter() - begin < 0.2 * options.seconds:
        run()
        warm_up += 1
    blocks = []
    begin = time.perf_counter()
    while len(blocks) < 4 or time.perf_counter() - begin < options.seconds:
        block_begin = time.perf_counter()
        block = [run() for _ in range(3)]
        while time.perf_counter() - block_begin < options.seconds / 16:
            block.append(run())
        blocks.append(block)
    runs = quiet_half(blocks)
    first, median, third = statistics.quantiles(runs, n=4, method="inclusive")
    return {
        "median_ms": median,
        "quartiles_ms": [first, third],
        "min_ms": runs[0],
        "repetitions": len(runs),
        "conditions": {
            "device": options.device or device_name(),
            "runtime": "ONNX Runtime " + onnxruntime.__version__,
            "threads": options.threads,
            "batch": shape[0] if shape else 1,
            "precision": "fp32",
            "warm_up": warm_up,
        },
    }


def handler_for(options):
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, status, body):
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            if self.path != "/measure":
                return self.answer(404, {"error": "expected POST /measure"})
            if not 0 < length <= MAX_MODEL_BYTES:
                return self.answer(400, {"error": f"a network of {length} bytes"})
            model = self.rfile.read(length)
            try:
                with ONE_AT_A_TIME:
                    answer = measure(model, options)
            except Exception as error:  # whatever it is, the one who asked should read it
                return self.answer(422, {"error": str(error)})
            return self.answer(200, answer)

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", help="ONNX file to measure")
    parser.add_argument("--serve", type=int, metavar="PORT", help="answer HTTP requests instead")
    parser.add_argument("--address", default="0.0.0.0", help="of the network interface to serve on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2, help="of timed runs")
    parser.add_argument("--device", help="name of this device; otherwise what the system says")
    options = parser.parse_args()
    if (options.model is None) == (options.serve is None):
        parser.error("expected either an ONNX file or --serve PORT")
    if options.model is not None:
        print(json.dumps(measure(options.model, options)))
        return 0
    server = http.server.ThreadingHTTPServer((options.address, options.serve), handler_for(options))
    print(f"serving on port {server.server_address[1]}", file=sys.stderr)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
