// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/ort.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/deploy/child_process.h"
#include "parsimony/weights/tensor_file.h"

// Messages of the protocol, both ways: the lengths of a text and of a payload in bytes
// (little-endian, 4 and 8 bytes), the text as JSON, the payload as float arrays one after the
// other.
namespace parsimony::deploy {
namespace {

using nlohmann::json;

struct Message {
  json text;
  std::vector<float> payload;
};

constexpr std::size_t kPrefixBytes = 12;
// Far above anything real: a larger number means that something else than the protocol was read.
constexpr std::uint64_t kMaxText = 1 << 20;
constexpr std::uint64_t kMaxPayload = std::uint64_t{1} << 33;

std::filesystem::path ort_folder() {
  const char* chosen = std::getenv("PARSIMONY_ORT");
  return chosen != nullptr && *chosen != '\0' ? chosen : PARSIMONY_ORT_FOLDER;
}

std::span<const std::uint8_t> bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float)};
}

Message exchange(ChildProcess& process, const Message& request, double seconds) {
  const Deadline deadline = after_seconds(seconds);
  const std::string text = request.text.dump();
  std::vector<std::uint8_t> head(kPrefixBytes + text.size());
  auto text_bytes = static_cast<std::uint32_t>(text.size());
  std::uint64_t payload_bytes = request.payload.size() * sizeof(float);
  std::memcpy(head.data(), &text_bytes, 4);
  std::memcpy(head.data() + 4, &payload_bytes, 8);
  std::memcpy(head.data() + kPrefixBytes, text.data(), text.size());
  process.write(head, deadline);
  process.write(bytes_of(request.payload), deadline);

  head.resize(kPrefixBytes);
  process.read(head, deadline);
  std::memcpy(&text_bytes, head.data(), 4);
  std::memcpy(&payload_bytes, head.data() + 4, 8);
  core::require(
      text_bytes <= kMaxText && payload_bytes <= kMaxPayload && payload_bytes % sizeof(float) == 0,
      "ONNX Runtime's process answers with {} and {} bytes, which is not the protocol",
      text_bytes,
      payload_bytes);
  std::vector<std::uint8_t> answer(text_bytes);
  process.read(answer, deadline);
  Message reply{json::parse(answer, nullptr, /*allow_exceptions=*/false),
                std::vector<float>(payload_bytes / sizeof(float))};
  core::require(reply.text.is_object(),
                "ONNX Runtime's process answers something that is no JSON object");
  process.read({reinterpret_cast<std::uint8_t*>(reply.payload.data()), payload_bytes}, deadline);
  return reply;
}

RuntimePort to_port(const json& text) {
  return {text.at("name").get<std::string>(),
          text.at("type").get<std::string>(),
          text.at("shape").get<std::vector<std::int64_t>>()};
}

// Errors that ONNX Runtime reports are about the file or the input it was given.
void check_reply(const Message& reply, const std::filesystem::path& model) {
  if (reply.text.contains("error")) {
    core::throw_user_error(
        "{}: ONNX Runtime: {}", model.string(), reply.text.at("error").get<std::string>());
  }
}

std::map<std::string, RuntimeArray> split_outputs(const Message& reply) {
  std::map<std::string, RuntimeArray> outputs;
  std::size_t position = 0;
  for (const json& text : reply.text.at("outputs")) {
    RuntimeArray array{text.at("shape").get<std::vector<std::int64_t>>(), {}};
    const auto count = weights::count_elements(array.shape);
    core::require(
        count.has_value() && static_cast<std::size_t>(*count) <= reply.payload.size() - position,
        "ONNX Runtime's process announces more values than it sends");
    const auto begin = reply.payload.begin() + static_cast<std::ptrdiff_t>(position);
    array.values.assign(begin, begin + *count);
    position += static_cast<std::size_t>(*count);
    outputs.emplace(text.at("name").get<std::string>(), std::move(array));
  }
  return outputs;
}

bool fits(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& declared) {
  if (shape.size() != declared.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (declared[i] >= 0 && declared[i] != shape[i]) return false;
  }
  return true;
}

}  // namespace

std::string OrtSession::unavailable_reason() {
  const std::filesystem::path folder = ort_folder();
  if (!find_program("node")) {
    return fmt::format(
        "ONNX Runtime needs Node.js 18 or later, and there is no 'node' in PATH; install it "
        "(Debian: apt-get install "
        "nodejs npm) and run: npm ci --ignore-scripts --prefix {}",
        folder.string());
  }
  if (!std::filesystem::exists(folder / "serve.mjs")) {
    return fmt::format(
        "{} does not exist; set PARSIMONY_ORT to the folder tools/ort of Parsimony's sources",
        (folder / "serve.mjs").string());
  }
  if (!std::filesystem::exists(folder / "node_modules" / "onnxruntime-node" / "package.json")) {
    return fmt::format("ONNX Runtime is not installed; run: npm ci --ignore-scripts --prefix {}",
                       folder.string());
  }
  return {};
}

OrtSession::OrtSession(const std::filesystem::path& model, const OrtOptions& options)
    : model_(model), options_(options) {
  if (const std::string reason = unavailable_reason(); !reason.empty())
    throw core::Error(core::ErrorKind::kUser, reason);
  if (!std::filesystem::is_regular_file(model)) {
    core::throw_user_error("{}: there is no such file, expected an ONNX network", model.string());
  }
  process_ = std::make_unique<ChildProcess>(
      *find_program("node"), std::vector<std::string>{(ort_folder() / "serve.mjs").string()});
  const json request = {{"do", "load"},
                        {"model", std::filesystem::absolute(model).string()},
                        {"threads", options.threads}};
  const Message reply = exchange(*process_, {request, {}}, options.load_seconds);
  check_reply(reply, model);
  const json& inputs = reply.text.at("inputs");
  if (inputs.size() != 1) {
    core::throw_user_error(
        "{}: the network has {} inputs, expected one", model.string(), inputs.size());
  }
  input_ = to_port(inputs.at(0));
  for (const json& output : reply.text.at("outputs")) outputs_.push_back(to_port(output));
  runtime_ = reply.text.at("runtime").get<std::string>();
}

OrtSession::~OrtSession() = default;
OrtSession::OrtSession(OrtSession&&) noexcept = default;
OrtSession& OrtSession::operator=(OrtSession&&) noexcept = default;

pid_t OrtSession::process_id() const {
  return process_->id();
}

OrtRun OrtSession::run(const RuntimeArray& picture) {
  const auto count = weights::count_elements(picture.shape);
  core::require(count.has_value() && static_cast<std::size_t>(*count) == picture.values.size(),
                "an input of shape [{}] with {} values",
                fmt::join(picture.shape, ", "),
                picture.values.size());
  if (!fits(picture.shape, input_.shape)) {
    core::throw_user_error("{}: the input '{}' has shape [{}], found [{}]",
                           model_.string(),
                           input_.name,
                           fmt::join(input_.shape, ", "),
                           fmt::join(picture.shape, ", "));
  }
  const json request = {{"do", "run"}, {"shape", picture.shape}};
  const Message reply = exchange(*process_, {request, picture.values}, options_.run_seconds);
  check_reply(reply, model_);
  return {split_outputs(reply), reply.text.at("seconds").get<double>()};
}

RuntimeArray run_onnx(const std::filesystem::path& model,
                      const RuntimeArray& picture,
                      const OrtOptions& options) {
  OrtSession session(model, options);
  OrtRun run = session.run(picture);
  return std::move(run.outputs.at(session.outputs().at(0).name));
}

}  // namespace parsimony::deploy
