// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime behind a pipe. Parsimony starts this program (src/parsimony/deploy/ort.h) and ends it
// by closing its standard input.
//
// Messages, both ways: the lengths of a text and of a payload in bytes (little-endian, 4 and 8
// bytes), the text as JSON, the payload as float32 arrays one after the other.
//
//   {"do": "load", "model": PATH, "threads": N}  ->  {"runtime", "inputs": [PORT], "outputs": [PORT]}
//   {"do": "run", "shape": [...]} + values       ->  {"seconds", "outputs": [PORT]} + values
//   anything that fails                          ->  {"error": TEXT}
//
// PORT is {"name", "type", "shape"}; an extent of -1 is free.
import fs from "node:fs";
import { createRequire } from "node:module";
import ort from "onnxruntime-node";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
const STDIN = 0;
const STDOUT = 1;
let session = null;

// Blocking reads: there is nothing else to do meanwhile. False at the end of the input.
function readFully(bytes) {
  for (let done = 0; done < bytes.length; ) {
    const n = fs.readSync(STDIN, bytes, done, bytes.length - done, null);
    if (n === 0) return false;
    done += n;
  }
  return true;
}

function writeFully(bytes) {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(STDOUT, bytes, done, bytes.length - done);
  }
}

function receive() {
  const prefix = Buffer.alloc(12);
  if (!readFully(prefix)) return null;
  const text = Buffer.alloc(prefix.readUInt32LE(0));
  const values = new Float32Array(Number(prefix.readBigUInt64LE(4)) / 4);
  if (!readFully(text) || !readFully(new Uint8Array(values.buffer))) return null;
  return { ...JSON.parse(text.toString()), values };
}

function send(message, arrays = []) {
  const text = Buffer.from(JSON.stringify(message));
  const prefix = Buffer.alloc(12);
  prefix.writeUInt32LE(text.length, 0);
  prefix.writeBigUInt64LE(BigInt(arrays.reduce((sum, array) => sum + array.byteLength, 0)), 4);
  writeFully(prefix);
  writeFully(text);
  for (const array of arrays) writeFully(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
}

const port = ({ name, type, shape }) => ({
  name,
  type,
  shape: shape.map((extent) => (typeof extent === "number" ? extent : -1)),
});

async function load({ model, threads }) {
  session = await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
  });
  const tensors = (ports) => ports.filter(({ isTensor }) => isTensor).map(port);
  send({
    runtime: `ONNX Runtime ${version}`,
    inputs: tensors(session.inputMetadata),
    outputs: tensors(session.outputMetadata),
  });
}

async function run({ shape, values }) {
  const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", values, shape) };
  const start = process.hrtime.bigint();
  const results = await session.run(feeds);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const outputs = session.outputNames.map((name) => ({
    name,
    type: results[name].type,
    shape: [...results[name].dims],
  }));
  const floats = session.outputNames.map((name) => {
    const { data } = results[name];
    return data instanceof Float32Array ? data : Float32Array.from(data, Number);
  });
  send({ seconds, outputs }, floats);
}

const actions = { load, run };

for (let message = receive(); message !== null; message = receive()) {
  try {
    await actions[message.do](message);
  } catch (error) {
    send({ error: String(error?.message ?? error) });
  }
}
