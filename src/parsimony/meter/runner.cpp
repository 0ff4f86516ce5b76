// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/runner.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/deploy/json_value.h"
#include "parsimony/meter/command.h"
#include "parsimony/meter/estimate.h"
#include "parsimony/meter/post.h"
#include "parsimony/meter/turn_queue.h"
#include "parsimony/objective/objective.h"

namespace parsimony::meter {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::string_view kModel = "{model}";
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr double kMaxBackoff = 300;
constexpr double kLongest = 3'600'000;  // milliseconds that a network is believed to take

// One try.
struct Attempt {
  ReadingEnd end = ReadingEnd::kFailed;
  std::string answer;  // of kMeasured: what is still to be understood
  std::string reason;  // of kFailed
  bool again = false;  // of kFailed: may be better later
};

bool is_passing(long status) {
  return status == 408 || status == 429 || status >= 500;
}

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, std::min<std::size_t>(text.find('\n'), 200));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

// Which conditions the answer states; those it does not state stay as they are.
void read_conditions(const Json& answer, const std::string& origin, Conditions& conditions) {
  const auto found = answer.find("conditions");
  if (found == answer.end()) return;
  const deploy::JsonValue group(*found, origin, "conditions");
  for (const auto& [key, value] : group.members()) {
    if (key == "device") conditions.device = value.text();
    if (key == "runtime") conditions.runtime = value.text();
    if (key == "precision") conditions.precision = value.text();
    if (key == "threads") conditions.threads = static_cast<int>(value.integer(0, 4096));
    if (key == "warm_up") conditions.warm_up = static_cast<int>(value.integer(0, 1e9));
    if (key == "batch") conditions.batch = static_cast<int>(value.integer(1, 1e6));
  }
}

class Runner final : public LatencyMeter {
 public:
  explicit Runner(RunnerOptions options) : options_(std::move(options)) {
    if (!options_.profile.empty()) fallback_ = latency::device_profile(options_.profile);
  }
  std::string name() const override { return std::string(objective::kRunner) + options_.name; }

  Reading measure(const Subject& subject, const core::Context& context) override {
    const std::filesystem::path file = subject.onnx();
    const TurnQueue::Turn turn(queue_, context.stop);
    if (!turn.granted()) return {ReadingEnd::kStopped, {}, {}};
    double pause = options_.backoff_s;
    for (int attempt = 0;; ++attempt) {
      Attempt result = options_.url.empty() ? run(file, context.stop) : post(file, context.stop);
      if (result.end == ReadingEnd::kStopped) return {ReadingEnd::kStopped, {}, {}};
      if (result.end == ReadingEnd::kMeasured) return understand(result.answer, subject);
      if (!result.again || attempt >= options_.retries) return give_up(result.reason, subject);
      context.log.line(core::LogLevel::kInfo,
                       fmt::format("{}: {}; again in {:.3g} s", name(), result.reason, pause));
      if (!wait(pause, context.stop)) return {ReadingEnd::kStopped, {}, {}};
      pause = std::min(2 * pause, kMaxBackoff);
    }
  }

 private:
  Attempt run(const std::filesystem::path& file, const core::StopFlag& stop) const {
    std::vector<std::string> words = options_.command;
    for (std::string& word : words) {
      const std::size_t at = word.find(kModel);
      if (at != std::string::npos) word.replace(at, kModel.size(), file.string());
    }
    CommandResult result = run_command(words, options_.timeout_s, stop);
    using End = CommandResult::End;
    if (result.end == End::kStopped) return {ReadingEnd::kStopped, {}, {}};
    if (result.end == End::kDone) return {ReadingEnd::kMeasured, std::move(result.output), {}};
    return {ReadingEnd::kFailed, {}, std::move(result.reason), result.end != End::kNoStart};
  }

  Attempt post(const std::filesystem::path& file, const core::StopFlag& stop) const {
    PostResult result = post_file(options_.url, file, options_.timeout_s, stop);
    using End = PostResult::End;
    if (result.end == End::kStopped) return {ReadingEnd::kStopped, {}, {}};
    if (result.end == End::kNoConnection) {
      return {ReadingEnd::kFailed, {}, fmt::format("{}: {}", options_.url, result.reason), true};
    }
    if (result.status == 200) return {ReadingEnd::kMeasured, std::move(result.body), {}};
    return {ReadingEnd::kFailed,
            {},
            fmt::format("{}: HTTP status {}, expected 200: {}",
                        options_.url,
                        result.status,
                        first_line(result.body)),
            is_passing(result.status)};
  }

  Reading understand(const std::string& answer, const Subject& subject) const {
    try {
      Measurement result = parse_answer(answer, options_.name);
      result.meter = name();
      if (subject.network() != nullptr)
        result.conditions.input = {3, subject.picture().height, subject.picture().width};
      return {ReadingEnd::kMeasured, std::move(result), {}};
    } catch (const core::Error& error) {
      return give_up(error.what(), subject);
    }
  }

