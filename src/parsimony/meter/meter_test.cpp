// SPDX-License-Identifier: Apache-2.0
#include "parsimony/meter/meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/deploy/ort.h"
#include "parsimony/deploy/testing/networks.h"
#include "parsimony/deploy/testing/ort_or_skip.h"
#include "parsimony/latency/profile.h"
#include "parsimony/meter/host.h"
#include "parsimony/meter/networks_for_test.h"
#include "parsimony/network/network.h"

namespace parsimony::meter {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const MeterOptions kShort = {.threads = 1, .timing = {.seconds = 0.05}};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kUser);
    return error.what();
  }
  return "no error";
}

void expect_measured(const Reading& reading, const std::string& meter) {
  ASSERT_EQ(reading.end, ReadingEnd::kMeasured) << reading.reason;
  const Measurement& got = reading.measurement;
  EXPECT_EQ(got.meter, meter);
  EXPECT_GT(got.min, 0);
  EXPECT_LE(got.min, got.first_quartile);
  EXPECT_LE(got.first_quartile, got.median);
  EXPECT_LE(got.median, got.third_quartile);
  EXPECT_GE(got.repetitions, kShort.timing.repetitions / 2);
  EXPECT_GE(got.conditions.warm_up, kShort.timing.warm_up);
  EXPECT_FALSE(got.estimated);
  EXPECT_EQ(got.conditions.device, host_name());
  EXPECT_EQ(got.conditions.threads, 1);
  EXPECT_EQ(got.conditions.batch, 1);
  EXPECT_THAT(got.conditions.input, testing::ElementsAre(3, 32, 48));
}

TEST(HostTorch, MeasuresUnderStatedConditions) {
  TestContext test;
  const auto meter = make_meter("host-torch", kShort);
  const Reading reading = meter->measure(small_subject(), test.context);
  expect_measured(reading, "host-torch");
  EXPECT_THAT(reading.measurement.conditions.runtime, HasSubstr("LibTorch "));
}

TEST(HostTorch, MeasuresWithSeveralThreadsAndLeavesThreadsAsTheyWere) {
  TestContext test;
  const int before = at::get_num_threads();
  const auto meter = make_meter("host-torch", {.threads = 2, .timing = {.seconds = 0.05}});
  const Reading reading = meter->measure(small_subject(), test.context);
  ASSERT_EQ(reading.end, ReadingEnd::kMeasured);
  EXPECT_EQ(reading.measurement.conditions.threads, 2);
  EXPECT_EQ(at::get_num_threads(), before);
}

class HostOnnxTest : public deploy::testing::NeedsOrt {};

TEST_F(HostOnnxTest, MeasuresANetworkAndItsFileAlike) {
  TestContext test;
  const auto meter = make_meter("host-onnx", kShort);
  const Subject subject = small_subject();
  const Reading reading = meter->measure(subject, test.context);
  expect_measured(reading, "host-onnx");
  EXPECT_THAT(reading.measurement.conditions.runtime, HasSubstr("ONNX Runtime "));
  expect_measured(meter->measure(Subject(subject.onnx()), test.context), "host-onnx");
}

TEST(Profile, EstimatesAsTheProfileSays) {
  TestContext test;
  const Reading reading = make_meter("profile:gap8", {})->measure(small_subject(), test.context);
  ASSERT_EQ(reading.end, ReadingEnd::kMeasured);
  const Measurement& got = reading.measurement;
  const latency::DeviceProfile device = latency::device_profile("gap8");
  EXPECT_TRUE(got.estimated);
  EXPECT_DOUBLE_EQ(
      got.median,
      latency::estimate(device, latency::work_of(small_network(), {32, 48})).milliseconds);
  EXPECT_EQ(got.min, got.median);
  EXPECT_EQ(got.error, device.error);
  EXPECT_EQ(got.conditions.precision, "int8");
  EXPECT_EQ(got.conditions.runtime, "profile gap8");
}

