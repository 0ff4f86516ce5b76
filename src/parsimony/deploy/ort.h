// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace parsimony::deploy {

class ChildProcess;

// A row-major array that goes into or comes out of a network.
struct RuntimeArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

// An input or output as the network's file declares it.
struct RuntimePort {
  std::string name;
  std::string type;                 // of the elements: "float32", "uint8", "int64", ...
  std::vector<std::int64_t> shape;  // -1: any extent
};

struct OrtOptions {
  int threads = 1;            // that ONNX Runtime computes with
  double load_seconds = 300;  // how long starting and loading may take on a busy machine
  double run_seconds = 300;   // how long one run may take
};

// An ONNX file in ONNX Runtime, which lives in a Node.js process of its own (tools/ort) for as long
// as the object: its memory and its crashes stay there, and nothing has to be linked.
//
//   if (!OrtSession::available()) skip(OrtSession::unavailable_reason());
//   OrtSession session("model.onnx", {.threads = 2});
//   const OrtRun run = session.run({{1, 3, 256, 256}, picture});
//   use(run.outputs.at("logits").values, run.seconds);
//
// A file that is missing or broken and an input that does not fit are user errors with ONNX
// Runtime's text; a process that dies or hangs is an internal error with its last words. One thread
// at a time.
struct OrtRun {
  std::map<std::string, RuntimeArray> outputs;  // of any type, as floats
  double seconds = 0;  // of the computation alone, measured beside it; for latencies
};

class OrtSession {
 public:
  explicit OrtSession(const std::filesystem::path& model, const OrtOptions& options = {});
  ~OrtSession();
  OrtSession(OrtSession&&) noexcept;
  OrtSession& operator=(OrtSession&&) noexcept;

  // Whether Node.js and the package are installed: in the folder that the environment variable
  // PARSIMONY_ORT names, else in tools/ort of the sources this program was built from.
  static bool available() { return unavailable_reason().empty(); }
  // What is missing and how to install it; empty when nothing is.
  static std::string unavailable_reason();

  const RuntimePort& input() const { return input_; }
  const std::vector<RuntimePort>& outputs() const { return outputs_; }
  const std::string& runtime() const { return runtime_; }  // "ONNX Runtime 1.22.0"
  pid_t process_id() const;

  OrtRun run(const RuntimeArray& picture);

 private:
  std::filesystem::path model_;
  OrtOptions options_;
  std::unique_ptr<ChildProcess> process_;
  RuntimePort input_;
  std::vector<RuntimePort> outputs_;
  std::string runtime_;
};

// The first output of a network for one picture.
RuntimeArray run_onnx(const std::filesystem::path& model,
                      const RuntimeArray& picture,
                      const OrtOptions& options = {});

}  // namespace parsimony::deploy