  Reading give_up(const std::string& reason, const Subject& subject) const {
    if (!fallback_ || subject.network() == nullptr) return {ReadingEnd::kFailed, {}, reason};
    Reading reading = estimate_on(*fallback_, subject);
    reading.measurement.meter = name();
    std::string& note = reading.measurement.note;
    note = fmt::format("estimated, not measured: {}{}{}", reason, note.empty() ? "" : "; ", note);
    if (reading.end == ReadingEnd::kFailed)
      reading.reason = fmt::format("{}; {}", reason, reading.reason);
    return reading;
  }

  // False: stopped meanwhile.
  static bool wait(double seconds, const core::StopFlag& stop) {
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (Clock::now() < end) {
      if (stop.requested()) return false;
      std::this_thread::sleep_for(kLook);
    }
    return !stop.requested();
  }

  RunnerOptions options_;
  std::optional<latency::DeviceProfile> fallback_;
  TurnQueue queue_;
};

void check(const RunnerOptions& options, const std::string& origin) {
  if (options.name.empty()) core::throw_user_error("{}: the runner has no 'name'", origin);
  if (options.command.empty() == options.url.empty()) {
    core::throw_user_error("{}: expected either 'command' or 'url', found {}",
                           origin,
                           options.url.empty() ? "neither" : "both");
  }
  if (!options.url.empty()) {
    if (!options.url.starts_with("http://") && !options.url.starts_with("https://"))
      core::throw_user_error(
          "{}: 'url' must begin with http:// or https://, found '{}'", origin, options.url);
    return;
  }
  const bool names_model =
      std::any_of(options.command.begin(), options.command.end(), [](const std::string& word) {
        return word.find(kModel) != std::string::npos;
      });
  if (!names_model)
    core::throw_user_error(
        "{}: no word of 'command' holds {}, which becomes the ONNX file's path", origin, kModel);
}

}  // namespace

void RunnerOptions::visit(core::FieldVisitor& v) {
  v.field("name", name, {"how the device is called in reports"});
  v.field("command", command, {"program and arguments; {model} becomes the ONNX file's path"});
  v.field("url", url, {"instead of a command: the ONNX file is sent there by HTTP POST"});
  v.field("timeout_s", timeout_s, {"seconds for one answer", 0.05, 86'400});
  v.field("retries", retries, {"tries after a device that is away or breaks off", 0, 100});
  v.field("backoff_s", backoff_s, {"seconds before the first retry, doubled each time", 0, 3600});
  v.field("profile", profile, {"device profile that stands in when there is no measurement"});
}

RunnerOptions read_runner(const std::string& file) {
  const core::Config config = core::Config::from_file(file);
  RunnerOptions options;
  config.read_into(options);
  check(options, file);
  return options;
}

Measurement parse_answer(std::string_view answer, const std::string& name) {
  const std::string origin = "the answer of " + name;
  const Json json = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    core::throw_user_error(
        "{}: expected a JSON object with median_ms, quartiles_ms and "
        "repetitions, found '{}'",
        origin,
        first_line(std::string(answer)));
  }
  const deploy::JsonValue root(json, origin);
  Measurement result;
  result.median = root.at("median_ms").number();
  if (!(result.median > 0 && result.median <= kLongest))
    root.at("median_ms").fail(fmt::format("a number above 0 and at most {:.0f}", kLongest));
  const std::vector<deploy::JsonValue> quartiles = root.at("quartiles_ms").items();
  if (quartiles.size() != 2) root.at("quartiles_ms").fail("a list of two numbers");
  result.first_quartile = quartiles[0].number();
  result.third_quartile = quartiles[1].number();
  const bool ordered = result.first_quartile > 0 && result.first_quartile <= result.median &&
                       result.median <= result.third_quartile && result.third_quartile <= kLongest;
  if (!ordered) root.at("quartiles_ms").fail("two numbers above 0 that the median lies between");
  result.min = result.first_quartile;
  if (json.contains("min_ms")) {
    result.min = root.at("min_ms").number();
    if (!(result.min > 0 && result.min <= result.first_quartile))
      root.at("min_ms").fail("a number above 0 and at most the first quartile");
  }
  result.repetitions = static_cast<int>(root.at("repetitions").integer(1, 1e9));
  result.conditions.device = name;
  result.conditions.runtime = "unknown";
  result.conditions.threads = 0;
  read_conditions(json, origin, result.conditions);
  return result;
}

std::unique_ptr<LatencyMeter> make_runner(RunnerOptions options) {
  check(options, "the runner '" + options.name + "'");
  return std::make_unique<Runner>(std::move(options));
}

std::unique_ptr<LatencyMeter> make_runner(const std::string& file, const MeterOptions&) {
  return std::make_unique<Runner>(read_runner(file));
}

}  // namespace parsimony::meter