TEST(MakeMeter, NamesTheNearest) {
  EXPECT_THAT(error_of([] { make_meter("host-troch", {}); }),
              AllOf(HasSubstr("unknown meter 'host-troch'"),
                    HasSubstr("profile:NAME|FILE"),
                    HasSubstr("did you mean 'host-torch'")));
  EXPECT_THAT(error_of([] { make_meter("", {}); }), HasSubstr("unknown meter"));
  EXPECT_THAT(error_of([] { make_meter("profile", {}); }), HasSubstr("expected profile:NAME|FILE"));
  EXPECT_THAT(error_of([] { make_meter("host-torch:2", {}); }), HasSubstr("expected host-torch"));
  EXPECT_THAT(error_of([] { make_meter("profile:gap9", {}); }), HasSubstr("unknown device 'gap9'"));
  EXPECT_THAT(error_of([] { make_meter("runner:nowhere.yaml", {}); }), HasSubstr("nowhere.yaml"));
}

TEST(Meters, OnlyThoseThatReadFilesTakeThem) {
  TestContext test;
  const Subject network = small_subject();
  const Subject file(network.onnx());
  EXPECT_THAT(error_of([&] { make_meter("host-torch", kShort)->measure(file, test.context); }),
              HasSubstr("use host-onnx"));
  EXPECT_THAT(error_of([&] { make_meter("profile:gap8", {})->measure(file, test.context); }),
              HasSubstr("name the model's folder"));
  EXPECT_THAT(error_of([] { Subject("nowhere.onnx"); }), HasSubstr("nowhere.onnx"));
}

// Every row of the table that can be made without a file.
TEST(Meters, AreStopped) {
  TestContext test;
  test.stop.request();
  for (const MeterKind& kind : meter_kinds()) {
    if (kind.name == "runner") continue;  // runner_test.cpp
    if (kind.name == "host-onnx" && !deploy::OrtSession::available()) continue;
    const std::string text = std::string(kind.name) + (kind.argument.empty() ? "" : ":gap8");
    EXPECT_EQ(make_meter(text, kShort)->measure(small_subject(), test.context).end,
              ReadingEnd::kStopped)
        << text;
  }
}

TEST(MeasurementJson, ReadsBackAndKeepsItsKeys) {
  Measurement measurement{
      .meter = "host-torch",
      .median = 1.5,
      .first_quartile = 1.25,
      .third_quartile = 2,
      .min = 1,
      .repetitions = 40,
      .estimated = false,
      .error = 0,
      .conditions = {.device = "cpu", .runtime = "LibTorch", .input = {3, 4, 5}},
      .note = "quiet"};
  const nlohmann::ordered_json json = to_json(measurement);
  EXPECT_EQ(json["unit"], "ms");
  EXPECT_EQ(json["median"], 1.5);
  EXPECT_EQ(json["quartiles"], (nlohmann::ordered_json{1.25, 2.0}));
  EXPECT_EQ(json["repetitions"], 40);
  EXPECT_EQ(json["conditions"]["input"], (nlohmann::ordered_json{3, 4, 5}));
  EXPECT_EQ(read_measurement(json, "test"), measurement);

  for (const auto& [key, value] : json.items()) {
    if (key == "unit") continue;
    nlohmann::ordered_json damaged = json;
    damaged.erase(key);
    EXPECT_THAT(error_of([&] { read_measurement(damaged, "test"); }), HasSubstr(key));
    damaged[key] = nlohmann::ordered_json::array({"x"});
    EXPECT_THAT(error_of([&] { read_measurement(damaged, "test"); }), HasSubstr(key));
  }
  nlohmann::ordered_json three = json;
  three["quartiles"] = {1, 2, 3};
  EXPECT_THAT(error_of([&] { read_measurement(three, "test"); }), HasSubstr("found 3"));
}

// Random weights must neither die away into denormal numbers nor grow beyond all bounds.
TEST(Untrained, KeepsValuesInRange) {
  const graph::Graph graph =
      deploy::testing::cell_network(deploy::testing::kArch0, "mobilenet_v2", 32, 5);
  const Subject subject = Subject::untrained(graph, {64, 64});
  network::Network network(subject.network()->graph, core::Rng(0), {});
  network.load(subject.network()->weights, "test");
  const at::NoGradGuard no_grad;
  const double largest = network.logits({at::rand({1, 3, 64, 64})}, network::Phase::kEvaluation)
                             .abs()
                             .max()
                             .item<double>();
  EXPECT_GT(largest, 1e-12);
  EXPECT_LT(largest, 1e20);
}

}  // namespace
}  // namespace parsimony::meter
